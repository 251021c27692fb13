"""``signal_archive``: sealed events leave for an Iceberg table, each once, with the bytes that were hashed."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from pyiceberg.exceptions import UnauthorizedError
from pyiceberg.table import Table
from sqlalchemy import Pool, event

from signal_log import clock
from signal_log.audit.own_events import ARCHIVED
from signal_log.checks.archives import check_archive
from signal_log.models import SignalEvent
from signal_log.seal.iceberg import catalog, columns, holding, part, table, writing
from signal_log.seal.iceberg.opening import open_archive
from signal_log.seal.stored import names_of_log
from signal_log.seal.verify import tables
from signal_log.store.read import as_mapping
from tests.integration.redacting import REASON, assert_intact, life_of
from tests.integration.redacting import run as redact
from tests.integration.redacting import sealed as seal_all
from tests.integration.verified import changed as changed_rows
from tests.integration.verified import log_in, said
from tests.sealed import sql

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(tmp_path, settings):
    """605 events, of which 600 are sealed, in parts of 256 leaves."""
    return log_in(tmp_path, settings)


@pytest.fixture
def small(monkeypatch):
    """Parts of 256 leaves."""
    for module in (columns, holding, part, table, tables, writing):
        monkeypatch.setattr(module, "LEAVES", 256)


def run(*args: str) -> str:
    """Return what the command prints."""
    out = StringIO()
    call_command("signal_archive", *args, stdout=out)
    return out.getvalue()


def held(folder: Path) -> list:
    """Every line of an archive."""
    archive = open_archive(str(folder), names_of_log())
    return [line for part in archive.parts() for line in archive.lines(part)]


def test_whole_parts_are_written_once_with_the_very_events(log, small, tmp_path):
    """What does not fill a part waits, or is written by --all; each event is as the log has it, and told of once."""
    folder = tmp_path / "archive"
    assert run(str(folder)).splitlines() == [
        f"Archived 512 events in {folder} (2 files, {size(folder)} MB).",
        "Waiting: 88 sealed events are not enough for a file of 65,536 yet; --all archives the rest, too.",
    ]
    assert "Archived 0 events" in run(str(folder))
    assert "Archived 88 events" in run(str(folder), "--all")
    lines = held(folder)
    assert [line.index for line in lines] == list(range(600))
    assert all(line.holds for line in lines)
    assert [dict(line.event, id=line.id) for line in lines] == [
        as_mapping(event) for event in SignalEvent.objects.filter(pk__in=log.ids[:600]).order_by("pk")
    ]
    told = SignalEvent.objects.filter(signal=ARCHIVED).order_by("pk")
    assert [event.labels["indexes"] for event in told] == ["g1:0-511", "g1:512-599"]
    assert {event.labels["archive"] for event in told} == {str(folder)}
    assert run(str(folder), "--list").splitlines()[-1] == f"3 files in {folder}."


def test_a_place_has_one_catalog_and_a_catalog_one_place(log, tmp_path):
    """Another catalog would remove the files that it does not know; another place would not be where the log says."""
    folder, catalog = tmp_path / "archive", f"sqlite:///{tmp_path}/other.db"
    run(str(folder), "--all")
    files = sorted(folder.rglob("*.parquet"))
    with pytest.raises(CommandError, match="which the catalog that was given does not know: it is another catalog's"):
        run(f"{folder}?catalog={catalog}", "--all")
    assert sorted(folder.rglob("*.parquet")) == files
    with pytest.raises(CommandError, match=f"says that this log's archive is in {folder}. Give that place"):
        run(f"{tmp_path}/elsewhere?catalog=sqlite:///{folder}/catalog.db", "--all")
    assert "Archived 0 events" in run(str(folder), "--all")


def test_what_is_gone_before_it_was_archived_is_said(log, small, tmp_path):
    """As where somebody has dropped a partition by hand: the command says how many, and verification which."""
    sql("DELETE FROM {log} WHERE id BETWEEN %s AND %s", log.ids[300], log.ids[310])
    told = run(str(tmp_path / "archive")).splitlines()
    assert told[0].startswith("Archived 501 events in ")
    assert told[1].startswith("Without their event: 11 leaves of the tree, as the table has it no more.")
    (found,) = said(archive=[tmp_path / "archive"])[1]["findings"]
    assert (found["kind"], found["indexes"]) == ("missing", "g1:300-310")


def test_no_connection_to_the_catalog_stays_open(log, tmp_path):
    """Nobody closes an archive, so each would have one until a garbage collection; a server opens one for a page."""
    opened: list[Any] = []

    def note(raw: Any, _: Any) -> None:
        opened.append(raw)

    def forget(raw: Any, _: Any) -> None:
        opened.remove(raw)

    watched = (Pool, "connect", note), (Pool, "close", forget)
    for each in watched:
        event.listen(*each)
    try:
        run(str(tmp_path / "archive"), "--all")
        archive = open_archive(str(tmp_path / "archive"), names_of_log())
        assert archive.parts()
        assert not opened
    finally:
        for each in watched:
            event.remove(*each)


def size(folder: Path) -> str:
    """The files' size as the command states it."""
    return f"{sum(path.stat().st_size for path in folder.rglob('*.parquet')) / 1e6:.1f}"


