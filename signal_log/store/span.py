"""Narrows down where in the log to look: the id range of a time range, and windows of ids to scan it.

Ids are not in time order: an event gets its id at the end of its transaction. So no bound is inferred from a
neighbour's time; the database is asked whether any event of the time range lies beyond an id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.db import connections, transaction
from django.db.models import Count, Max, Min, QuerySet

from signal_log import clock
from signal_log.filters import Filters
from signal_log.models import SignalEvent
from signal_log.store.few import few_matching
from signal_log.store.read import events, filtered
from signal_log.store.took import is_indexed
from signal_log.vendor import vendor_of

FIRST_WINDOW: Final = 10_000
WIDEST_WINDOW: Final = 20_000
AT_ONCE: Final = 0.01
"""A widest window answered within this many seconds was answered by an index: reading its rows takes longer."""
RARE: Final = 100
"""Of so many events one matches at most, for windows to be as wide as a page needs."""
MOST_FOR_A_PAGE: Final = 250
"""Two signals an operation, of which a page has fifty, and some more, because nothing is spread evenly."""
WIDEST_FOR_A_PAGE: Final = 2_000_000
LARGEST_ID: Final = 2**63 - 1
FEW: Final = 200_000
"""Up to this many events in a time range are looked up individually on SQLite; larger ranges scan the whole log."""
TOLERANCE: Final = 10_000
"""The bisection for a time range's bounds stops within this many ids."""

SCAN_TYPES: Final = ("seqscan", "indexscan", "indexonlyscan")

Events = QuerySet[SignalEvent]


@dataclass(frozen=True, slots=True)
class Span:
    """A range of ids from ``low`` to ``high``, both inclusive; ``scan`` if no index helps."""

    low: int = 1
    high: int = LARGEST_ID
    scan: bool = False
    width: int = 0
    """How wide a window has what fills a page, where an index answers it."""


NOTHING: Final = Span(low=1, high=0)


def selected(filters: Filters, since: datetime | None, until: datetime | None) -> tuple[Events, Span]:
    """The events that filters and a time range select, and the id range to look in."""
    found = filtered(events(), filters)
    few, expected = few_matching(filters)
    if few is not None:
        found = found.filter(few)
    if since is not None:
        found = found.filter(occurred_at__gte=since)
    if until is not None:
        found = found.filter(occurred_at__lte=until)
    by_index = not filters or few is not None or "trace" in filters.wanted or is_indexed(filters)
    return found, widened(span_of(since, until, scan=not by_index), expected)


def widened(span: Span, expected: int | None) -> Span:
    """With windows that hold what fills a page if so many events, evenly spread, are expected in the whole log.

    Of an index that has every hundredth event or fewer PostgreSQL reads all entries for each window, a wide one or a
    narrow one, and then only the rows inside.
    """
    highest = events().order_by("-pk").values_list("pk", flat=True).first() if span.scan and expected else None
    if not highest or not expected or expected * RARE > highest:
        return span
    return replace(span, width=min(MOST_FOR_A_PAGE * highest // expected, WIDEST_FOR_A_PAGE))


def span_of(since: datetime | None, until: datetime | None, *, scan: bool) -> Span:
    """The id range that contains every event of a time range, and perhaps others."""
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
    return _bisected(inside, whole) if vendor_of(connections[inside.db]) == "postgresql" else _exact(inside, whole)


def walk(
    matching: Events, span: Span, start: int, limit: int, *, upwards: bool
) -> Iterator[tuple[list[SignalEvent], int]]:
    """Chunks of at most ``limit`` events from an id on, each with the id up to which everything was scanned."""
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
    """Id ranges, both ends inclusive, from ``start`` (exclusive) to the span's end."""
    low = max(span.low, start + 1) if upwards else span.low
    high = span.high if upwards else min(span.high, start - 1)
    width = max(FIRST_WINDOW, span.width) if span.scan else LARGEST_ID
    while low <= high:
        began = clock.monotonic()
        if upwards:
            yield low, min(high, low + width - 1)
            low += width
        else:
            yield max(low, high - width + 1), high
            high -= width
        width = _next_width(width, clock.monotonic() - began, span) if span.scan else width


def _next_width(width: int, seconds: float, span: Span) -> int:
    """Grow up to what a cold disk can read in half a second, or without limit while an index answers."""
    widest = max(WIDEST_WINDOW, span.width)
    if width < widest:
        return min(width * 4, widest)
    return width * 4 if seconds < AT_ONCE else widest


def _inside(since: datetime | None, until: datetime | None) -> Events:
    bounds = {"occurred_at__gte": since, "occurred_at__lte": until}
    return events().filter(**{name: moment for name, moment in bounds.items() if moment is not None}).order_by()


def _exact(inside: Events, whole: Span) -> Span:
    """Exact bounds if there are few events; SQLite's index on time includes the ids."""
    some = inside.order_by("occurred_at").values("pk")[: FEW + 1]
    found = some.aggregate(number=Count("pk"), low=Min("pk"), high=Max("pk"))
    if not found["number"]:
        return NOTHING
    return whole if found["number"] > FEW else Span(found["low"], found["high"], scan=True)


def _bisected(inside: Events, whole: Span) -> Span:
    """Bounds exact to ``TOLERANCE`` ids, for any number of events: some twenty queries of a few milliseconds each.

    The BRIN index on time and id rules out nearly every block. The planner assumes that the two are independent and
    would rather read half the table, so all other plans are disabled.
    """
    alias = inside.db
    with transaction.atomic(alias), connections[alias].cursor() as cursor:
        for scan in SCAN_TYPES:
            cursor.execute(f"SET LOCAL enable_{scan} = off")
        found = NOTHING
        if inside.exists():
            high = _bisect(whole, lambda pk: not inside.filter(pk__gt=pk).exists())
            low = _bisect(Span(whole.low, high), lambda pk: inside.filter(pk__lte=pk).exists(), before=True)
            found = Span(low, high, scan=True)
        for scan in SCAN_TYPES:
            cursor.execute(f"SET LOCAL enable_{scan} TO DEFAULT")  # the host's transaction may continue
    return found


def _bisect(span: Span, reached: Callable[[int], bool], *, before: bool = False) -> int:
    """Approximately the first id for which ``reached`` holds: never below it or, with ``before``, never above it."""
    low, high = span.low, span.high
    while high - low > TOLERANCE:
        middle = (low + high) // 2
        if reached(middle):
            high = middle
        else:
            low = middle + 1
    return low if before else high
