"""``signal_export`` writes what the history exports, completely or not at all, and its exit status says which."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError

from signal_log.audit.own_events import EXPORTED
from signal_log.management import progress
from signal_log.management.commands import signal_export
from signal_log.store import export
from tests.exports import parts
from tests.factories import make_event
from tests.log import recorded
from tests.servers.daphne import ROOT, environment
from tests.tail import database_url

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def managing(*arguments: str, env: dict[str, str], stdout: int) -> subprocess.Popen[str]:
    """Run a management command in a process of its own."""
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment(env), stdout=stdout, stderr=subprocess.PIPE, text=True)


class Terminal(io.StringIO):
    """A standard error that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def log() -> list[int]:
    """A log with some events."""
    return [make_event(object_repr=f"row {n}", outcome="failed" if n == 2 else "committed").pk for n in range(5)]


def run(*arguments: str, stderr: Any = None) -> str:
    """Run the command and return its output."""
    output = stderr or io.StringIO()
    call_command("signal_export", *arguments, stderr=output)
    return output.getvalue()


def ids_in(path: Path) -> list[int]:
    """Return the ids in a JSON Lines file."""
    return [event["id"] for event in parts(path.read_bytes())[1]]


def test_a_file_holds_what_the_filters_select(log: list[int], tmp_path: Path) -> None:
    """The file is readable only by its owner and names who made it; nothing else is left behind."""
    path = tmp_path / "log.jsonl"
    output = run("--output", str(path), "--object", "row", "--outcome", "!failed", "--after", str(log[0]))
    assert ids_in(path) == [log[1], log[3], log[4]]
    assert output == f"3 events in {path}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    about, _, _ = parts(path.read_bytes())
    assert about["by"]["name"].startswith("os:")
    assert about["filters"] == {"object": ["row"], "outcome": ["!failed"]}


def test_the_format_follows_the_name_unless_it_is_given(log: list[int], tmp_path: Path) -> None:
    """A name ending in .csv means CSV, any other JSON Lines, unless a format is given."""
    for name, given, is_csv in (("a.csv", "", True), ("a.CSV", "", True), ("a", "", False), ("b.csv", "jsonl", False)):
        path = tmp_path / name
        run("--output", str(path), *([f"--format={given}"] if given else []))
        assert path.read_bytes().startswith(b"\xef\xbb\xbfid,") == is_csv, name
        path.unlink()


def test_standard_output_holds_the_file_and_nothing_else(log: list[int], capfdbinary: Any) -> None:
    """Standard output can be piped."""
    assert run("--format", "csv", "--object", "row") == ""
    text = capfdbinary.readouterr().out.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [int(row["id"]) for row in rows] == log


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_file_has_nothing_that_a_terminal_obeys(tmp_path: Path, kind: str) -> None:
    """Whoever looks at it with ``cat``; its JSON is equal."""
    obeyed = "\x1b[31mX\x7f\x9b\u202e"
    make_event(object_pk="5", object_repr=obeyed, changes={"name": [None, obeyed]})
    path = tmp_path / f"log.{kind}"
    run("--output", str(path), "--object", "auth.User/5")
    written = path.read_text("utf-8-sig")
    assert not set(written) & {"\x1b", "\x7f", "\x9b", "\u202e"}
    if kind == "jsonl":
        line = json.loads(written)
        assert (line["object_repr"], line["changes"]) == (obeyed, {"name": [None, obeyed]})


def test_a_file_is_not_overwritten_unless_asked(log: list[int], tmp_path: Path) -> None:
    """With the option, the file is replaced as a whole."""
    path = tmp_path / "log.jsonl"
    path.write_text("precious")
    with pytest.raises(CommandError, match="--overwrite") as refused:
        run("--output", str(path))
    assert refused.value.returncode == 2
    assert path.read_text() == "precious"
    run("--output", str(path), "--overwrite", "--object", "row")
    assert ids_in(path) == log


def test_a_file_that_cannot_be_written_is_named_as_it_was_given(log: list[int], tmp_path: Path) -> None:
    """With the folder that is missing, or what the system says; never the file that was to become it."""
    with pytest.raises(CommandError) as missing:
        run("--output", str(tmp_path / "nowhere" / "all.jsonl"))
    assert (
        str(missing.value) == f"The export failed: there is no folder {tmp_path}/nowhere for all.jsonl. Make it first."
    )
    (tmp_path / "file").touch()
    with pytest.raises(CommandError) as refused:
        run("--output", str(tmp_path / "file" / "all.jsonl"))
    assert str(refused.value) == f"The export failed: {tmp_path}/file/all.jsonl: Not a directory"


