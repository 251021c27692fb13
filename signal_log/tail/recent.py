"""The newest events that a hub has handed out, encoded: a client that fell behind a little needs no database.

Without it a moment in which the machine is slow would send every client to the table at once, each on its own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final

from signal_log.event import MAINTENANCE
from signal_log.tail.cursor import Range
from signal_log.tail.wire import Encoded

MAX_EVENTS: Final = 2000
MAX_BYTES: Final = 4 * 1024 * 1024

_id = attrgetter("id")


class Recent:
    """All events handed out whose ids are above ``since``, in order of id."""

    def __init__(self, since: int) -> None:
        self.since = since
        self._events: list[Encoded] = []
        self._size = 0

    @property
    def mean_size(self) -> int:
        """The mean bytes of an event, 0 when there is none."""
        return self._size // len(self._events) if self._events else 0

    def add(self, events: Sequence[Encoded]) -> None:
        """Keep what one read brought, late events at their place, and forget the oldest."""
        new = [event for event in events if event.id > self.since]
        if not new:
            return
        if any(event.event.get("signal") == MAINTENANCE for event in new):
            # Rows were redacted or removed: nobody is to get what they were.
            self.since = max(event.id for event in (*self._events, *new))
            self._events, self._size = [], 0
            return
        in_order = not self._events or new[0].id > self._events[-1].id
        self._events += new
        self._size += sum(event.size for event in new)
        if not in_order:
            self._events.sort(key=_id)
        self._forget()

    def _forget(self) -> None:
        count = 0
        while len(self._events) - count > MAX_EVENTS or self._size > MAX_BYTES:
            self._size -= self._events[count].size
            count += 1
        if count:
            self.since = self._events[count - 1].id
            del self._events[:count]

    def read(self, above: int, ranges: Iterable[Range], limit: int, *, up_to: int) -> list[Encoded] | None:
        """What ``Follower.read`` would bring of the events handed out, or None when some of it is forgotten."""
        if above < self.since or any(first <= self.since for first, _ in ranges):
            return None
        found: list[Encoded] = []
        for first, last in (*ranges, (above + 1, up_to)):
            low, high = (bisect_right(self._events, edge, key=_id) for edge in (first - 1, last))
            found += self._events[low : min(high, low + limit)]
        return sorted({event.id: event for event in found}.values(), key=_id)[:limit]
