"""Counts operations of a span of time by second and kind; ``/events/?format=counts`` is the last ten minutes.

An operation counts once, if its last signal is below ``before``; the client counts the rest from the signals that it
has. The work is bounded in ids and in time, and the response states from when on it has counted. ``facets`` counts the
same operations by model, signal, actor, outcome and source as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Count, F, Func, IntegerField, Max, Min, Q, QuerySet
from django.db.models.sql.compiler import SQLCompiler
from django.http import JsonResponse, QueryDict

from signal_log import clock
from signal_log.event import COMMITTED, FAILED, M2M_CHANGED, POST_DELETE, POST_SAVE, PRE_DELETE, PRE_SAVE
from signal_log.filters import Filters
from signal_log.models import SignalEvent
from signal_log.moments import latest
from signal_log.query_language.nodes import terms
from signal_log.seal.canonical import timestamp
from signal_log.show.query.archived import begins_after_archive
from signal_log.show.query.query import Query, parse
from signal_log.show.words.kinds import tells_of_refusal
from signal_log.store.read import SENT_BY_HAND, events, filtered

NAME: Final = "counts"
KINDS: Final = ("created", "updated", "deleted", "undone", "refused", "failed", "other")
SPAN: Final = timedelta(minutes=10)
MAX_IDS: Final = 50_000
WINDOW: Final = 10_000
FIRST_WINDOW: Final = 500
"""A query of fifty words takes seconds for ten thousand events, so windows get wider only while they are quick."""
SECONDS: Final = 1.0
BARS: Final = 720
"""How many steps a span of time is counted in, at most."""
APART: Final = 1_000
"""How far above a window to look for the rest of an operation that began inside it."""
ENDS: Final = {PRE_SAVE: POST_SAVE, PRE_DELETE: POST_DELETE}
"""Signals sent before an operation; for committed work the operation's other signal represents both."""
BEGINS_RELATION: Final = Q(signal=M2M_CHANGED, position=F("operation"))

Tally = Counter[tuple[int, str]]
Events = QuerySet[SignalEvent]


class Bucket(Func):
    """A datetime as a Unix timestamp, at the beginning of its so many seconds."""

    output_field = IntegerField()

    def __init__(self, expression: str | Min, seconds: int = 1) -> None:
        super().__init__(expression)
        self.extra["seconds"] = seconds

    def as_sql(self, *args: Any, **kwargs: Any) -> Any:
        """Epoch as a float: as a numeric, which EXTRACT gives, it is several times slower."""
        template = "CAST(FLOOR(DATE_PART('epoch', %(expressions)s) / %(seconds)s) AS bigint) * %(seconds)s"
        return super().as_sql(*args, **{"template": template} | kwargs)

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Any:
        """SQLite stores datetimes as UTC text."""
        template = "CAST(strftime('%%%%s', %(expressions)s) AS INTEGER) / %(seconds)s * %(seconds)s"
        return super().as_sql(compiler, connection, template=template)


@dataclass(frozen=True, slots=True)
class Reach:
    """Which ids are looked at, newest first: below ``top``, and not below ``lowest``; ``before`` borders a window."""

    top: int
    lowest: int
    before: int
    deadline: float = field(default_factory=lambda: clock.monotonic() + SECONDS)

    def windows(self) -> Iterator[tuple[int, int]]:
        """Ranges of ids, until time is up; the first is always there."""
        high, width, began = self.top, min(FIRST_WINDOW, WINDOW), clock.monotonic()
        while high > self.lowest and (high == self.top or began <= self.deadline):
            low = max(self.lowest, high - width)
            if low < self.before < high:
                low = self.before
            yield low, high
            high, ended = low, clock.monotonic()
            width, began = min(2 * width, WINDOW) if ended - began < SECONDS / 4 else width, ended


def answer(sent: QueryDict, own: tuple[str, ...]) -> JsonResponse:
    """The seconds with activity, each with its counts in the order of ``kinds``."""
    query = parse(sent, own=own)
    for key in ("since", "until", "after"):
        if key in query.given:
            query.problems[key] = f"'{key}' is not accepted here: the counts always cover the last ten minutes."
    if query.problems:
        return JsonResponse(query.refusal, status=400)
    start = clock.now() - SPAN
    tally, since = count(query, start)
    return JsonResponse({"kinds": KINDS, "seconds": rows(tally), "since": timestamp(since), "complete": since == start})