def test_what_is_no_file_is_written_into_and_stays_what_it_is(log: list[int], tmp_path: Path) -> None:
    """Root would otherwise turn /dev/null into a file; a link stays a link."""
    pipe, link, real = tmp_path / "pipe", tmp_path / "link", tmp_path / "real.jsonl"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    run("--output", str(pipe), "--object", "row")
    assert os.read(reading, 100).startswith(b'{"export"')
    os.close(reading)
    real.touch()
    link.symlink_to(real)
    run("--output", str(link), "--overwrite", "--object", "row")
    assert ids_in(real) == log
    assert {path.name: stat.S_IFMT(path.lstat().st_mode) for path in tmp_path.iterdir()} == {
        "pipe": stat.S_IFIFO, "link": stat.S_IFLNK, "real.jsonl": stat.S_IFREG,
    }  # fmt: skip


@pytest.mark.parametrize("error", [OSError("disk full"), OperationalError("gone away"), KeyboardInterrupt()])
def test_an_aborted_export_leaves_no_file(
    log: list[int], tmp_path: Path, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the reason, no partial file is left, and the file that was there before stays."""
    path = tmp_path / "log.jsonl"
    path.write_text("precious")
    monkeypatch.setattr(export, "PAGE", 2)
    done: list[int] = []

    def breaks(event: Any) -> dict[str, Any]:
        if len(done) == 3:
            raise error
        done.append(event.pk)
        return {"id": event.pk, "digest": "00000000"}

    monkeypatch.setattr(signal_export, "as_mapping", breaks)
    with pytest.raises(CommandError) as broken:
        run("--output", str(path), "--overwrite")
    assert broken.value.returncode == (130 if isinstance(error, KeyboardInterrupt) else 1)
    assert [file.name for file in tmp_path.iterdir()] == ["log.jsonl"]
    assert path.read_text() == "precious"


def test_a_reader_that_closes_the_pipe_ends_the_command_quietly(transactional_db: None) -> None:
    """With `| head` the command ends with one line and its exit status."""
    for _ in range(300):
        make_event(changes={"bio": [None, "x" * 4000]})
    reading, writing = os.pipe()
    with managing("signal_export", env={"DATABASE_URL": database_url()}, stdout=writing) as running:
        os.close(writing)
        os.read(reading, 10)
        os.close(reading)
        _, output = running.communicate(timeout=30)
    assert running.returncode == 1
    assert output.splitlines()[-1] == "CommandError: The export failed: the reader closed the pipe."
    assert "Traceback" not in output


@pytest.mark.parametrize(
    "argument", ["--since=yesterday", "--trace=7", "--outcome=lost", "--after=x", "--format=xml", "--q=\udcff"]
)
def test_invalid_input_is_named(argument: str, tmp_path: Path) -> None:
    """Invalid arguments are named before anything is written."""
    with pytest.raises(CommandError) as refused:
        run("--output", str(tmp_path / "x"), argument)
    assert argument.partition("=")[0].strip("-") in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_times_in_the_wrong_order_are_refused(tmp_path: Path) -> None:
    """An empty file that claims to be complete would hide the slip, as the history does not either."""
    with pytest.raises(CommandError, match="'until' is earlier than 'since'") as refused:
        run("--output", str(tmp_path / "x"), "--since", "now-1h", "--until", "now-2h")
    assert refused.value.returncode == 2
    assert not list(tmp_path.iterdir())


def test_progress_is_for_terminals(log: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The progress is one line on a terminal, cleared at the end."""
    monkeypatch.setattr(progress, "INTERVAL", 0)
    output = run("--output", str(tmp_path / "a.jsonl"), "--object", "row", stderr=Terminal())
    assert "5 events, " in output
    assert f"at {log[-1]:,} of {log[-1]:,}" in output
    assert output.endswith(f"\r\033[K5 events in {tmp_path / 'a.jsonl'}\n")
    assert "\r" not in run("--output", str(tmp_path / "b.jsonl"))


def test_secrets_stay_masked(tmp_path: Path) -> None:
    """What the recorder masked is masked in the export as well."""
    user = User.objects.create_user("secretive", password="swordfish-9")
    run("--output", str(tmp_path / "a.csv"), "--object", f"auth.User/{user.pk}")
    assert "secretive" in (tmp_path / "a.csv").read_text()
    assert user.password not in (tmp_path / "a.csv").read_text()


def test_an_export_by_a_command_is_an_event(log: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With who ran it, the format and the filters; a log that cannot be written is exported and that is said."""
    with recorded() as events:
        run("--object", "row 1", "--format", "csv", "--output", str(tmp_path / "file.csv"))
    (told,) = events
    assert (told.signal, told.labels["format"], told.labels["filters"]) == (EXPORTED, "csv", {"object": ["row 1"]})
    assert told.actor_repr.startswith("os:")

    def fail(*_: object, **__: object) -> None:
        raise OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(signal_export, "tell", fail)
    assert "does not tell of this export" in run("--output", str(tmp_path / "file.jsonl"))
    assert (tmp_path / "file.jsonl").exists()