def copied(folder: Path) -> Path:
    """A copy of an archive in another place, with a catalog that names that."""
    other = Path(tempfile.mkdtemp(dir=folder.parent)) / "archive"
    archive = open_archive(str(folder), names_of_log())
    twin = open_archive(str(other), names_of_log(), make=True)
    for one in archive.parts():
        twin.table.append(archive.rows(one))
    return other


def changed(folder: Path, name: str, change: Callable[[Any], Any], index: int = 5) -> None:
    """Change a column of one row, and have the table name the new file, as whoever may write there could."""
    archive = open_archive(str(folder), names_of_log())
    part = archive.parts()[0]
    rows = archive.rows(part).to_pylist()
    rows[index][name] = change(rows[index][name])
    archive.table.overwrite(pa.Table.from_pylist(rows, schema=columns.schema().as_arrow()), "part = 0")


def test_what_was_changed_in_an_archive_is_found(log, small, tmp_path):
    """Bytes, columns beside them, a file that was cut, zeroed or is gone, a part that is there twice."""
    good = tmp_path / "archive"
    run(str(good))
    code, told = said(archive=[good])
    assert (code, told["verdict"]) == (0, "intact"), told
    assert "512 events of archives were compared with their leaves." in told["notes"]
    forged = {
        "payload": lambda value: value.replace(b"Ada", b"Eve"), "object_pk": lambda value: "9",
        "leaf": lambda value: bytes(32), "occurred_at": lambda value: value + timedelta(days=1),
        "id": lambda value: value + 1, "created": lambda value: True,
    }  # fmt: skip
    for name, change in forged.items():
        folder = copied(good)
        changed(folder, name, change)
        code, told = said(archive=[folder])
        assert code == 1, (name, told)
        assert "(leaves 0 to 255) holds 1 event that is not what was sealed" in told["findings"][0]["text"], name
    for spoil, code, words in (
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), 1, "it was changed, or cut short"),
        (lambda path: path.write_bytes(bytes(path.stat().st_size)), 1, "is damaged"),
        (lambda path: path.unlink(), 2, "is not there, although the table names it. Put it back from a copy"),
    ):
        folder = copied(good)
        archive = open_archive(str(folder), names_of_log())
        path = Path(archive.parts()[1].path.removeprefix("file://"))
        spoil(path)
        ended, told = said(archive=[folder])
        assert ended == code
        (sentence,) = told["not_checked"] or [one["text"] for one in told["findings"]]
        assert sentence.startswith(f"{path} (leaves 256 to 511) ")
        assert words in sentence
    folder = copied(good)
    archive = open_archive(str(folder), names_of_log())
    archive.table.append(archive.rows(archive.parts()[0]))
    code, told = said(archive=[folder])
    assert code == 1
    assert "holds leaves that another file of the table holds, too." in told["findings"][0]["text"]
    assert [said(archive=[folder], shard=(part, 2))[0] for part in (1, 2)] == [1, 0]


def later(monkeypatch, days: int = 10) -> None:
    """Let so many days pass."""
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=days))


def test_only_what_the_archive_holds_is_pruned(log, small, tmp_path, monkeypatch):
    """Row by row, verified; what is archived afterwards has the pruned events still, and all of it is intact."""
    folder = tmp_path / "archive"
    run(str(folder))
    changed(folder, "payload", lambda value: value.replace(b"Ada", b"Eve"))
    later(monkeypatch)
    out = StringIO()
    call_command("signal_prune", "--keep-days", "5", "--archive", str(folder), stdout=out)
    assert out.getvalue().splitlines() == [
        f"Pruned 511 events ({log.ids[0]:,} to {log.ids[511]:,}), which are in {folder}.",
        "Kept: 89 events that the archive does not hold as they are now; signal_archive adds what is missing",
        "Kept: 5 events not sealed yet",
    ]
    assert SignalEvent.objects.filter(pk=log.ids[5]).exists()
    changed(folder, "payload", lambda value: value.replace(b"Eve", b"Ada"))
    assert "Archived 88 events" in run(str(folder), "--all")
    assert [line.id for line in held(folder)] == log.ids[:600]
    assert said(archive=[folder])[0] == 0
    assert said(archive=[folder], shard=(2, 2))[0] == 0
    changed(folder, "id", lambda value: None, index=7)
    code, told = said(archive=[folder])
    assert code == 1
    archive = open_archive(str(folder), names_of_log())
    archive.table.delete("part = 0")
    code, told = said(archive=[folder])
    assert code == 2
    assert told["not_checked"] == ["255 pruned events are in none of the archives given: g1:0-4,6-255."]