def rows(tally: Tally) -> list[list[int]]:
    """A row for each second that has something, with its counts in the order of ``KINDS``."""
    return [[second, *(tally[second, kind] for kind in KINDS)] for second in sorted({second for second, _ in tally})]


def count(query: Query, start: datetime) -> tuple[Tally, datetime]:
    """Operations by second and kind since ``start``, or since the later time that was reached within the limits."""
    found = within(filtered(events(), query.filters), latest(start, query.since), query.until)
    reach = reach_to(query.before, head())
    tally: Tally = Counter()
    low = reach.top
    for low, high in reach.windows():
        add_committed(tally, committed(found, query.filters).filter(pk__gte=low, pk__lt=high))
        for row in undone(found, low, high):
            tally[int(row["second"]), kind_of_undone(row)] += 1
    return tally, latest(counted_since(low, start), begins_after_archive(start)) or start


def head() -> int:
    """The highest id."""
    return events().order_by("-pk").values_list("pk", flat=True).first() or 0


def reach_to(before: int | None, newest: int) -> Reach:
    """What is looked at to count below an id, or everything."""
    top = min(before or newest + 1, newest + 1)
    return Reach(top, max(1, top - MAX_IDS), top)


def counted_since(low: int, start: datetime | None) -> datetime | None:
    """The later of ``start`` and what was reached if nothing below an id was counted."""
    return latest(start, events().filter(pk__lt=low).order_by("-pk").values_list("occurred_at", flat=True).first())


def within(found: Events, since: datetime | None, until: datetime | None) -> Events:
    """Those that occurred then, in no order."""
    found = found.order_by()
    if since is not None:
        found = found.filter(occurred_at__gte=since)
    return found if until is None else found.filter(occurred_at__lte=until)


def represents(filters: Filters) -> Callable[[str], bool]:
    """Whether a signal stands for its operation: the last one that the filters ask for."""
    asked = {signal for signal, excluded in filters.values("signal") if not excluded}
    mixed = any(term.key == "signal" for term in terms(filters.rest))
    if mixed:
        return lambda signal: signal not in ENDS or asked <= {*ENDS}
    wanted, unwanted = filters.wanted.get("signal", ()), filters.excluded.get("signal", ())

    def matches(signal: str) -> bool:
        return (not wanted or signal in wanted) and signal not in unwanted

    return lambda signal: matches(signal) and not (signal in ENDS and matches(ENDS[signal]))


def committed(found: Events, filters: Filters) -> Events:
    """The signals that stand for committed operations, one each."""
    stands = represents(filters)
    announcing = [signal for signal in ENDS if not stands(signal)]
    return found.filter(outcome=COMMITTED).exclude((Q(signal__in=announcing) & ~SENT_BY_HAND) | BEGINS_RELATION)


def add_committed(tally: Tally, found: Events, step: int = 1) -> None:
    """Count committed operations by the ``step`` seconds in which they happened."""
    grouped = found.values_list(Bucket("occurred_at", step), "signal", "created").annotate(
        number=Count("pk"), by_hand=Count("pk", filter=SENT_BY_HAND)
    )
    for second, signal, created, number, by_hand in grouped:
        tally[int(second), _kind(signal, created)] += number - by_hand
        tally[int(second), "other"] += by_hand


def undone(found: Events, low: int, high: int, **more: Any) -> list[dict[str, Any]]:
    """Each failed or rolled-back operation whose last signal is in a range of ids, whether it has one signal or two."""
    grouped = found.exclude(outcome=COMMITTED).filter(pk__gte=low, pk__lt=high + APART)
    found_ones = grouped.values("trace_id", "operation").annotate(
        second=Bucket(Min("occurred_at")), failed=Count("pk", filter=Q(outcome=FAILED)), last=Max("pk"), **more
    )
    return [dict(row) for row in found_ones.filter(last__lt=high)]


def kind_of_undone(row: dict[str, Any]) -> str:
    """Its kind: one of its signals failed, or all were rolled back."""
    return "failed" if row["failed"] else "undone"


def _kind(signal: str, created: bool | None) -> str:
    if signal == POST_SAVE:
        return "created" if created else "updated"
    if signal == POST_DELETE:
        return "deleted"
    return "refused" if tells_of_refusal(signal) else "other"
