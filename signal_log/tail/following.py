"""Follows the log for a program: one thread, no event loop and no socket; goes on after an outage."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from signal_log import clock
from signal_log.errors import LogUnavailable
from signal_log.filters import Filters
from signal_log.seal.canonical import timestamp
from signal_log.store.follow import Follower
from signal_log.store.span import span_of
from signal_log.tail.cursor import Frontier
from signal_log.tail.reader import Tail

POLL_EVERY: Final = 0.1
PAGE: Final = 200
FIRST_RETRY: Final = 0.5
LAST_RETRY: Final = 5.0
"""Seconds between two attempts to reach a database that is gone."""

Rows = list[Mapping[str, Any]]


class Following:
    """Yields the events that match, each once, in small lists: those since a time, then each new one.

    An empty list means that there was nothing new. ``say`` is told, in a sentence, when the database goes and comes
    back, and when the log turns out to be another one.
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

    def __iter__(self) -> Iterator[Rows]:
        frontier: Frontier | None = None
        is_past = self._since is not None
        while True:
            try:
                if frontier is None:
                    frontier = self._tail.start()
                while is_past:
                    rows, is_past = self._past(frontier)
                    yield rows
                batch = self._tail.advance()
            except LogUnavailable as problem:
                self._wait(problem)
                continue
            self._is_back()
            if batch.reset is not None:
                self._say(f"The log is another one than before ({batch.reset}); following it from its newest event.")
            yield [one.event for one in batch.events if self._filters.matches(one.event)]
            if not batch.more:
                self._rest()

    def close(self) -> None:
        """Close the connection."""
        self._log.close()

    def _past(self, frontier: Frontier) -> tuple[Rows, bool]:
        """Events from before the start, and whether there are more; what may still commit comes by the tail."""
        since, top = self._since, frontier.top.id
        if since is None:
            return [], False
        if self._reached is None:
            self._reached = self._log.borrow(lambda: span_of(since, None, scan=False).low) - 1
        page = self._log.read(self._reached, (), PAGE, up_to=top, filters=self._filters)
        if page:
            self._reached = page[-1]["id"]
        earliest = timestamp(since)
        rows: Rows = [row for row in page if row["occurred_at"] >= earliest and row["id"] not in frontier.gaps]
        return [row for row in rows if self._filters.matches(row)], len(page) == PAGE

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
