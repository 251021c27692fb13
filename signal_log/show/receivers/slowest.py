"""The slowest receivers of the last hour by their own time: calls, p50, p95, errors and how many ran when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from django.db.models import CharField
from django.db.models.functions import Cast

from signal_log import clock
from signal_log.show.receivers.seen import quantile
from signal_log.telemetry.read import receiver_calls

SPAN: Final = timedelta(hours=1)
BUCKETS: Final = 24
"""Of the sparkline, each two and a half minutes."""
NEWEST: Final = 2_000
"""So many of the newest calls are looked at."""
SHOWN: Final = 8
ROUNDED_US: Final = 1
"""Telemetry has whole microseconds, so a call may seem to end after the one around it."""

Call = tuple[int, int, int, str, str]
"""When it began, its negative time (so that of two that began together the outer one is first), its event's position,
receiver and error."""


@dataclass(slots=True)
class Lately:
    """A receiver's calls of the last hour, own times in microseconds; ``counts`` by time, oldest first."""

    receiver: str
    durations: list[int] = field(default_factory=list)
    errors: int = 0
    counts: list[int] = field(default_factory=lambda: [0] * BUCKETS)

    @property
    def calls(self) -> int:
        """How many."""
        return len(self.durations)

    @property
    def p50_us(self) -> int:
        """The median."""
        return quantile(self.durations, 0.5)

    @property
    def p95_us(self) -> int:
        """What 95 % did not exceed."""
        return quantile(self.durations, 0.95)

    @property
    def sparkline(self) -> str:
        """An SVG path in a box of 96 by 16."""
        top = max(self.counts) or 1
        step = 96 / (BUCKETS - 1)
        points = (f"{round(at * step, 1)} {round(15 - 14 * count / top, 1)}" for at, count in enumerate(self.counts))
        return f"M{'L'.join(points)}"


@dataclass(frozen=True, slots=True)
class Slowest:
    """The slowest of them by p95, and whether there were more calls than were looked at."""

    receivers: list[Lately]
    is_sample: bool


def slowest_lately() -> Slowest:
    """From the newest 2,000 calls, as far as they are of the last hour."""
    now = clock.now().timestamp()
    by_trace: dict[str, list[Call]] = {}
    # As text: making so many UUIDs took longer than all the rest of the page.
    newest = receiver_calls().order_by("-id").annotate(trace=Cast("trace_id", CharField()))[:NEWEST]
    fields = ("trace", "started_us", "duration_us", "position", "receiver", "error")
    for trace, started_us, duration_us, position, receiver, error in newest.values_list(*fields):
        by_trace.setdefault(trace, []).append((started_us, -duration_us, position, receiver, error))
    found: dict[str, Lately] = {}
    in_span = 0
    for trace, calls in by_trace.items():
        part = _part(now, trace)
        if part is None:
            continue
        in_span += len(calls)
        for (_, _, _, receiver, error), own_us in _own_times(calls):
            one = found.get(receiver) or found.setdefault(receiver, Lately(receiver))
            one.durations.append(own_us)
            one.errors += bool(error)
            one.counts[part] += 1
    slowest = sorted(found.values(), key=lambda one: -one.p95_us)[:SHOWN]
    return Slowest(slowest, is_sample=in_span == NEWEST)


def _own_times(calls: list[Call]) -> Iterable[tuple[Call, int]]:
    """Of one trace: each call with its time but for that of the calls within it, which are for later events."""
    calls.sort()
    own = [-call[1] for call in calls]
    around: list[int] = []
    for number, (started_us, negative_us, position, _, _) in enumerate(calls):
        while around and calls[around[-1]][0] - calls[around[-1]][1] < started_us:
            around.pop()
        ended_us = started_us - negative_us
        for outer in reversed(around):
            if calls[outer][2] < position and ended_us <= calls[outer][0] - calls[outer][1] + ROUNDED_US:
                own[outer] = max(0, own[outer] + negative_us)
                break
        around.append(number)
    return zip(calls, own, strict=True)


def _part(now: float, trace: str) -> int | None:
    """The part of the hour in which a trace began, which its id (UUID version 7) tells; None: before, or not told."""
    digits = trace.replace("-", "")
    age = (now - int(digits[:12], 16) / 1_000) / SPAN.total_seconds()
    if digits[12] != "7" or age >= 1:
        return None
    return min(BUCKETS - 1, max(0, int((1 - age) * BUCKETS)))
