"""Erases a person from archives: their lines are written anew, so that each still gives its digest and its root.

Which archives there are is told by the events of the prunes that wrote them, or by whoever redacts.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.dateparse import parse_datetime

from signal_log.audit.batch import COMMAND, ROWS_A_BATCH, labels_of
from signal_log.audit.erase import Change
from signal_log.audit.this_database import place
from signal_log.audit.whom import Whom
from signal_log.conf import conf
from signal_log.errors import ProofError, RedactionError
from signal_log.event import MAINTENANCE
from signal_log.maintenance import maintenance
from signal_log.models import SignalEvent
from signal_log.seal import archive, archive_writing
from signal_log.seal.archive import Line, Manifest
from signal_log.seal.canonical import timestamp
from signal_log.seal.ranges import Ranges
from signal_log.seal.remains import DONE
from signal_log.seal.stored import trees
from signal_log.store.read import events

_BYTES: Final = ("salt", "digest", "kept_hashes")


class Folders(NamedTuple):
    """The archives that a redaction knows of."""

    there: list[Path]
    """Those that it reads and writes."""
    unreached: list[str]
    """Why it does not reach others, each in a sentence."""


def folders(given: Iterable[Path] = ()) -> Folders:
    """The archives that prunes of this very database have written, and those given.

    A copy of the database tells of the same archives, which are another's then: they have to be given. Raises
    ``ProofError`` for one that is damaged, or of another log.
    """
    named = {path.resolve() for path in given}
    here = place(connections[conf.DATABASE])
    told = events().filter(sender=SignalEvent._meta.label, object_pk="", signal=MAINTENANCE)
    found = dict.fromkeys(named, here)
    for labels in told.filter(source="command:signal_prune").order_by("pk").values_list("labels", flat=True).iterator():
        if isinstance(labels, dict) and isinstance(labels.get("archive"), str):
            folder = Path(labels["archive"]).parent
            if folder.resolve() not in named:
                found[folder] = labels.get("database", "")
    there, unreached = [], []
    origins = set(trees().values_list("origin", flat=True))
    for folder, by in found.items():
        if not folder.is_dir():
            unreached.append(f"the archive {folder} is not there. Give its place by --archive.")
        elif by != here:
            unreached.append(
                f"the archive {folder} was written where this database was not: this may be a copy, and the archive "
                "another's. If it is this one's, name it by --archive."
            )
        else:
            _must_be_ours(folder, origins)
            there.append(folder)
    return Folders(there, unreached)


def _must_be_ours(folder: Path, origins: set[str]) -> None:
    for manifest in archive.manifests(folder):
        if manifest.origin not in origins:
            raise ProofError(f"{folder / manifest.name} is of another log, {manifest.origin}.")


def archived_events(there: Iterable[Path]) -> Iterator[SignalEvent]:
    """Every event of some archives, as the table had it; raises ``ProofError`` where one is damaged."""
    for folder in there:
        for manifest in archive.manifests(folder):
            for line in archive.lines(folder, manifest):
                if line.event is not None:
                    yield event_of(line)


def event_of(line: Line) -> SignalEvent:
    """An archived event as a row of the table, which it is not any more."""
    told = dict(line.event or {})
    for name in _BYTES:
        told[name] = bytes.fromhex(told[name]) if told[name] else None
    for name in ("occurred_at", "redacted_at"):
        told[name] = parse_datetime(told[name]) if told[name] else None
    told["trace_id"] = uuid.UUID(told["trace_id"])
    return SignalEvent(id=line.id or 0, **told)


class Rewrite:
    """What is to change in one file of an archive."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self.changes: dict[int, Change] = {}
        """By the event's id."""

    def redact(self, connection: BaseDatabaseWrapper, why: str, of: str, *, owned: bool) -> None:
        """Tell of the changes, make them, and tell that they are made; raises ``RedactionError``.

        The events come first: what they do not name was not redacted, and what they name may be done again. The last
        tells that it was done, so that an earlier file which is put back is not taken for one that was left as it was.
        """
        file = str(self.folder / self.manifest.name)
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
        done = {DONE: str(openings), "archive": file, **self._write(told_at).hashes}
        with maintenance(connection, COMMAND, why=why, rows=done, of=of):
            pass

    def _write(self, told_at: Mapping[int, datetime]) -> Manifest:
        """Write the file anew, on disk before this returns."""
        lines = []
        for line in archive.lines(self.folder, self.manifest):
            change = self.changes.get(line.id) if line.id is not None else None
            lines.append(_changed(line, change, timestamp(told_at[change.id])) if change else line)
        try:
            return archive_writing.rewrite(self.folder, self.manifest, lines, timestamp(max(told_at.values())))
        except OSError as error:
            raise RedactionError(f"The archive {self.folder} could not be written: {error.strerror}.") from error


Changes = Callable[[list[SignalEvent]], Iterable[Change]]
"""What becomes of those of some events that are to change, and may."""


def rewrites(there: Iterable[Path], whom: Whom, changes: Changes, *, owned: bool) -> Iterator[Rewrite]:
    """The files with events that are erased as a whole (``owned``), or in which they are masked."""
    for folder in there:
        archive_writing.remove_leftovers(folder)
        for manifest in archive.manifests(folder):
            found = Rewrite(folder, manifest)
            lines = archive.lines(folder, manifest)
            archived = (event_of(line) for line in lines if line.event is not None)
            mine = [event for event in archived if whom.owns(event) == owned]
            found.changes = {change.id: change for change in changes(mine)}
            if found.changes:
                yield found


def _changed(line: Line, change: Change, moment: str) -> Line:
    values = {name: value.hex() if isinstance(value, bytes) else value for name, value in change.new.items()}
    return archive.line_of(line.index, change.id, {**(line.event or {}), **values, "redacted_at": moment})
