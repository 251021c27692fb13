"""The tail itself: reads each committed event of the log once, from a thread of its own."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from signal_log import clock
from signal_log.store.follow import Edge, Extent, Hole
from signal_log.tail.cursor import START, Anchor, Frontier, Gap, GapCursor, Holders, Ids, Range
from signal_log.tail.wire import Encoded, encode

MAX_ROWS: Final = 100
"""Rows of one read: of events of ordinary size so many that a client with half of its window free can take them all."""
MAX_RANGES: Final = 100
"""Gaps asked for in one read; when there are more they take turns."""
START_TIMEOUT: Final = 0.3
"""Seconds for which a starting reader waits for the transactions under way to finish."""
CHECK_EVERY: Final = 1.0
"""Seconds between two checks that the log is still the one that was followed."""
LOSABLE: Final = 600.0
"""Seconds: what was read within them is looked for after an outage. A replica that took over may lack what was newest
to be committed, which need not have the highest ids."""


class Log(Protocol):
    """What the tail needs of ``store.follow.Follower``."""

    @property
    def one_writer(self) -> bool: ...
    def epoch(self) -> str: ...
    def extent(self) -> Extent: ...
    def has(self, rows: Sequence[Edge]) -> bool: ...
    def beginning(self) -> tuple[Edge, list[Hole]]: ...
    def read(self, above: int, ranges: Sequence[Range], limit: int) -> list[dict[str, Any]]: ...
    def holders(self) -> Holders: ...


@dataclass(frozen=True, slots=True)
class Batch:
    """What one read brought."""

    frontier: Frontier
    events: Sequence[Encoded] = ()
    more: bool = False
    """Whether the read stopped at its limit."""
    reset: str | None = None
    """Why the log is another one than before: ``rewound`` or ``foreign``; the frontier is a fresh start's."""
    oldest: int = 0
    oldest_gap: float = 0.0
    """For how many seconds the oldest gap has been open."""


class Tail:
    """One reader of the whole log."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._cursor: GapCursor | None = None
        self._epoch = ""
        self._checked_at = float("-inf")
        self._unsure = True
        self._newest: deque[tuple[Edge, float]] = deque(maxlen=MAX_ROWS)
        """What was read last, and when."""

    def start(self) -> Frontier:
        """Begin at the newest row; rows below it that may still commit will come too."""
        epoch, one_writer = self._log.epoch(), self._log.one_writer
        top, holes = self._log.beginning()
        if holes and not one_writer:
            settled = self._settled_up_to(top.id)
            top, holes = self._log.beginning()
            holes = [hole for hole in holes if hole.first > settled]
        now = clock.monotonic()
        gaps = [] if one_writer else [Gap(h.first, h.last, Anchor(*h.below), now) for h in holes]
        cursor = GapCursor(Anchor(*top), gaps, one_writer=one_writer)
        if gaps:
            cursor.note_holders(self._log.holders())
        self._epoch, self._cursor = epoch, cursor
        self._checked_at = now
        self._unsure = False
        self._newest.clear()
        return self._frontier(cursor)

    def advance(self) -> Batch:
        """Read what is new; after an outage, and once a second, first check that the log is still the same.

        When the database fails in the middle nothing is taken, and the next call reads the same again.
        """
        if self._cursor is None:
            return Batch(self.start())
        cursor = self._cursor
        if changed := self._changed(cursor):
            oldest = self._log.extent().oldest
            return Batch(self.start(), reset=changed, oldest=oldest)
        self._unsure = True  # until this read has come to its end
        question = cursor.question(MAX_RANGES)
        before = self._log.holders() if question.ranges else frozenset()
        rows = [encode(row) for row in self._log.read(question.high, question.ranges, MAX_ROWS)]
        new = [row.id for row in rows if row.id > question.high]
        met_gaps = bool(new) and not self._log.one_writer and new[-1] - question.high != len(new)
        after = self._log.holders() if met_gaps else frozenset()
        self._unsure = False
        now = clock.monotonic()
        complete = len(rows) < MAX_ROWS
        cursor.take(question, [row.anchor for row in rows], complete=complete, before=before, now=now)
        cursor.note_holders(after)
        self._newest.extend((Edge(row.anchor.id, row.anchor.mark), now) for row in rows)
        age = now - min(gap.since for gap in cursor.gaps) if cursor.gaps else 0.0
        return Batch(self._frontier(cursor), rows, more=not complete, oldest_gap=age)

    def _settled_up_to(self, top: int) -> int:
        """``top``, if the transactions that may fill a gap below it end in time, or else 0.

        Most gaps are old and dead; without this the first cursors handed out would lie below all of them.
        """
        holders = self._log.holders()
        deadline = clock.monotonic() + START_TIMEOUT
        while holders and Gap(1, top, START, 0, holders).open_under(self._log.holders()):
            if clock.monotonic() >= deadline:
                return 0
            time.sleep(0.01)
        return top

    def _changed(self, cursor: GapCursor) -> str | None:
        now = clock.monotonic()
        if now - self._checked_at < CHECK_EVERY and not self._unsure:
            return None
        if self._unsure and self._log.epoch() != self._epoch:
            return "foreign"
        read = [Edge(cursor.top.id, cursor.top.mark)] if cursor.top.id else []
        if self._unsure:
            read += [row for row, at in self._newest if at >= self._checked_at - LOSABLE]
        if not self._log.has(read):
            return "rewound"
        self._checked_at = now
        return None

    def _frontier(self, cursor: GapCursor) -> Frontier:
        return Frontier(self._epoch, cursor.top, cursor.settled, Ids([(g.first, g.last) for g in cursor.gaps]))
