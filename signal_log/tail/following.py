"""Follows the log for a program: one thread, no event loop and no socket; goes on after an outage."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from signal_log import clock
from signal_log.errors import LogUnavailable
from signal_log.filters import Filters
from signal_log.seal.canonical import timestamp
from signal_log.store.ended_traces import Ends
from signal_log.store.follow import Follower
from signal_log.store.span import span_of
from signal_log.tail.cursor import Anchor, Frontier
from signal_log.tail.reader import Batch, Tail
from signal_log.tail.untimed import Untimed, Waiting

POLL_EVERY: Final = 0.1
PAGE: Final = 200
FIRST_RETRY: Final = 0.5
LAST_RETRY: Final = 5.0
"""Seconds between two attempts to reach a database that is gone."""
LOOK_EVERY: Final = 0.2
AT_ONCE: Final = 2_000

Rows = list[Mapping[str, Any]]


class Read(NamedTuple):
    """Events that match, and the id up to which all have been read; ``more`` if it is known that others follow."""

    rows: Rows
    reached: int
    more: bool = False


class Following:
    """Yields the events that match, each once, in small reads: those since a time, then each new one.

    An empty one means that there was nothing new. Filtered by time, an event comes when its trace is over. ``say`` is
    told, in a sentence, when the database goes and comes back, and when the log turns out to be another one.
    """

    def __init__(self, filters: Filters, since: datetime | None, say: Callable[[str], None]) -> None:
        self._filters = filters
        self._since = since
        self._say = say
        self._log = Follower()
        self._tail = Tail(self._log)
        self._reached: int | None = None
        self._gone_since: float | None = None
        self._pause = FIRST_RETRY
        self._times = _Times(self._log) if filters.needs_times else None

    def __iter__(self) -> Iterator[Read]:
        frontier: Frontier | None = None
        is_past = self._since is not None
        while True:
            try:
                if frontier is None:
                    found = self._tail.start()
                    if self._times is not None:
                        self._times.begin(found)
                    frontier = found
                while is_past:
                    read = self._past(frontier)
                    is_past = read.more
                    yield read
                batch = self._tail.advance()
            except LogUnavailable as problem:
                self._wait(problem)
                continue
            self._is_back()
            if batch.reset is not None:
                self._say(f"The log is another one than before ({batch.reset}); following it from its newest event.")
            if self._times is None:
                rows: Rows = [one.event for one in batch.events if self._filters.matches(one.event)]
                yield Read(rows, batch.frontier.top.id, batch.more)
            else:
                try:
                    if batch.reset is not None:
                        self._times.begin(batch.frontier)
                    self._times.note(batch, frontier)
                    frontier = batch.frontier
                    yield Read(self._matching(self._times.decided(self._filters)), frontier.top.id)
                except LogUnavailable as problem:
                    self._wait(problem)
            if not batch.more:
                self._rest()

    def close(self) -> None:
        """Close the connection."""
        self._log.close()

    def _past(self, frontier: Frontier) -> Read:
        """Events from before the start; what may still commit comes by the tail."""
        since, top = self._since, frontier.top.id
        if since is None:
            return Read([], top)
        if self._reached is None:
            self._reached = self._log.borrow(lambda: span_of(since, None, scan=False).low) - 1
        page = self._log.read(self._reached, (), PAGE, up_to=top, filters=self._filters)
        if page:
            self._reached = page[-1]["id"]
        earliest = timestamp(since)
        rows: Rows = [row for row in page if row["occurred_at"] >= earliest and row["id"] not in frontier.gaps]
        if self._times is not None:
            rows = [row for row in rows if row["id"] not in self._times.untimed]
        more = len(page) == PAGE
        return Read(self._matching(rows), self._reached if more else top, more)

    def _matching(self, rows: Rows) -> Rows:
        """Those that match what SQL has left to us."""
        return [row for row in rows if self._filters.untimed.matches(row)]

    def _rest(self) -> None:
        """Wait until a look is worth it: on SQLite, whose file tells whether anybody has written, at most a second."""
        until = clock.monotonic() + 1
        while True:
            time.sleep(POLL_EVERY)
            try:
                if not self._log.one_writer or self._log.changed() or clock.monotonic() >= until:
                    return
            except LogUnavailable:
                return  # the next read says so

    def _wait(self, problem: LogUnavailable) -> None:
        if self._gone_since is None:
            self._gone_since = clock.monotonic()
            self._say(f"The log's database is gone ({str(problem).splitlines()[0]}); trying again until it is back.")
        time.sleep(self._pause)
        self._pause = min(self._pause * 2, LAST_RETRY)

    def _is_back(self) -> None:
        if self._gone_since is not None:
            gone = clock.monotonic() - self._gone_since
            self._say(f"The database is back after {gone:.0f} s; nothing was missed.")
            self._gone_since, self._pause = None, FIRST_RETRY


class _Times:
    """The events that wait for the times of their traces."""

    def __init__(self, log: Follower) -> None:
        self.untimed = Untimed()
        self._log = log
        self._ends = Ends(log.alias)
        self._look_at = 0.0

    def begin(self, frontier: Frontier) -> None:
        """What the log has at the start."""
        self.untimed = Untimed()
        below, unended = self._log.borrow(lambda: self._ends.begin(frontier.top.id))
        under = Frontier(frontier.epoch, Anchor(*below), Anchor(*below), frontier.gaps)
        found = [Waiting(Anchor(one.id, one.mark), one.trace, one.at) for one in unended]
        self.untimed.note(found, under, clock.monotonic())

    def note(self, batch: Batch, before: Frontier) -> None:
        """What one read brought."""
        found = [Waiting(one.anchor, one.event["trace_id"], one.event["occurred_at"]) for one in batch.events]
        self.untimed.note(found, before, clock.monotonic())

    def decided(self, filters: Filters) -> Rows:
        """The events whose times are known by now, and match."""
        now = clock.monotonic()
        if now < self._look_at:
            return []
        self._look_at = now + LOOK_EVERY
        ended = self._log.borrow(lambda: self._ends.look(self.untimed.again()))
        late = self.untimed.ended(ended)
        self.untimed.overdue(now)
        ready = self.untimed.ready(AT_ONCE)
        rows: Rows = [*self._log.among(sorted({*late, *ready}), filters)] if late or ready else []
        self.untimed.released(len(ready))
        # Those that came too late were judged before, without times: what matched was told.
        told = {*late} - {*ready}
        return [row for row in rows if not (row["id"] in told and filters.matches(row))]
