"""Reads the events of an export: those committed at one point in time, oldest first, while the log keeps growing.

The log is append-only, so that point is defined by the newest id and by the ids missing below it, which may still be
committed. Nothing else is held: each page is a separate statement, and no transaction stays open in between.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import connections

from signal_log import clock
from signal_log.filters import Filters
from signal_log.models import SignalEvent
from signal_log.seal.canonical import timestamp
from signal_log.store.reading import read_from, reading_from
from signal_log.store.span import LARGEST_ID, Span, selected, walk

VERSION: Final = 1
PAGE: Final = 1_000
"""Events per page, and so in memory at a time."""
LOOK_BACK: Final = 100_000
"""How far below the newest id a missing id counts as an event that may still be committed."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What to export: filters, a time range, also as it was typed, and exclusive bounds on the id."""

    filters: Filters = field(default_factory=Filters)
    since: datetime | None = None
    until: datetime | None = None
    after: int | None = None
    before: int | None = None
    typed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogSnapshot:
    """The log at one point in time: its newest and oldest id, and the id ranges in between without committed events."""

    at: datetime
    up_to: int
    oldest: int = 1
    missing: tuple[tuple[int, int], ...] = ()

    def holds(self, number: int) -> bool:
        """Whether an event that is in the log now was in it at that time."""
        index = bisect_right(self.missing, (number, LARGEST_ID)) - 1
        return self.oldest <= number <= self.up_to and (index < 0 or number > self.missing[index][1])


@dataclass(frozen=True, slots=True)
class Export:
    """A selection of the log as it was at one point in time."""

    selection: Selection
    snapshot: LogSnapshot
    alias: str = field(default_factory=read_from)
    """The database that it is read from."""

    @classmethod
    def begin(cls, selection: Selection) -> Export:
        """Start an export of the log as it is now."""
        return cls(selection, take_snapshot())

    def about(self) -> dict[str, Any]:
        """The export's metadata, as written to its file."""
        selection, snapshot = self.selection, self.snapshot
        return {
            "version": VERSION,
            "filters": dict(selection.filters.asked),
            "since": selection.since and timestamp(selection.since),
            "until": selection.until and timestamp(selection.until),
            "typed": dict(selection.typed),
            "after": selection.after,
            "before": selection.before,
            "order": "oldest first",
            "at": timestamp(snapshot.at),
            "up_to": max(snapshot.up_to, selection.after or 0),  # whoever continues from there reads nothing twice
            "missing": snapshot.missing,
        }

    def pages(self) -> Iterator[list[SignalEvent]]:
        """The events in order of id, page by page; a page is empty if a stretch of the log had no match."""
        for page, _ in self.stretches():
            yield page

    def stretches(self) -> Iterator[tuple[list[SignalEvent], int]]:
        """The same, each page with the id up to which the table has been read."""
        selection = self.selection
        with reading_from(self.alias):  # not longer: what is read between pages is no business of this one
            found, span = selected(selection.filters, selection.since, selection.until)
        top = min(span.high, self.snapshot.up_to, LARGEST_ID if selection.before is None else selection.before - 1)
        span = Span(span.low, top, span.scan)
        for page, reached in walk(found, span, selection.after or 0, PAGE, upwards=True):
            yield [event for event in page if self.snapshot.holds(event.pk)], reached


def take_snapshot() -> LogSnapshot:
    """The log's oldest and newest id and the ids missing near its end, read in one statement."""
    connection = connections[read_from()]
    table = connection.ops.quote_name(SignalEvent._meta.db_table)
    at = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, above, (SELECT min(id) FROM {table}) FROM"  # noqa: S608  the table's own name, quoted
            f" (SELECT id, lead(id) OVER (ORDER BY id) AS above FROM {table}"
            f" WHERE id >= (SELECT max(id) FROM {table}) - %s) AS newest"
            f" WHERE above IS NULL OR above > id + 1 ORDER BY id",
            [LOOK_BACK],
        )
        edges = cursor.fetchall()
    if not edges:
        return LogSnapshot(at, 0)
    newest, _, oldest = edges[-1]
    return LogSnapshot(at, newest, oldest, tuple((low + 1, above - 1) for low, above, _ in edges[:-1]))
