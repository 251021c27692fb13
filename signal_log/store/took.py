"""The filter ``took``: events by how long their operation or one of its receivers took, as telemetry has it.

An event's operation took at least so long if its two events are that far apart, or if a receiver of either was called
for that long. Only traces with a row of ``SignalTrace`` are timed: of others (still running, dropped, expired, a lone
operation that called no receiver) nothing is known, so they match neither ``>`` nor ``<``.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Final

from django.db.models import Exists, F, OuterRef, Q

from signal_log.amounts import parse_took
from signal_log.filters import Filters
from signal_log.models import ReceiverCall, SignalEvent, SignalTrace
from signal_log.query_language.keys import TOOK
from signal_log.store.reading import read_from

APART: Final = 200
"""So many positions after the first event of an operation its other one is looked for; a large delete's is further."""
FEW: Final = 1_000
FEW_EVENTS: Final = 20_000
"""Where so few traces, with so few events, took so long, their events are all that is looked at."""


def took(text: str) -> Q:
    """The events that a value of the filter means."""
    wanted = parse_took(TOOK, text)
    if not wanted.at_least:
        return Q(_timed()) & ~_long(wanted.us + 1)
    few = _few_traces(wanted.us)
    # What took so long took no longer than its trace.
    traces = Q(_timed(duration_us__gte=wanted.us)) if few is None else Q(trace_id__in=few)
    return traces & _long(wanted.us)


def is_indexed(filters: Filters) -> bool:
    """Whether an index answers them, because few traces took so long."""
    wanted = [parse_took(TOOK, text) for text in filters.wanted.get(TOOK, ())]
    return bool(wanted) and all(one.at_least and _few_traces(one.us) is not None for one in wanted)


def _few_traces(us: int) -> list[uuid.UUID] | None:
    found = SignalTrace.objects.using(read_from()).filter(duration_us__gte=us).order_by("-duration_us")
    rows = list(found.values_list("trace_id", "events")[: FEW + 1])
    if len(rows) > FEW or sum(events for _, events in rows) > FEW_EVENTS:
        return None
    return [trace for trace, _ in rows]


def _timed(**fields: int) -> Exists:
    return Exists(SignalTrace.objects.filter(trace_id__range=_same("trace_id"), **fields))


def _long(us: int) -> Q:
    length = timedelta(microseconds=us)
    of_trace = {"trace_id": OuterRef("trace_id")}
    calls = ReceiverCall.objects.filter(**of_trace, duration_us__gte=us)
    events = SignalEvent.objects.order_by().filter(**of_trace)
    of_operation = Exists(calls.filter(position__in=[OuterRef("position"), OuterRef("operation")]))
    opening = events.filter(position=OuterRef("operation"), occurred_at__lte=OuterRef("occurred_at") - length)
    closing = events.filter(
        Q(occurred_at__gte=OuterRef("occurred_at") + length) | Exists(calls.filter(position__range=_same("position"))),
        operation=OuterRef("operation"),
        position__gt=OuterRef("position"),
        position__lte=OuterRef("position") + APART,
    )
    return Q(of_operation) | Q(Exists(opening)) | (Q(position=F("operation")) & Q(Exists(closing)))


def _same(column: str) -> tuple[OuterRef, OuterRef]:
    """Equality as a range: for ``=`` PostgreSQL would read a whole table into a hash, in each window of ids."""
    return OuterRef(column), OuterRef(column)
