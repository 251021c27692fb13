"""``/events/?format=facets``: the operations of a span of time by second and kind, and by the values of facets.

All numbers are of operations (``counts``), so they add up. A facet's numbers ignore the conditions of the query that
are on it alone, so that siblings keep theirs; a signal is counted with each operation that sent it. A client that holds
all matches from an id on sends it as ``before`` and adds those itself: what it cannot hold is counted regardless.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, Max, Min
from django.http import JsonResponse, QueryDict

from signal_log import clock
from signal_log.event import COMMITTED, FAILED, ROLLED_BACK
from signal_log.filters import Filters
from signal_log.moments import latest
from signal_log.query_language.keys import MODEL
from signal_log.query_language.lifting import conjuncts
from signal_log.query_language.nodes import all_of, terms
from signal_log.rows import is_of_a_model
from signal_log.seal.canonical import timestamp
from signal_log.show.query import counts, facet_rows
from signal_log.show.query.archived import begins_after_archive
from signal_log.show.query.query import Query, parse
from signal_log.store.read import events, filtered
from signal_log.store.span import span_of

NAME: Final = "facets"
FACETS: Final[Mapping[str, tuple[str, ...]]] = {
    MODEL: ("sender", MODEL), "signal": ("signal",), "actor": ("actor", "actor_pk", "actor_name"),
    "outcome": ("outcome",), "source": ("source",),
}  # fmt: skip
"""Each with the keys of a query that are on it."""
MOST: Final = 100
STEPS: Final = (1, 10, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800)
"""Seconds, each a multiple of those before it."""
FIRST_YEAR: Final = 2005
"""No log is older than Django."""
SLOTS: Final = 72
"""Into how many slots a span of time is parted for the values, at most."""

Numbers = Counter[int]


@dataclass(slots=True)
class Counted:
    """What was counted: ``tally`` by ``step`` seconds and kind, ``facets`` by value and ``grain`` seconds."""

    step: int
    grain: int
    start: datetime | None
    since: datetime | None = None
    searched: int = 0
    tally: counts.Tally = field(default_factory=Counter)
    facets: dict[str, dict[str, Numbers]] = field(default_factory=lambda: {key: defaultdict(Counter) for key in FACETS})
    models: set[str] = field(default_factory=set)

    def add(self, facet: str, value: str, second: int, number: int, *, of_model: bool) -> None:
        """Add operations with this value of a facet; ``of_model`` if a model alone sends their signal."""
        if value:
            self.facets[facet][value][second // self.grain * self.grain] += number
            if facet == MODEL and of_model:
                self.models.add(value)


def answer(sent: QueryDict, own: tuple[str, ...]) -> JsonResponse:
    """The counts of a span of time, by default of the last ten minutes."""
    query = parse(sent, own=own)
    if "after" in query.given:
        query.problems["after"] = "'after' is not accepted here: the counts are of a span of time."
    if query.problems:
        return JsonResponse(query.refusal, status=400)
    now = clock.now()
    newest = counts.head()
    counted = count(query, _begin(query, now), now, newest)
    is_complete = counted.since == counted.start
    return JsonResponse(
        {
            "kinds": counts.KINDS,
            "step": counted.step,
            "seconds": counts.rows(counted.tally),
            "total": counted.tally.total(),
            "grain": counted.grain,
            "facets": {key: _facet(counted, key) for key in FACETS},
            "head": newest,
            "since": _said(counted.since),
            "until": _said(query.until),
            "complete": is_complete,
            "newest": None if is_complete else counted.searched,
        }
    )


def count(query: Query, start: datetime | None, now: datetime, newest: int) -> Counted:
    """Count the operations from ``start`` on, or from the later time that was reached within the limits."""
    other, conditions = parted(query.filters)
    reach = _reach(query, now, newest, keep_all=bool(conditions))
    begin = start if start and reach.lowest == 1 else latest(start, _time_of(reach.lowest)) or now
    length = max(0.0, (min(query.until or now, now) - begin).total_seconds())
    counted = Counted(_step(length / counts.BARS), _step(length / SLOTS), start)
    found = counts.within(filtered(events(), query.filters), start, query.until)
    apart = [
        OfOne(facet, own, counts.within(filtered(events(), _all_but(facet, other, conditions)), start, query.until))
        for facet, own in conditions.items()
    ]
    shared = [facet for facet in FACETS if facet not in conditions]
    low = reach.top
    for low, high in reach.windows():
        is_held = low >= reach.before
        if not is_held:
            _add_matching(counted, query.filters, found, shared, low, high)
        for one in apart:
            _add_one(counted, query.filters, one, low, high, is_held=is_held)
    counted.since = latest(counts.counted_since(low, start), begins_after_archive(start))
    counted.searched = reach.top - low
    return counted


def parted(filters: Filters) -> tuple[Filters, dict[str, Filters]]:
    """The filters that are on no facet alone, and those that are on one, by its name."""
    nodes = [(node, {term.key for term in terms(node)}) for node in conjuncts(filters.rest)]
    on = {facet: [node for node, names in nodes if names <= {*keys}] for facet, keys in FACETS.items()}
    conditions = {}
    for facet, keys in FACETS.items():
        wanted = {key: texts for key, texts in filters.wanted.items() if key in keys}
        excluded = {key: texts for key, texts in filters.excluded.items() if key in keys}
        if one := Filters(wanted, excluded, all_of(on[facet])):
            conditions[facet] = one
    every = {key for keys in FACETS.values() for key in keys}
    others = [node for node, _ in nodes if not any(node in some for some in on.values())]
    wanted = {key: texts for key, texts in filters.wanted.items() if key not in every}
    excluded = {key: texts for key, texts in filters.excluded.items() if key not in every}
    return Filters(wanted, excluded, all_of(others), earliest=filters.earliest, latest=filters.latest), conditions


@dataclass(frozen=True, slots=True)
class OfOne:
    """A facet that the query has conditions on: these, and what matches all but them."""

    facet: str
    own: Filters
    found: counts.Events


def _all_but(facet: str, other: Filters, conditions: Mapping[str, Filters]) -> Filters:
    all_others = [other, *(own for name, own in conditions.items() if name != facet)]
    wanted = {key: texts for one in all_others for key, texts in one.wanted.items()}
    excluded = {key: texts for one in all_others for key, texts in one.excluded.items()}
    rest = all_of([node for one in all_others for node in conjuncts(one.rest)])
    return Filters(wanted, excluded, rest, earliest=other.earliest, latest=other.latest)


_OF_BOTH: Final = {
    **{name: Max(name) for name in ("sender", "actor_repr", "actor_pk", "source")},
    "one": Min("signal"), "two": Max("signal"),
}  # fmt: skip
"""Of the two signals of an operation; they differ in their names alone."""


def _add_matching(
    counted: Counted, filters: Filters, found: counts.Events, shared: list[str], low: int, high: int
) -> None:  # fmt: skip
    """Add what matches the whole query, by kind and to the facets that it has no conditions on."""
    these = found.filter(pk__gte=low, pk__lt=high)
    for facet, second, value, of_model, number in facet_rows.read(these, filters, shared, counted.step, counted.grain):
        if facet == facet_rows.KINDS:
            counted.tally[second, value] += number
        else:
            counted.add(facet, value, second, number, of_model=bool(of_model))
    for row in counts.undone(found, low, high, **_OF_BOTH):
        second = int(row["second"])
        counted.tally[second // counted.step * counted.step, counts.kind_of_undone(row)] += 1
        for facet in shared:
            for value in _values(facet, row):
                counted.add(facet, value, second, 1, of_model=row["one"] in facet_rows.OF_MODELS)


def _add_one(counted: Counted, filters: Filters, one: OfOne, low: int, high: int, *, is_held: bool) -> None:
    """Add to a facet what matches but for its own conditions, and what matches them too, unless the client holds it."""
    facet = one.facet
    these = one.found.filter(pk__gte=low, pk__lt=high)
    if facet == "signal":
        these = these.filter(outcome=COMMITTED).exclude(counts.BEGINS_RELATION)
    else:
        these = counts.committed(these, filters)
    columns = COLUMNS[facet]
    grouped = these.values_list(counts.Bucket("occurred_at", counted.grain), *columns)
    for second, *texts, number in grouped.annotate(number=Count("pk")):
        event = dict(zip(columns, texts, strict=True)) | {"outcome": COMMITTED}
        if not (is_held and one.own.matches(event)):
            of_model = event.get("signal") in facet_rows.OF_MODELS
            counted.add(facet, _value(facet, event), int(second), number, of_model=of_model)
    for row in counts.undone(one.found, low, high, **_OF_BOTH):
        for signal in {row["one"], row["two"]} if facet == "signal" else (row["one"],):
            event = row | {"outcome": _outcome(row), "signal": signal}
            if not (is_held and one.own.matches(event)):
                of_model = signal in facet_rows.OF_MODELS
                counted.add(facet, _value(facet, event), int(row["second"]), 1, of_model=of_model)


COLUMNS: Final = {
    MODEL: ("sender", "signal"), "signal": ("signal",), "actor": ("actor_repr", "actor_pk"), "outcome": (),
    "source": ("source",),
}  # fmt: skip


def _values(facet: str, row: Mapping[str, Any]) -> Iterable[str]:
    """Of an operation that was not committed: its value, or its signals."""
    if facet == "signal":
        return {row["one"], row["two"]}
    return (_outcome(row) if facet == "outcome" else _value(facet, row),)


def _outcome(row: Mapping[str, Any]) -> str:
    return FAILED if row["failed"] else ROLLED_BACK


def _value(facet: str, event: Mapping[str, Any]) -> str:
    if facet == "actor":
        return str(event["actor_repr"] or event["actor_pk"])
    return str(event["sender" if facet == MODEL else facet])


def _facet(counted: Counted, key: str) -> dict[str, Any]:
    """The most frequent values, each with its number and its counts by slot, and how many further values there are."""
    found = {
        value: slots
        for value, slots in counted.facets[key].items()
        if key != MODEL or value in counted.models or is_of_a_model(value)
    }
    ranked = sorted(found.items(), key=lambda item: (-item[1].total(), item[0]))
    return {
        "values": [[value, slots.total(), sorted(slots.items())] for value, slots in ranked[:MOST]],
        "more": max(0, len(ranked) - MOST),
    }


def _begin(query: Query, now: datetime) -> datetime | None:
    """The query's own beginning; without a span of its own the last ten minutes, from a whole slot on.

    A span that begins before there can have been a log begins with the log.
    """
    if query.since or query.until:
        return query.since if query.since and query.since.year >= FIRST_YEAR else None
    grain = timedelta(seconds=_step(counts.SPAN.total_seconds() / SLOTS))
    return now - counts.SPAN - (now - datetime.fromtimestamp(0, now.tzinfo)) % grain


def _reach(query: Query, now: datetime, newest: int, *, keep_all: bool) -> counts.Reach:
    """From the end of the span down; what the client holds is skipped where it holds all that is counted."""
    top = newest + 1
    if query.until is not None and query.until < now:
        top = min(top, span_of(query.since, query.until, scan=True).high + 1)
    before = min(query.before or top, top)
    top = top if keep_all else before
    return counts.Reach(top, max(1, top - counts.MAX_IDS), before)


def _time_of(lowest: int) -> datetime | None:
    return events().filter(pk__gte=lowest).order_by("pk").values_list("occurred_at", flat=True).first()


def _step(seconds: float) -> int:
    return next((step for step in STEPS if step >= seconds), STEPS[-1])


def _said(moment: datetime | None) -> str | None:
    return None if moment is None else timestamp(moment)
