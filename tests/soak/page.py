"""What one open page has been sent: which events, whether one came twice, and how long after their signal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from tests.soak.ids import Ids

MOST_NAMED: Final = 10
"""How many events of a kind a page names; the others are counted."""
SLOW: Final = 10.0
"""Seconds after which an event is remembered with its times, for the judge to say whether it came late."""
MOST_SLOW: Final = 500
STEPS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, float("inf"))
"""Upper ends, in seconds, of the classes in which the times are counted."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A text from the server."""

    kind: str
    events: tuple[tuple[int, float], ...]
    """Ids, each with the moment of its signal in seconds since 1970."""
    cursor: str | None
    size: int
    fields: dict[str, Any]


@lru_cache(maxsize=256)
def understood(text: bytes) -> Frame:
    """A text, parsed once for all pages that are sent it."""
    fields = json.loads(text)
    events = fields.pop("events", ())
    moments = tuple((event["id"], datetime.fromisoformat(event["occurred_at"]).timestamp()) for event in events)
    return Frame(fields["type"], moments, fields.get("cursor"), len(text), fields)


@dataclass
class Page:
    """The events of a page over all its successive sockets."""

    seen: Ids = field(default_factory=Ids)
    on_socket: Ids = field(default_factory=Ids)
    twice: list[int] = field(default_factory=list)
    """Events that came a second time on one socket, which must never happen."""
    again: int = 0
    """Events that came again after a reconnection; a page drops them by their ids."""
    slow: list[tuple[int, float, float]] = field(default_factory=list)
    """Events that took longer than ``SLOW``, for whatever reason: each with its moment, and when it came."""
    times: Counter[float] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, 0)

    def reconnected(self) -> None:
        """From here on it is another socket."""
        self.on_socket = Ids()

    def take(self, events: Iterable[tuple[int, float]], now: float) -> None:
        """Count a frame of events."""
        for number, moment in events:
            is_new_here = self.on_socket.add(number)
            if self.seen.add(number):
                self._time(number, moment, now)
            elif is_new_here:
                self.again += 1
            else:
                self.twice.append(number)

    def _time(self, number: int, moment: float, now: float) -> None:
        seconds = now - moment
        self.times[next(step for step in STEPS if seconds <= step)] += 1
        self.slowest = max(self.slowest, (seconds, number))
        if seconds > SLOW and len(self.slow) < MOST_SLOW:
            self.slow.append((number, moment, now))

    def told(self, table: Ids) -> dict[str, Any]:
        """What it has, beside what the table has, as JSON."""
        missing, unknown = table - self.seen, self.seen - table
        return {
            "missing": missing[:MOST_NAMED],
            "missing_count": len(missing),
            "unknown": unknown[:MOST_NAMED],
            "unknown_count": len(unknown),
            "twice": self.twice[:MOST_NAMED],
            "twice_count": len(self.twice),
            "slow": self.slow,
            "again": self.again,
            "times": {str(step): self.times[step] for step in STEPS},
            "slowest": self.slowest,
        }
