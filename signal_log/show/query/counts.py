"""``/events/?format=counts``: operations of the last ten minutes by second and kind, for the live page's chart.

An operation counts once, if its last signal is below ``before``; the client counts the rest from the signals that it
has. The work is bounded in ids and in time, and the response states from when on it has counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Count, F, Func, IntegerField, Max, Min, Q, QuerySet
from django.db.models.sql.compiler import SQLCompiler
from django.http import JsonResponse, QueryDict

from signal_log import clock
from signal_log.event import COMMITTED, FAILED, M2M_CHANGED, POST_DELETE, POST_SAVE
from signal_log.models import SignalEvent
from signal_log.moments import latest
from signal_log.seal.canonical import timestamp
from signal_log.show.query.query import Query, parse
from signal_log.show.words import kinds
from signal_log.store.read import SENT_BY_HAND, events, filtered

NAME: Final = "counts"
KINDS: Final = ("created", "updated", "deleted", "undone", "failed", "other")
SPAN: Final = timedelta(minutes=10)
MAX_IDS: Final = 50_000
WINDOW: Final = 10_000
SECONDS: Final = 1.0
APART: Final = 1_000
"""How far above a window to look for the rest of an operation that began inside it."""
ANNOUNCES: Final = (Q(signal__in=kinds.PRE) & ~SENT_BY_HAND) | Q(signal=M2M_CHANGED, position=F("operation"))
"""Signals sent before an operation; for committed work the operation's other signal represents both."""

Tally = Counter[tuple[int, str]]


class Second(Func):
    """A datetime as a Unix timestamp in seconds."""

    function = "FLOOR"
    template = "%(function)s(EXTRACT(EPOCH FROM %(expressions)s))"
    output_field = IntegerField()

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Any:
        """SQLite stores datetimes as UTC text."""
        return self.as_sql(compiler, connection, template="CAST(strftime('%%%%s', %(expressions)s) AS INTEGER)")


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
    seconds = sorted({second for second, _ in tally})
    return JsonResponse(
        {
            "kinds": KINDS,
            "seconds": [[second, *(tally[second, kind] for kind in KINDS)] for second in seconds],
            "since": timestamp(since),
            "complete": since == start,
        }
    )


def count(query: Query, start: datetime) -> tuple[Tally, datetime]:
    """Operations by second and kind since ``start``, or since the later time that was reached within the limits."""
    found = filtered(events(), query.filters).filter(occurred_at__gte=latest(start, query.since)).order_by()
    if query.until is not None:
        found = found.filter(occurred_at__lte=query.until)
    head = events().order_by("-pk").values_list("pk", flat=True).first() or 0
    top = min(query.before or head + 1, head + 1)
    committed = found.filter(outcome=COMMITTED)
    asked = {signal for signal, excluded in query.filters.values("signal") if not excluded}
    if not asked or not asked <= {*kinds.PRE}:
        committed = committed.exclude(ANNOUNCES)
    lost = found.exclude(outcome=COMMITTED)
    tally: Tally = Counter()
    deadline = clock.monotonic() + SECONDS
    low = top
    for low, high in _windows(top):
        _add_committed(tally, committed.filter(pk__gte=low, pk__lt=high))
        _add_undone(tally, lost.filter(pk__gte=low, pk__lt=high + APART), high)
        if clock.monotonic() > deadline:
            break
    beyond = events().filter(pk__lt=low).order_by("-pk").values_list("occurred_at", flat=True).first()
    return tally, start if beyond is None else max(start, beyond)


def _windows(top: int) -> Iterator[tuple[int, int]]:
    lowest = max(1, top - MAX_IDS)
    high = top
    while high > lowest:
        low = max(lowest, high - WINDOW)
        yield low, high
        high = low


def _add_committed(tally: Tally, found: QuerySet[SignalEvent]) -> None:
    rows = found.values_list(Second("occurred_at"), "signal", "created").annotate(
        number=Count("pk"), by_hand=Count("pk", filter=SENT_BY_HAND)
    )
    for second, signal, created, number, by_hand in rows:
        tally[int(second), _kind(signal, created)] += number - by_hand
        tally[int(second), "other"] += by_hand


def _add_undone(tally: Tally, found: QuerySet[SignalEvent], high: int) -> None:
    """Count operations whose last signal is below ``high``, whether they have one signal or two."""
    rows = found.values_list("trace_id", "operation").annotate(
        second=Second(Min("occurred_at")), failed=Count("pk", filter=Q(outcome=FAILED)), last=Max("pk")
    )
    for _trace, _operation, second, failed, _last in rows.filter(last__lt=high):
        tally[int(second), "failed" if failed else "undone"] += 1


def _kind(signal: str, created: bool | None) -> str:
    if signal == POST_SAVE:
        return "created" if created else "updated"
    return "deleted" if signal == POST_DELETE else "other"
