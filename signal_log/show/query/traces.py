"""Which traces a query string asks for, and the page of them: sorted by time, duration or failures, by keyset.

Newest and slowest first are answered by an index over all traces. What no index answers is looked for among the newest
100,000, or among as many before a place, and the page says so.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.http import QueryDict

from signal_log.amounts import Took, parse_took
from signal_log.capture.signals.connected import connected
from signal_log.conf import conf
from signal_log.errors import FilterError
from signal_log.filters import QUERY, Filters
from signal_log.models import SignalTrace
from signal_log.moments import check_order, parse_moment
from signal_log.show.links import with_query
from signal_log.show.query.traces_of_events import TracesOfEvents, traces_of_events
from signal_log.show.words.kinds import short_name
from signal_log.telemetry.read import kinds_of, receiver_calls

PAGE_SIZE: Final = 50
WINDOW: Final = 100_000
MOST_CALLS: Final = 1_000
MOST_KINDS: Final = 30
"""A receiver's traces are those of so many of its newest calls, for each of so many models and signals."""
LONGEST: Final = 300
MOST_CHOSEN: Final = 100

TIME, DURATION, FAILED = "time", "duration", "failed"
SORTS: Final = {TIME: "newest first", DURATION: "slowest first", FAILED: "most failures first"}
TEXTS: Final = ("status", "source", "name", "receiver")
FIELDS: Final = (QUERY, "took", *TEXTS, "since", "until")