@pytest.mark.parametrize("killed", [False, True])
def test_a_redaction_reaches_the_archive_and_leaves_no_bytes(tmp_path, monkeypatch, killed):
    """Some events are in the archive alone; no file of the folder has the person, and all of it verifies."""
    folder = tmp_path / "archive"
    user = life_of()
    seal_all()
    run(str(folder), "--all")
    with monkeypatch.context() as days:
        later(days)
        call_command("signal_prune", "--keep-days", "5", "--archive", str(folder), stdout=StringIO())
    run(str(folder), "--all")
    assert everything(folder, "quillon")
    assert_intact(tables=(str(folder),))
    if killed:
        with monkeypatch.context() as broken:
            broken.setattr(table.Archive, "put", interrupt)
            with pytest.raises(CommandError):
                redact("auth.User", user.key, "--reason", REASON, "--no-vacuum")
    told = redact("auth.User", user.key, "--reason", REASON, "--no-vacuum")
    assert f"in 1 file:\n  {folder}/g1-0" in told
    assert not everything(folder, "quillon")
    assert everything(folder, "mira")
    assert_intact(tables=(str(folder),))
    archive = open_archive(str(folder), names_of_log())
    assert len(archive.table.snapshots()) == 1
    assert len(list(folder.rglob("*.parquet"))) == 1


def everything(folder: Path, text: str) -> list[str]:
    """The files that hold a text: as bytes, and in the columns of Parquet files, whatever the table says of them."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    found = [str(path) for path in files if text.encode() in path.read_bytes().replace(b"quillonette", b"")]
    for path in folder.rglob("*.parquet"):
        values = [value for column in pq.read_table(path).columns for value in column.to_pylist()]
        texts = (value if isinstance(value, bytes) else str(value).encode() for value in values)
        found += [str(path)] if any(text.encode() in one.replace(b"quillonette", b"") for one in texts) else []
    return found


def interrupt(*_: Any, **__: Any) -> None:
    """Be killed."""
    raise KeyboardInterrupt


KILLED = """
import os, sys
from signal_log.seal.iceberg import catalog, columns, part, table
from signal_log.seal.iceberg.place import read_place

