"""Erases a person from archives: their lines are written anew, so that each still gives its digest and its root.

Which archives there are is told by the events of the prunes that wrote them, or by whoever redacts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.audit.archived_event import event_of
from signal_log.audit.redaction.archive_files import File, Files, Folder, Table
from signal_log.audit.redaction.batch import COMMAND, ROWS_A_BATCH, labels_of
from signal_log.audit.redaction.erase import Change
from signal_log.audit.redaction.whom import Whom
from signal_log.audit.this_database import place
from signal_log.audit.which_archive import away, is_table, told_by_prunes, told_tables
from signal_log.conf import conf
from signal_log.errors import RedactionError
from signal_log.maintenance import maintenance
from signal_log.models import SignalEvent
from signal_log.seal.archive import Line, line_of, manifest_files
from signal_log.seal.canonical import timestamp
from signal_log.seal.iceberg.opening import open_archive
from signal_log.seal.iceberg.place import is_iceberg, read_place
from signal_log.seal.ranges import Ranges
from signal_log.seal.remains import DONE
from signal_log.seal.stored import names_of_log, trees
from signal_log.store.read import events


class Folders(NamedTuple):
    """The archives that a redaction knows of."""

    there: list[Files]
    """Those that it reads and writes."""
    unreached: list[str]
    """Why it does not reach others, each in a sentence."""


def folders(given: Iterable[str] = ()) -> Folders:
    """The archives that this very database has written, the one of the setting ``ARCHIVE``, and those given.

    A copy of the database tells of the same archives, which are another's then: they have to be given. Raises
    ``ProofError`` for one that is damaged, or of another log.
    """
    kinds = {one: is_table(one) for one in given}
    tables = {read_place(one).location: one for one, is_one in kinds.items() if is_one}
    named = {Path(one).resolve() for one, is_one in kinds.items() if not is_one}
    here = place(connections[conf.DATABASE])
    configured = {read_place(conf.ARCHIVE).location: str(conf.ARCHIVE)} if conf.ARCHIVE else {}
    found = dict.fromkeys(named, here)
    unreached = []
    told = told_tables()
    for where, by in {**told_by_prunes(), **told}.items():
        if where in tables or ("://" not in where and Path(where).resolve() in named):
            continue
        if where not in told and not (where in configured or is_iceberg(where)):
            found[Path(where)] = by
        elif by != here:
            unreached.append(_elsewhere(where))
        elif "://" not in where and not is_iceberg(configured.get(where, where)):
            unreached.append(away(where))
        elif "://" in where and where not in configured:
            unreached.append(f"the archive {where} is not given. Give its URL by --archive, or as ARCHIVE.")
        else:
            tables[where] = configured.get(where, where)
    there: list[Files] = [Table(open_archive(url, names_of_log())) for url in tables.values()]
    origins = list(trees().values_list("origin", flat=True))
    for folder, by in found.items():
        if not (folder.is_dir() and manifest_files(folder)):
            unreached.append(
                f"the archive {folder} is not there: most likely its disk is not mounted, or it was moved. Mount it, "
                "or give its place by --archive."
            )
        elif by != here:
            unreached.append(_elsewhere(folder))
        else:
            Folder(folder).must_be_of(origins)
            there.append(Folder(folder))
    return Folders(there, unreached)


def _elsewhere(where: object) -> str:
    return (
        f"the archive {where} was written where this database was not: this may be a copy, and the archive "
        "another's. If it is this one's, name it by --archive."
    )


def archived_events(there: Iterable[Files]) -> Iterator[SignalEvent]:
    """Every event of some archives, as the table had it; raises ``ProofError`` where one is damaged."""
    for archive in there:
        for file in archive.files():
            for line in file.lines():
                if line.event is not None:
                    yield event_of(line)


class Rewrite:
    """What is to change in one file of an archive."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.changes: dict[int, Change] = {}
        """By the event's id."""

    def redact(self, connection: BaseDatabaseWrapper, why: str, of: str, *, owned: bool) -> None:
        """Tell of the changes, make them, and tell that they are made; raises ``RedactionError``.

        The events come first: what they do not name was not redacted, and what they name may be done again. The last
        tells that it was done, so that an earlier file which is put back is not taken for one that was left as it was.
        """
        file = self.file.name
        changes = [self.changes[number] for number in sorted(self.changes)]
        told_at: dict[int, datetime] = {}
        openings = Ranges()
        for at in range(0, len(changes), ROWS_A_BATCH):
            part = changes[at : at + ROWS_A_BATCH]
            rows = {**labels_of(part, owned=owned), "archive": file}
            with maintenance(connection, COMMAND, why=why, rows=rows, of=of) as opening:
                moment = events().values_list("occurred_at", flat=True).get(pk=opening)
            told_at |= dict.fromkeys((one.id for one in part), moment)
            openings.add(opening)
        done = {DONE: str(openings), "archive": file, **self._write(told_at)}
        with maintenance(connection, COMMAND, why=why, rows=done, of=of):
            pass

    def _write(self, told_at: Mapping[int, datetime]) -> dict[str, str]:
        """Write the file anew, on disk before this returns."""
        lines = []
        for line in self.file.lines():
            change = self.changes.get(line.id) if line.id is not None else None
            lines.append(_changed(line, change, timestamp(told_at[change.id])) if change else line)
        try:
            return self.file.rewrite(lines, timestamp(max(told_at.values())))
        except OSError as error:
            raise RedactionError(
                f"The archive's file {self.file.name} could not be written: {error.strerror}."
            ) from error


Changes = Callable[[list[SignalEvent]], Iterable[Change]]
"""What becomes of those of some events that are to change, and may."""


def rewrites(there: Iterable[Files], whom: Whom, changes: Changes, *, owned: bool) -> Iterator[Rewrite]:
    """The files with events that are erased as a whole (``owned``), or in which they are masked."""
    for archive in there:
        for file in archive.files():
            found = Rewrite(file)
            archived = (event_of(line) for line in file.lines() if line.event is not None)
            mine = [event for event in archived if whom.owns(event) == owned]
            found.changes = {change.id: change for change in changes(mine)}
            if found.changes:
                yield found


def _changed(line: Line, change: Change, moment: str) -> Line:
    values = {name: value.hex() if isinstance(value, bytes) else value for name, value in change.new.items()}
    return line_of(line.index, change.id, {**(line.event or {}), **values, "redacted_at": moment})
