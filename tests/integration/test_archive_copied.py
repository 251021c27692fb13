"""An archive's folder that was copied or moved: its table still names the files of the one that it was copied from."""

from __future__ import annotations

import shutil
from datetime import timedelta
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from signal_log import clock
from signal_log.errors import ProofError
from signal_log.models import SignalEvent
from signal_log.seal.iceberg import catalog
from signal_log.seal.iceberg.opening import open_archive
from signal_log.seal.iceberg.place import read_place
from signal_log.seal.stored import names_of_log
from tests.integration.redacting import REASON
from tests.integration.verified import log_in

pytestmark = pytest.mark.django_db


def run(*words: str) -> None:
    """Run a command."""
    call_command(*words, stdout=StringIO(), stderr=StringIO())


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_copy_is_neither_taken_for_the_archive_nor_written_through(tmp_path, settings, monkeypatch):
    """Whatever opens it says where it was made and what to do, and touches nothing of either; nothing is pruned."""
    log_in(tmp_path, settings)
    one, two = tmp_path / "one", tmp_path / "two"
    run("signal_archive", str(one), "--all")
    shutil.copytree(one, two)
    shutil.rmtree(two / "signal_log")
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=10))
    number, before = SignalEvent.objects.count(), content(tmp_path)
    for words in (
        ("signal_verify", "--archive", str(two)),
        ("signal_prune", "--keep-days", "5", "--archive", str(two)),
        ("signal_archive", str(two), "--all"),
        ("signal_archive", str(two), "--list"),
        ("signal_redact", "auth.User", "5", "--reason", REASON, "--archive", str(two), "--no-vacuum"),
    ):
        with pytest.raises(CommandError) as ended:
            run(*words)
        assert ended.value.returncode == 2, words
        assert (
            f"The catalog of {two} says that this log's archive is in {one}. Give that place. If {two} is a copy, or "
            "was moved: restore a copy to where the archive was"
        ) in str(ended.value), words
    assert SignalEvent.objects.count() == number
    assert content(tmp_path) == before


def test_a_copy_of_which_not_every_path_was_changed_is_refused(tmp_path, settings, monkeypatch):
    """Who edits the catalog and the table's metadata has not reached the manifests, which name the files of rows."""
    log_in(tmp_path, settings)
    folder = tmp_path / "archive"
    run("signal_archive", str(folder), "--all")
    archive = open_archive(str(folder), names_of_log())
    monkeypatch.setattr(type(archive.table), "location", lambda _: "file:///elsewhere/signal_log/events")
    path = archive.table.inspect.files()["file_path"][0].as_py().removeprefix("file://")
    with pytest.raises(ProofError, match=f"names a file that is not below it, {path}: it is a copy in which not every"):
        archive.parts()
    with pytest.raises(ProofError, match="names a file that is not below it"):
        archive.part(1, 0)


@pytest.mark.parametrize(
    ("url", "location", "is_here"),
    [
        ("s3://b/log?catalog=sqlite:////c.db", "s3://b/log/signal_log/events", True),
        ("s3://b/log?catalog=sqlite:////c.db", "s3://b/log2/signal_log/events", False),
        ("s3://b/log?catalog=sqlite:////c.db", "s3://b/log/older/signal_log/events", False),
        ("s3://b/log?catalog=https://catalog.example", "s3://elsewhere/0123", True),
        ("/srv/an%20archive?catalog=sqlite:////c.db", "file:///srv/an%2520archive/signal_log/events", True),
        ("/srv/archive?catalog=sqlite:////c.db", "/srv/archive/signal_log/events", True),
    ],
)
def test_a_table_is_where_its_url_says(url, location, is_here):
    """In storage as in a folder; a service decides itself where the table lies."""
    found = SimpleNamespace(location=lambda: location)
    if is_here:
        catalog._must_be_here(found, read_place(url))
    else:
        with pytest.raises(ProofError, match=f"says that this log's archive is in {location.rpartition('/signal')[0]}"):
            catalog._must_be_here(found, read_place(url))