@dataclass(slots=True)
class TracesQuery:
    """A parsed query string; ``problems`` maps keys that are invalid to messages."""

    given: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    sort: str = TIME
    q: Filters | None = None
    """What one of its events is asked to match."""
    took: Took | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: tuple[int, int] | None = None
    """The sorted value and the id of the last trace of the page before."""

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the order and the place is given."""
        return any(key in self.given for key in FIELDS if key not in self.problems)

    def link(self, path: str, **changed: str | None) -> str:
        """The URL of the first page with values replaced (None: removed)."""
        query = {key: [value] for key, value in self.given.items() if key not in (*changed, "after")}
        query |= {key: [value] for key, value in changed.items() if value is not None}
        return with_query(path, query)


@dataclass(slots=True)
class TracesPage:
    """Some traces, and the place of the next page; ``window`` is how many were looked at, None for all of them."""

    traces: list[SignalTrace]
    after: str | None
    window: int | None = None
    searched_to: int | None = None
    """The event down to which events were searched for those that match, None for all of them."""


def parse(sent: QueryDict, *, own: tuple[str, ...] = ()) -> TracesQuery:
    """Parse a query string; keys in ``own`` belong to the page itself."""
    query = TracesQuery()
    readers: dict[str, Callable[[str], Any]] = {
        "sort": _sort, QUERY: _query, "took": lambda text: parse_took("took", text), "after": _place,
        "since": lambda text: parse_moment("since", text), "until": lambda text: parse_moment("until", text),
    }  # fmt: skip
    for key in sent:
        text = sent.get(key, "").strip()
        if key in own or not text:
            continue
        query.given[key] = text
        try:
            if key in readers:
                setattr(query, key, readers[key](text))
            elif key not in TEXTS:
                raise FilterError(f"Unknown filter {key[:50]!r}. Accepted: {', '.join((*FIELDS, 'sort', 'after'))}.")
            elif len(text) > LONGEST or "\x00" in text:
                raise FilterError(f"'{key}' is longer than {LONGEST} characters, or holds a NUL character.")
        except FilterError as error:
            query.problems[key] = str(error)
    try:
        check_order(query.since, query.until)
    except FilterError as error:
        query.problems["until"] = str(error)
    return query


def read(query: TracesQuery) -> TracesPage:
    """The page that a query asks for."""
    found = SignalTrace.objects.using(conf.DATABASE)
    newest = found.order_by("-id").values_list("id", flat=True).first() or 0
    window = None
    if _needs_window(query):
        window = WINDOW
        top = query.after[1] if query.after and query.sort == TIME else newest + 1
        found = found.filter(id__gt=top - 1 - WINDOW, id__lt=top)
    found = _filtered(found, query)
    of_events = TracesOfEvents([]) if query.q is None else traces_of_events(query.q)
    if query.q is not None:
        found = found.filter(trace_id__in=of_events.ids)
    if query.sort == DURATION:
        found = _after(found, "duration_us", query.after).order_by("-duration_us", "-id")
    elif query.sort == FAILED:
        found = _after(found.filter(failed__gt=0), "failed", query.after).order_by("-failed", "-id")
    else:
        found = (found.filter(id__lt=query.after[1]) if query.after else found).order_by("-id")
    traces = list(found[: PAGE_SIZE + 1])
    after = None
    if len(traces) > PAGE_SIZE:
        traces = traces[:PAGE_SIZE]
        after = _place_of(traces[-1], query.sort)
    elif window is not None and query.sort == TIME and (lowest := top - WINDOW) > 1:
        after = f"0-{lowest}"
    return TracesPage(traces, after, window if newest > WINDOW else None, of_events.searched_to)


def others_of_name(trace: SignalTrace, most: int) -> tuple[list[SignalTrace], bool]:
    """The newest other traces of the same name, and whether all there are were looked at: no index has names."""
    found = SignalTrace.objects.using(conf.DATABASE)
    newest = found.order_by("-id").values_list("id", flat=True).first() or 0
    named = found.filter(id__gt=newest - WINDOW, name=trace.name).exclude(pk=trace.pk)
    return list(named.order_by("-id")[:most]), newest <= WINDOW


def rows_of_ids(ids: Sequence[str]) -> tuple[list[SignalTrace], str]:
    """The traces of these ids, oldest first, and what is wrong with the choice, if anything is."""
    wanted: dict[uuid.UUID, None] = {}
    for text in ids[:MOST_CHOSEN]:
        try:
            wanted[uuid.UUID(text)] = None
        except ValueError:
            return [], "A trace that was chosen has no valid id."
    if len(wanted) != 2:
        return [], f"Choose two traces to compare. Chosen: {len(wanted)}."
    found = list(SignalTrace.objects.using(conf.DATABASE).filter(trace_id__in=list(wanted)).order_by("id"))
    return (found, "") if len(found) == 2 else ([], "A trace that was chosen is not kept any more.")


def _needs_window(query: TracesQuery) -> bool:
    """Whether what is asked for cannot be read off an index in its order."""
    if query.sort == FAILED:
        return True
    if any(key in query.given and key not in query.problems for key in (QUERY, "status", "source", "name", "receiver")):
        return True
    if query.sort == DURATION:
        return query.since is not None or query.until is not None
    return query.took is not None or query.since is not None or query.until is not None


def _filtered(found: QuerySet[SignalTrace], query: TracesQuery) -> QuerySet[SignalTrace]:
    good = {key: text for key, text in query.given.items() if key not in query.problems}
    if query.took is not None:
        found = found.filter(**{f"duration_us__{'gte' if query.took.at_least else 'lte'}": query.took.us})
    if "status" in good:
        found = found.filter(status=good["status"])
    if "source" in good:
        found = found.filter(source=good["source"])
    if "name" in good:
        found = found.filter(name__icontains=good["name"])
    if "receiver" in good:
        found = found.filter(_called(good["receiver"]))
    if query.since is not None:
        found = found.filter(started_at__gte=query.since)
    if query.until is not None:
        found = found.filter(started_at__lte=query.until)
    return found


def _called(receiver: str) -> Q:
    """The newest traces in which a receiver ran: some for each signal and model, by index."""
    called = Q(pk__in=())
    kinds = ((path, *kind) for path in _paths(receiver) for kind in kinds_of(path))
    calls = receiver_calls().order_by("-id").values("trace_id")
    for path, signal, sender in islice(kinds, MOST_KINDS):
        called |= Q(trace_id__in=calls.filter(receiver=path, signal=signal, sender=sender)[:MOST_CALLS])
    return called


def _paths(receiver: str) -> list[str]:
    """The receivers of this name: a short one, as pages show it, is that of those that are connected."""
    short = {one.receiver for one in connected() if short_name(one.receiver) == receiver} if "." not in receiver else ()
    return [receiver, *sorted(short)]


def _after(found: QuerySet[SignalTrace], column: str, after: tuple[int, int] | None) -> QuerySet[SignalTrace]:
    if after is None:
        return found
    value, number = after
    # The first condition is implied by the second: it is what an index answers.
    return found.filter(Q(**{f"{column}__lte": value}) & (Q(**{f"{column}__lt": value}) | Q(id__lt=number)))


def _place_of(trace: SignalTrace, sort: str) -> str:
    value = {DURATION: trace.duration_us, FAILED: trace.failed}.get(sort, 0)
    return f"{value}-{trace.pk}"


def _place(text: str) -> tuple[int, int]:
    value, dash, number = text.partition("-")
    if not dash or not (value.isascii() and value.isdigit() and number.isascii() and number.isdigit()):
        raise FilterError(f"'after' must be a place that a page of traces has given, not {text[:50]!r}.")
    if len(value) > 18 or len(number) > 18:
        raise FilterError("'after' must be a place that a page of traces has given.")
    return int(value), int(number)


def _query(text: str) -> Filters:
    filters = Filters.parse({QUERY: text})
    for key, moment in (("since", filters.since), ("until", filters.until)):
        parse_moment(key, moment or "")
    return filters


def _sort(text: str) -> str:
    if text not in SORTS:
        raise FilterError(f"'sort' must be one of {', '.join(SORTS)}, not {text[:50]!r}.")
    return text