columns.LEAVES = table.LEAVES = part.LEAVES = 256
good, half = (catalog.open_table(read_place(one), [sys.argv[3]], make=True) for one in sys.argv[1:3])
first, second = good.parts()
half.put(1, list(good.lines(first)), replaces=False)
type(half.table.catalog).commit_table = lambda *_: os.kill(os.getpid(), 9)
half.put(1, list(good.lines(second)), replaces=False)
"""


def test_a_killed_run_is_begun_again_and_loses_and_doubles_nothing(log, small, tmp_path):
    """Killed between a file and the commit that would have named it: the next run removes it, and writes the part."""
    good, half = tmp_path / "good", tmp_path / "half"
    run(str(good))
    words = [sys.executable, "-c", KILLED, str(good), str(half), names_of_log()[-1]]
    assert subprocess.run(words, check=False, cwd=Path(table.__file__).parents[3]).returncode == -signal.SIGKILL
    assert len(list(half.rglob("*.parquet"))) == 2
    assert len(held(half)) == 256
    assert "Archived 256 events" in run(str(half))
    assert len(list(half.rglob("*.parquet"))) == 2
    assert [line.id for line in held(half)] == log.ids[:512]
    assert said(archive=[half])[0] == 0


def refused(*args: str) -> str:
    """Why an archive cannot be written."""
    with pytest.raises(CommandError) as ended:
        run(*args)
    assert ended.value.returncode == 2
    return str(ended.value)


def test_what_cannot_be_archived_is_said(log, small, tmp_path, monkeypatch, settings):
    """No place, a wrong one, another log's, a folder of lines, a full disk, storage that is down, somebody at work."""
    folder = tmp_path / "archive"
    assert refused() == 'Say where the archive is: signal_archive URL, or SIGNAL_LOG["ARCHIVE"].'
    assert "is a folder or s3://bucket/prefix, not 'ftp://there'" in refused("ftp://there")
    assert "needs a catalog: add ?catalog=https://" in refused("s3://bucket/log")
    assert "Give the storage's keys in the environment" in refused("s3://me:secret@bucket/log?catalog=https://there")
    assert f"There is no archive in {tmp_path}. `signal_archive` makes one." in refused("--list", str(tmp_path))
    down = refused("s3://bucket/log?catalog=http://127.0.0.1:9/")
    assert down.startswith("The archive s3://bucket/log cannot be read: ")
    assert down.endswith("storage or its catalog is down, or its address is wrong. Nothing is lost; run it again.")
    number = SignalEvent.objects.count()
    with pytest.raises(CommandError, match="storage or its catalog is down"):
        call_command("signal_prune", "--keep-days", "1", "--archive", "s3://bucket/log?catalog=http://127.0.0.1:9/")
    assert SignalEvent.objects.count() == number
    with monkeypatch.context() as closed:
        closed.setattr(catalog, "load_catalog", expired)
        assert refused("s3://bucket/log?catalog=http://127.0.0.1:9/").startswith(
            "The catalog of the archive s3://bucket/log refuses: the token has expired. Give its token in the "
            "environment, as PYICEBERG_CATALOG__SIGNAL_LOG__TOKEN, or name and secret"
        )
    with monkeypatch.context() as full:
        full.setattr("pyiceberg.table.Table.append", no_space)
        assert "cannot be written: [Errno 28] No space left on device. Its disk is full: make room there." in refused(
            str(folder)
        )
    with monkeypatch.context() as full:
        append = Table.append
        full.setattr(Table, "append", lambda *given: no_space() if list(folder.rglob("*.parquet")) else append(*given))
        assert "Its disk is full" in refused(str(folder))
    # Of what was written before that, whoever redacts is told.
    assert SignalEvent.objects.get(signal=ARCHIVED).labels["indexes"] == "g1:0-255"
    run(str(folder))
    with monkeypatch.context() as busy:
        busy.setattr("signal_log.audit.archiving.stand", lambda _: False)
        assert refused(str(folder)).startswith("Another signal_archive or signal_redact is at work")
        with pytest.raises(CommandError, match="Another signal_archive or signal_redact is at work"):
            redact("auth.User", "5", "--reason", REASON, "--no-vacuum")
    sql("UPDATE signal_log_sealtree SET origin = 'other.example/42/1'")
    here = f"The archive {folder} is of another log, log.example/0123456789abcdef; this one is other.example/42. "
    assert refused(str(folder)) == here + "Give each log its own."
    (tmp_path / "g1-0-4095.json").write_text("{}")
    assert "holds an archive of signal_prune, in files of lines" in refused(str(tmp_path))
    monkeypatch.setitem(sys.modules, "signal_log.seal.iceberg.catalog", None)
    monkeypatch.delattr("signal_log.seal.iceberg.catalog", raising=False)
    assert "needs packages that are not installed" in refused(str(folder))


def expired(*_: Any, **__: Any) -> None:
    """Refuse, as a catalog does."""
    raise UnauthorizedError("the token has expired")


def no_space(*_: Any) -> None:
    """Raise what a full disk does."""
    raise OSError(28, "No space left on device")


def test_rows_that_are_not_what_was_sealed_keep_their_part_out(log, small, tmp_path):
    """The others are written, and the command says so by its status."""
    changed_rows(log, 300)
    with pytest.raises(CommandError) as ended:
        run(str(tmp_path / "archive"))
    assert ended.value.returncode == 1
    assert f"somebody has changed or inserted event {log.ids[300]}:" in str(ended.value)
    assert [line.id for line in held(tmp_path / "archive")] == log.ids[:256]


def test_the_check_says_what_is_wrong_with_the_setting(settings, monkeypatch):
    """A URL that is none, and the extra that is missing; nothing without an archive, or with a good one."""
    for url, words in (
        ("ftp://there", "is a folder or s3://bucket/prefix"), ("s3://b/log", "needs a catalog"), ("/srv/archive", ""),
        ("rel/archive", "/rel/archive was meant."), ("/srv/archive?catalog=postgresql://u@host/c", ""),
        ("/srv/archive?catalog=postgresql://u:PASSW0RD@host/c", "the file ~/.pgpass"),
        ("s3://b/log?catalog=https://u:PASSW0RD@there/", "PYICEBERG_CATALOG__SIGNAL_LOG__CREDENTIAL"),
    ):  # fmt: skip
        settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "ARCHIVE": url}
        assert [words in str(one) and "PASSW0RD" not in str(one) for one in check_archive()] == [True] * bool(words)
    monkeypatch.setattr("signal_log.checks.archives.find_spec", lambda name: None)
    (told,) = check_archive()
    assert "pip install 'signal-log[archive]'" in str(told)
