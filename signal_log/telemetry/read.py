"""Reads telemetry for the pages: the receivers' calls of events, and how long a receiver usually takes."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Final

from django.db.models import Q, QuerySet

from signal_log import clock
from signal_log.conf import conf
from signal_log.models import ReceiverCall, SignalEvent, SignalTrace

LIMIT: Final = 500
"""How many of a receiver's newest calls are compared with one."""
MOST_TRACES: Final = 500
"""So many traces are asked for in one query."""
PENDING: Final = timedelta(minutes=5)
"""A trace that recorded nothing for so long is taken to be over."""
MAX_CALLS: Final = 20_000
"""Of one trace, so many calls are read at most."""
EVENTS_AT_ONCE, TRACES_AT_ONCE = 5_000, 50
"""The calls of so many events, of so many traces, are asked for in one query."""


def receiver_calls() -> QuerySet[ReceiverCall]:
    """All calls, from the log's database."""
    return ReceiverCall.objects.using(conf.DATABASE)


def kinds_of(receiver: str) -> Iterator[tuple[str, str]]:
    """The signals and models that a receiver was called for, each found by one step in an index, however many calls."""
    calls = receiver_calls().filter(receiver=receiver).order_by("signal", "sender").values_list("signal", "sender")
    kind = calls.first()
    while kind:
        yield kind
        signal, sender = kind
        kind = calls.filter(signal=signal, sender__gt=sender).first() or calls.filter(signal__gt=signal).first()


def trace_row(trace_id: uuid.UUID) -> SignalTrace | None:
    """How a trace went as a whole; None while it runs, and when its telemetry was lost or pruned."""
    return SignalTrace.objects.using(conf.DATABASE).filter(trace_id=trace_id).first()


def trace_rows(trace_ids: Sequence[str]) -> list[SignalTrace]:
    """The rows of those of these traces that have ended, in the order in which they were written."""
    if not trace_ids:
        return []
    return list(SignalTrace.objects.using(conf.DATABASE).filter(trace_id__in=trace_ids[:MOST_TRACES]).order_by("id"))


def add_calls(events: Iterable[SignalEvent]) -> set[uuid.UUID]:
    """Give each event the calls of its receivers, with few queries for many traces.

    Returned are the traces that have more calls than are read.
    """
    by_trace: _ByTrace = defaultdict(lambda: defaultdict(list))
    for event in events:
        event.calls = by_trace[event.trace_id][event.position]
    cut: set[uuid.UUID] = set()
    pending = _batches(by_trace)
    while pending:
        traces = pending.pop()
        found = list(_calls_within(traces, by_trace).order_by("trace_id", "position", "started_us", "id")[:MAX_CALLS])
        if len(found) == MAX_CALLS:
            if len(traces) > 1:
                half = len(traces) // 2
                pending += [traces[:half], traces[half:]]
                continue
            cut.update(traces)
        for call in found:
            at = by_trace[call.trace_id]
            if call.position in at:
                at[call.position].append(call)
    return cut


_ByTrace = dict[uuid.UUID, dict[int, list[ReceiverCall]]]


def _batches(by_trace: _ByTrace) -> list[list[uuid.UUID]]:
    """The traces in groups that are asked for together: of few events, so that their calls are likely to fit."""
    found: list[list[uuid.UUID]] = []
    room = 0
    for trace, at in by_trace.items():
        if room < len(at) or len(found[-1]) == TRACES_AT_ONCE:
            found.append([])
            room = EVENTS_AT_ONCE
        found[-1].append(trace)
        room -= len(at)
    return found


def _calls_within(traces: Sequence[uuid.UUID], by_trace: _ByTrace) -> QuerySet[ReceiverCall]:
    """The calls of these traces between the first and the last position that is asked for."""
    within = Q()
    for trace in traces:
        at = by_trace[trace]
        within |= Q(trace_id=trace, position__gte=min(at), position__lte=max(at))
    return receiver_calls().filter(within)


def state_of(row: SignalTrace | None, events: Sequence[SignalEvent]) -> str:
    """What is known of a trace's times: ``complete``, ``pending``, ``dropped`` or ``expired``.

    They are written when it ends, may be lost when too much waits, and are removed after ``TRACE_DAYS``; a lone
    operation that called no receiver has none.
    """
    has_calls = any(event.calls for event in events)
    if row is not None:
        return "dropped" if row.slowest_receiver and conf.RECEIVERS and not has_calls else "complete"
    age = clock.now() - max(event.occurred_at for event in events)
    if age > timedelta(days=conf.TRACE_DAYS):
        return "expired"
    lone = len({event.operation for event in events}) == 1 and events[0].parent_position is None
    if has_calls or (lone and not events[0].method):
        return "complete"
    return "pending" if age < PENDING else "dropped"


def newest_durations(receiver: str, signal: str, sender: str) -> dict[int, int]:
    """The durations of the newest calls of this receiver for this signal and sender, by id, newest first."""
    found = receiver_calls().filter(receiver=receiver, signal=signal, sender=sender)
    return dict(found.order_by("-id").values_list("id", "duration_us")[:LIMIT])
