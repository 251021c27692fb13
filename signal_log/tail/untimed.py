"""Events of traces that are not over: a reader that filters by time gets them later, so its cursor waits for them.

To such a reader they are gaps, as ids are that have yet to be committed: its cursor stays below them, what is read from
the table leaves them out, and each comes once, when its trace's times are known. A trace that has recorded nothing for
five minutes no longer holds the cursor; should it end after all, its events still come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from signal_log.tail.cursor import START, Anchor, Frontier, Ids

PENDING: Final = 300.0
"""Seconds after its last event for which a trace holds the cursor."""
MOST: Final = 50_000
"""So many events wait at most, and as many beyond five minutes; then the oldest trace goes first."""
MOST_OVER: Final = 10_000
"""So many traces are remembered after their end, for events that the tail brings late."""


class Waiting(NamedTuple):
    """An event that waits for its trace's end; ``at`` is when it occurred."""

    anchor: Anchor
    trace: str
    at: str


class _Trace:
    def __init__(self) -> None:
        self.ids: list[int] = []
        self.since = 0.0
        self.last_at = ""


class Untimed:
    """Knows no database and no clock."""

    def __init__(self) -> None:
        self._traces: dict[str, _Trace] = {}
        """In the order of their last events."""
        self._late: dict[str, list[int]] = {}
        self._over: dict[str, str] = {}
        """When traces ended, of the newest."""
        self._below: dict[int, Anchor] = {}
        self._ids = Ids()
        self._ready: deque[int] = deque()

    def __contains__(self, number: int) -> bool:
        return number in self._ids

    def note(self, events: Iterable[Waiting], before: Frontier, now: float) -> None:
        """Events are handed out, in order of id, to those who do not filter by time."""
        below = before.top
        for event in events:
            number = event.anchor.id
            self._below[number] = below if below.id < number else min(before.settled, below)
            below = max(below, event.anchor)
            self._ids.add(number)
            if event.at <= self._over.get(event.trace, ""):
                self._ready.append(number)
                continue
            trace = self._traces.pop(event.trace, None) or _Trace()
            self._traces[event.trace] = trace
            trace.ids.append(number)
            trace.since = now
            trace.last_at = max(trace.last_at, event.at)

    def again(self) -> list[str]:
        """The traces that have gone on after their end, as a streamed response does: they end once more."""
        return [trace for trace in self._traces if trace in self._over]

    def ended(self, traces: Mapping[str, str]) -> list[int]:
        """These traces were over at these times; which events that decides of those that came after five minutes."""
        late: list[int] = []
        for trace, at in traces.items():
            self._over.pop(trace, None)
            self._over[trace] = at
            late += self._late.pop(trace, ())
            waiting = self._traces.get(trace)
            if waiting is not None and waiting.last_at <= at:
                self._ready.extend(self._traces.pop(trace).ids)
        while len(self._over) > MOST_OVER:
            del self._over[next(iter(self._over))]
        return late

    def overdue(self, now: float) -> None:
        """Wait no longer for traces that have recorded nothing for too long, or when too much waits."""
        for name, trace in list(self._traces.items()):
            if now - trace.since < PENDING and len(self._below) - len(self._ready) <= MOST:
                break
            del self._traces[name]
            self._late[name] = self._late.get(name, []) + trace.ids
            self._ready.extend(trace.ids)
        while sum(map(len, self._late.values())) > MOST:
            del self._late[next(iter(self._late))]

    def ready(self, most: int) -> list[int]:
        """Some events that are decided; they stay gaps until they are ``released``."""
        return [self._ready[at] for at in range(min(most, len(self._ready)))]

    def released(self, number: int) -> None:
        """The first so many of those that are ready were handed out."""
        for _ in range(number):
            done = self._ready.popleft()
            self._ids.discard(done)
            self._below.pop(done, None)

    def frontier(self, of: Frontier) -> Frontier:
        """A frontier as those see it who filter by time."""
        if not self._ids:
            return of
        settled = min(of.settled, self._below.get(self._ids.ranges[0][0], START))
        return Frontier(of.epoch, of.top, settled, Ids(sorted([*of.gaps.ranges, *self._ids.ranges])))
