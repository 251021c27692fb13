"""Reading the log page by page, by id: no OFFSET, no full count, and a bounded time for rare finds.

A filter that no index answers would read the whole table to fill a page. So the log is walked in
windows of ids, each wider than the one before, until the page is full or the time is up; the page
then says how far it has searched and goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final

from django.db.models import Count, Max, Min, QuerySet

from signal_log.models import SignalEvent
from signal_log.store.read import events

FIRST_WINDOW: Final = 10_000
WIDEST_WINDOW: Final = 80_000
SECONDS: Final = 1.5
COUNT_SECONDS: Final = 0.5
MOST_COUNTED: Final = 1_000
LARGEST_ID: Final = 2**63 - 1
FEW: Final = 200_000
"""So many events in a span of time are looked up by the index on time to know where they lie."""

Events = QuerySet[SignalEvent]
Keep = Callable[[list[SignalEvent]], list[SignalEvent]]


@dataclass(frozen=True, slots=True)
class Span:
    """The ids to look at: from ``low`` to ``high``, both included; ``scan`` where no index helps."""

    low: int = 1
    high: int = LARGEST_ID
    scan: bool = False


NOTHING: Final = Span(low=1, high=0)


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, newest first, and where to go on; ``searched_to`` is set when time ran out."""

    events: list[SignalEvent]
    older: int | None
    newer: int | None
    searched_to: int | None = None


@dataclass(frozen=True, slots=True)
class Matches:
    """How many events match: ``number`` of them, or more where it is not ``exact``."""

    number: int
    exact: bool

    def __str__(self) -> str:
        if self.exact:
            return f"{self.number:,}"
        return f"more than {self.number:,}" if self.number >= MOST_COUNTED else f"at least {self.number:,}"


def read_page(
    matching: Events, span: Span, *, size: int, before: int | None = None, after: int | None = None,
    keep: Keep = list,
) -> Page:  # fmt: skip
    """One page of the events that match and that ``keep`` lets through, beginning at a place."""
    upwards = after is not None
    start = after if after is not None else (before or LARGEST_ID)
    deadline = monotonic() + SECONDS
    found: list[SignalEvent] = []
    seen, ended = start, True
    for chunk, reached in _walk(matching, span, start, size + 1, upwards=upwards):
        found += keep(chunk)
        seen = reached
        if len(found) > size or monotonic() > deadline:
            ended = False
            break
    full = len(found) > size
    found = found[:size]
    place = None if ended else (found[-1].pk if full else seen)
    searched_to = place if place is not None and not full else None
    if upwards:
        found.reverse()
        return Page(found, (found[-1].pk if found else start + 1), place, searched_to)
    return Page(found, place, found[0].pk if found and before else None, searched_to)


def count(matching: Events, span: Span) -> Matches:
    """How many match, as far as a thousand and half a second go."""
    number = 0
    deadline = monotonic() + COUNT_SECONDS
    for low, high in _windows(span, LARGEST_ID, upwards=False):
        left = MOST_COUNTED + 1 - number
        number += matching.filter(pk__gte=low, pk__lte=high).order_by()[:left].count()
        if number > MOST_COUNTED:
            return Matches(MOST_COUNTED, exact=False)
        if monotonic() > deadline and low > span.low:
            return Matches(number, exact=False)
    return Matches(number, exact=True)


def span_of(since: datetime | None, until: datetime | None, *, scan: bool) -> Span:
    """The ids to walk through for a span of time: exact where it holds few events, else the whole log.

    Ids do not follow the times: an event has its id from the end of its transaction.
    """
    log = events()
    if since is not None or until is not None:
        inside = log.filter(**_between(since, until)).order_by("occurred_at").values("pk")[: FEW + 1]
        found = inside.aggregate(number=Count("pk"), low=Min("pk"), high=Max("pk"))
        if not found["number"]:
            return NOTHING
        if found["number"] <= FEW:
            return Span(found["low"], found["high"], scan=True)
    elif not scan:
        return Span()
    low = log.order_by("pk").values_list("pk", flat=True).first()
    high = log.order_by("-pk").values_list("pk", flat=True).first()
    return NOTHING if low is None or high is None else Span(low, high, scan=True)


def _between(since: datetime | None, until: datetime | None) -> dict[str, datetime]:
    bounds = {"occurred_at__gte": since, "occurred_at__lte": until}
    return {name: moment for name, moment in bounds.items() if moment is not None}


def _walk(
    matching: Events, span: Span, start: int, limit: int, *, upwards: bool
) -> Iterator[tuple[list[SignalEvent], int]]:
    """Chunks of at most ``limit`` events from a place on, each with the id up to which all was seen."""
    for window_low, window_high in _windows(span, start, upwards=upwards):
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


def _windows(span: Span, start: int, *, upwards: bool) -> Iterator[tuple[int, int]]:
    """Ranges of ids, both ends included, from a place (not included) to the span's end."""
    low = max(span.low, start + 1) if upwards else span.low
    high = span.high if upwards else min(span.high, start - 1)
    width = FIRST_WINDOW if span.scan else LARGEST_ID
    while low <= high:
        if upwards:
            yield low, min(high, low + width - 1)
            low += width
        else:
            yield max(low, high - width + 1), high
            high -= width
        width = min(width * 4, WIDEST_WINDOW) if span.scan else width
