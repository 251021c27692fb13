"""Where in the log to look: the ids that a span of time lies between, and windows of ids to walk through them.

Ids do not follow the times: an event has its id from the end of its transaction. So no place is guessed from a
neighbour's time; the database is asked whether anything of the span lies beyond an id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final

from django.db import connections, transaction
from django.db.models import Count, Max, Min, QuerySet

from signal_log.filters import Filters
from signal_log.models import SignalEvent
from signal_log.store.read import events, filtered

FIRST_WINDOW: Final = 10_000
WIDEST_WINDOW: Final = 20_000
AT_ONCE: Final = 0.01
"""Seconds in which the rows of a widest window cannot be read, so that an index must have answered."""
LARGEST_ID: Final = 2**63 - 1
FEW: Final = 200_000
"""So many events in a span of time are looked up one by one on SQLite; a longer span is walked through whole."""
NEAR_ENOUGH: Final = 10_000
"""Ids between which it is not asked any further where a span of time begins or ends."""

WAYS: Final = ("seqscan", "indexscan", "indexonlyscan")

Events = QuerySet[SignalEvent]


@dataclass(frozen=True, slots=True)
class Span:
    """The ids to look at: from ``low`` to ``high``, both included; ``scan`` where no index helps."""

    low: int = 1
    high: int = LARGEST_ID
    scan: bool = False


NOTHING: Final = Span(low=1, high=0)


def selected(filters: Filters, since: datetime | None, until: datetime | None) -> tuple[Events, Span]:
    """The events that filters and a span of time select, and where in the log to look for them."""
    found = filtered(events(), filters)
    if since is not None:
        found = found.filter(occurred_at__gte=since)
    if until is not None:
        found = found.filter(occurred_at__lte=until)
    by_index = not filters or "trace" in filters.wanted
    return found, span_of(since, until, scan=not by_index)


def span_of(since: datetime | None, until: datetime | None, *, scan: bool) -> Span:
    """The ids to walk through for a span of time: none of its events lies outside, others may lie inside."""
    if since is None and until is None and not scan:
        return Span()
    low = events().order_by("pk").values_list("pk", flat=True).first()
    high = events().order_by("-pk").values_list("pk", flat=True).first()
    if low is None or high is None:
        return NOTHING
    whole = Span(low, high, scan=True)
    if since is None and until is None:
        return whole
    inside = _inside(since, until)
    return _halved(inside, whole) if connections[inside.db].vendor == "postgresql" else _looked_up(inside, whole)


def walk(
    matching: Events, span: Span, start: int, limit: int, *, upwards: bool
) -> Iterator[tuple[list[SignalEvent], int]]:
    """Chunks of at most ``limit`` events from a place on, each with the id up to which all was seen."""
    for window_low, window_high in windows(span, start, upwards=upwards):
        low, high = window_low, window_high
        while True:
            window = matching.filter(pk__gte=low, pk__lte=high)
            chunk = list(window.order_by("pk" if upwards else "-pk")[:limit])
            if len(chunk) < limit:
                yield chunk, (high if upwards else low)
                break
            last = chunk[-1].pk
            yield chunk, last
            low, high = (last + 1, high) if upwards else (low, last - 1)


def windows(span: Span, start: int, *, upwards: bool) -> Iterator[tuple[int, int]]:
    """Ranges of ids, both ends included, from a place (not included) to the span's end."""
    low = max(span.low, start + 1) if upwards else span.low
    high = span.high if upwards else min(span.high, start - 1)
    width = FIRST_WINDOW if span.scan else LARGEST_ID
    while low <= high:
        began = monotonic()
        if upwards:
            yield low, min(high, low + width - 1)
            low += width
        else:
            yield max(low, high - width + 1), high
            high -= width
        width = _next_width(width, monotonic() - began) if span.scan else width


def _next_width(width: int, seconds: float) -> int:
    """Wider and wider, up to what a cold disk brings within half a second, or as far as an index answers at once."""
    if width < WIDEST_WINDOW:
        return min(width * 4, WIDEST_WINDOW)
    return width * 4 if seconds < AT_ONCE else WIDEST_WINDOW


def _inside(since: datetime | None, until: datetime | None) -> Events:
    bounds = {"occurred_at__gte": since, "occurred_at__lte": until}
    return events().filter(**{name: moment for name, moment in bounds.items() if moment is not None}).order_by()


def _looked_up(inside: Events, whole: Span) -> Span:
    """Exact for few; SQLite's index on time holds the ids."""
    some = inside.order_by("occurred_at").values("pk")[: FEW + 1]
    found = some.aggregate(number=Count("pk"), low=Min("pk"), high=Max("pk"))
    if not found["number"]:
        return NOTHING
    return whole if found["number"] > FEW else Span(found["low"], found["high"], scan=True)


def _halved(inside: Events, whole: Span) -> Span:
    """Exact to ``NEAR_ENOUGH`` ids, however many: some twenty questions of a few milliseconds each.

    The BRIN index on time and id rules out nearly every block. The planner takes the two for independent and would
    rather read half of the table, so it is left no other way.
    """
    alias = inside.db
    with transaction.atomic(alias), connections[alias].cursor() as cursor:
        for way in WAYS:
            cursor.execute(f"SET LOCAL enable_{way} = off")
        found = NOTHING
        if inside.exists():
            high = _least(whole, lambda pk: not inside.filter(pk__gt=pk).exists())
            low = _least(Span(whole.low, high), lambda pk: inside.filter(pk__lte=pk).exists(), before=True)
            found = Span(low, high, scan=True)
        for way in WAYS:
            cursor.execute(f"SET LOCAL enable_{way} TO DEFAULT")  # the host's transaction may go on
    return found


def _least(span: Span, reached: Callable[[int], bool], *, before: bool = False) -> int:
    """Nearly the first id that has reached something that all later ones have: never before it, or never behind it."""
    low, high = span.low, span.high
    while high - low > NEAR_ENOUGH:
        middle = (low + high) // 2
        if reached(middle):
            high = middle
        else:
            low = middle + 1
    return low if before else high
