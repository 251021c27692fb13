"""An archive whose disk is not mounted, or that is named by a relative path: nothing is written, and nothing goes."""

from __future__ import annotations

import shutil
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from signal_log import clock
from signal_log.models import SignalEvent
from tests.integration.redacting import REASON, life_of
from tests.integration.redacting import sealed as seal_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(monkeypatch):
    """A user whose events are sealed, and ten days old by now."""
    user = life_of()
    seal_all()
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=10))
    return user


def run(*words: str) -> str:
    """Return what a command prints."""
    out = StringIO()
    call_command(*words, stdout=out, stderr=StringIO())
    return out.getvalue()


def refused(*words: str) -> str:
    """Why a command does nothing."""
    number = SignalEvent.objects.count()
    with pytest.raises(CommandError) as ended:
        run(*words)
    assert ended.value.returncode == 2
    assert SignalEvent.objects.count() == number
    return str(ended.value)


def emptied(folder: Path) -> None:
    """Unmount its disk."""
    shutil.rmtree(folder)
    folder.mkdir()


def test_a_folder_whose_disk_is_not_mounted_is_written_to_by_nobody(user, tmp_path):
    """The log's events say that an archive is there: no other is begun, and a redaction says what it did not reach."""
    folder = tmp_path / "archive"
    run("signal_archive", str(folder), "--all")
    emptied(folder)
    words = (
        f"{folder} is empty, where an archive of signal_archive should be: most likely its disk is not mounted. Mount "
        "it, and run this again."
    )
    assert refused("signal_prune", "--keep-days", "5", "--archive", str(folder)) == words
    assert refused("signal_verify", "--archive", str(folder)) == f"Could not be checked: {words}"
    lost = " If the archive is lost, archive into another place."
    assert refused("signal_archive", str(folder), "--all") == words + lost
    assert "There is no archive in" in refused("signal_archive", str(folder), "--list")
    redaction = ("signal_redact", "auth.User", user.key, "--reason", REASON, "--no-vacuum")
    assert words in refused(*redaction, "--archive", str(folder))
    out = StringIO()
    with pytest.raises(CommandError) as ended:
        call_command(*redaction, stdout=out)
    assert ended.value.returncode == 1
    assert f"Not reached: {words}" in out.getvalue()
    assert not list(folder.iterdir())
    folder.rmdir()
    assert "archive is not there, where an archive" in refused("signal_verify", "--archive", str(folder))
    folder.mkdir()
    (folder / "lost+found").mkdir()
    assert "archive has no catalog.db, where an archive" in refused("signal_verify", "--archive", str(folder))
    (folder / "signal_log").mkdir()
    assert "has its catalog elsewhere: give its whole URL" in refused("signal_verify", "--archive", str(folder))


def test_a_prune_begins_no_files_where_the_log_knows_an_archive(user, tmp_path):
    """A wrong path is no wish for a second format, which pages do not read: that has to be said."""
    table, lines = tmp_path / "archive", tmp_path / "lines"
    run("signal_archive", str(table), "--all")
    prune = ("signal_prune", "--before", "1m", "--archive", str(lines))
    assert f"are of signal_archive: {table}. Give one of these, or --begin" in refused(*prune)
    lines.mkdir()
    assert f"{lines} has no archive" in refused(*prune)
    assert "archived in" in run(*prune, "--begin")
    seal_all()
    assert "Pruned" in run(*prune)
    emptied(lines)
    for words in (prune, (*prune, "--begin")):
        assert refused(*words).startswith(f"{lines} is empty, where earlier prunes wrote theirs: most likely its disk")
    lines.rmdir()
    assert f"{lines} is not there, where earlier prunes" in refused(*prune)
    lines.mkdir()
    (lines / "lost+found").mkdir()
    assert f"{lines} has no file of an archive, where" in refused(*prune)


@pytest.mark.parametrize("is_mount_point", [True, False])
def test_a_redaction_says_that_files_of_lines_are_away(user, tmp_path, is_mount_point):
    """An empty folder is no archive without the person."""
    folder = tmp_path / "lines"
    run("signal_prune", "--keep-days", "5", "--archive", str(folder))
    shutil.rmtree(folder)
    if is_mount_point:
        folder.mkdir()
    out = StringIO()
    with pytest.raises(CommandError) as ended:
        call_command("signal_redact", "auth.User", user.key, "--reason", REASON, "--no-vacuum", stdout=out)
    assert ended.value.returncode == 1
    assert f"Not reached: the archive {folder} is not there: most likely its disk is not mounted" in out.getvalue()


def test_the_folder_of_the_setting_takes_no_files_of_lines(user, tmp_path, settings):
    """Before the first run of signal_archive, too; any other folder does."""
    folder = tmp_path / "archive"
    settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "ARCHIVE": str(folder)}
    told = refused("signal_prune", "--keep-days", "5", "--archive", f"{folder}/")
    assert told.endswith("and run this again. If nothing was archived there yet: signal_archive makes it.")
    assert not folder.exists()
    assert "archived in" in run("signal_prune", "--keep-days", "5", "--archive", str(tmp_path / "lines"))


def test_every_command_refuses_a_relative_folder(user, tmp_path, monkeypatch):
    """With the path that was probably meant; a cron job begins in another directory than a person."""
    monkeypatch.chdir(tmp_path)
    redaction = ("signal_redact", "auth.User", user.key, "--reason", REASON, "--no-vacuum")
    for words in (("signal_prune", "--keep-days", "5"), ("signal_verify",), redaction):
        for given in ("archive", "./archive", "~/archive"):
            told = refused(*words, "--archive", given)
            assert f"is given by its whole path, and not as '{given}'" in told
            meant = Path(given).expanduser().resolve()
            assert told.endswith(f"Probably {meant} was meant.")
    assert not (tmp_path / "archive").exists()
