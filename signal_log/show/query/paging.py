"""Keyset pagination of the log by id: no OFFSET, no full count, and bounded time for rare matches.

A filter without an index would read the whole table to fill a page. So the log is scanned in windows of ids, each wider
than the last, until the page is full or time is up; the page then states how far it has searched and continues there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Max, Min

from signal_log import clock
from signal_log.audit.breaks.continuity import OF_A_ROW, tells
from signal_log.event import COMMITTED
from signal_log.models import SignalEvent
from signal_log.show.query.query import Query
from signal_log.store.few import expected_of
from signal_log.store.read import events
from signal_log.store.span import FIRST_WINDOW, LARGEST_ID, Events, Span, selected, span_of, walk, widened, windows

SECONDS: Final = 1.0
COUNT_SECONDS: Final = 0.02
MAX_COUNTED: Final = 1_000
TOO_MANY_TO_SORT: Final = 3_000
"""Of one object or account: the indexes of keys have no order, so all of them would be read for each page."""
TOO_MANY_TO_BOUND: Final = 100_000
"""Nor is it asked of more than these which is the oldest and which the newest."""

AT_ONCE: Final = 20

Keep = Callable[[list[SignalEvent]], list[SignalEvent]]


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, newest first, and where to continue; ``searched_to`` is set if time ran out."""

    events: list[SignalEvent]
    older: int | None
    newer: int | None
    searched_to: int | None = None


@dataclass(frozen=True, slots=True)
class Matches:
    """How many events match: ``number``, or more if not ``exact``."""

    number: int
    exact: bool

    def __str__(self) -> str:
        if self.exact:
            return f"{self.number:,}"
        return f"more than {self.number:,}" if self.number >= MAX_COUNTED else f"at least {self.number:,}"


def matching(query: Query) -> tuple[Events, Span]:
    """The signals that match a query, and the id range to look in."""
    return selected(query.filters, query.since, query.until)


def read_page(
    matching: Events, span: Span, *, size: int, before: int | None = None, after: int | None = None,
    keep: Keep = list,
) -> Page:  # fmt: skip
    """One page of matching events that ``keep`` retains, starting at a position."""
    upwards = after is not None
    start = after if after is not None else (before or LARGEST_ID)
    deadline = clock.monotonic() + SECONDS
    found: list[SignalEvent] = []
    seen, ended = start, True
    for chunk, reached in walk(matching, span, start, size + 1, upwards=upwards):
        found += keep(chunk)
        seen = reached
        if len(found) > size or clock.monotonic() > deadline:
            ended = False
            break
    full = len(found) > size
    found = found[:size]
    resume_at = None if ended else (found[-1].pk if full else seen)
    searched_to = resume_at if resume_at is not None and not full else None
    if upwards:
        found.reverse()
        return Page(found, (found[-1].pk if found else start + 1), resume_at, searched_to)
    return Page(found, resume_at, found[0].pk if found and before else None, searched_to)


def reached_at(page: Page) -> datetime | None:
    """When the event happened that an unfinished search has reached, or the next older one that there is."""
    if page.searched_to is None:
        return None
    reached = events().filter(pk__lte=page.searched_to).order_by("-pk")
    return reached.values_list("occurred_at", flat=True).first()


def span_for(found: Events) -> Span:
    """Where to look for events that an index finds: anywhere; in windows of ids if they are too many to be sorted."""
    if found.order_by()[: TOO_MANY_TO_SORT + 1].count() <= TOO_MANY_TO_SORT:
        return Span()
    whole = span_of(None, None, scan=True)
    lately = found.filter(pk__gt=whole.high - FIRST_WINDOW).order_by()
    if lately[:1].exists() or found.order_by()[: TOO_MANY_TO_BOUND + 1].count() > TOO_MANY_TO_BOUND:
        return widened(whole, expected_of(found))
    # All of them are old: window after window would be read in vain.
    ends = found.order_by().aggregate(low=Min("pk"), high=Max("pk"))
    return Span(ends["low"], ends["high"], scan=True) if ends["high"] is not None else whole


def newest_telling(found: Events, span: Span) -> SignalEvent | None:
    """The newest of a row's events that tells of the row itself, unlike a look at it or a save that failed."""
    told = found.filter(signal__in=OF_A_ROW, outcome=COMMITTED)
    for chunk, _ in walk(told, span, LARGEST_ID, AT_ONCE, upwards=False):
        for event in chunk:
            if tells(event):
                return event
    return None


def newest_named(found: Events, span: Span, telling: SignalEvent | None) -> str:
    """What a row is called: as the newest event that tells of it says, else the newest of all that names it."""
    if telling is not None and telling.object_repr:
        return telling.object_repr
    named = newest_of(found.exclude(object_repr=""), span)
    return named.object_repr if named is not None else ""


def newest_of(found: Events, span: Span) -> SignalEvent | None:
    """The newest of these events, or None."""
    for chunk, _ in walk(found, span, LARGEST_ID, 1, upwards=False):
        if chunk:
            return chunk[0]
    return None


def count(matching: Events, span: Span) -> Matches:
    """How many match, counting up to a thousand or for a moment."""
    number = 0
    deadline = clock.monotonic() + COUNT_SECONDS
    for low, high in windows(span, LARGEST_ID, upwards=False):
        left = MAX_COUNTED + 1 - number
        number += matching.filter(pk__gte=low, pk__lte=high).order_by()[:left].count()
        if number > MAX_COUNTED:
            return Matches(MAX_COUNTED, exact=False)
        if clock.monotonic() > deadline and low > span.low:
            return Matches(number, exact=False)
    return Matches(number, exact=True)
