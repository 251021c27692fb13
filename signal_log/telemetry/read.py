"""Reads telemetry for the pages: the receivers' calls of events, and how long a receiver usually takes."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Final

from django.db.models import QuerySet

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


def add_calls(events: Iterable[SignalEvent]) -> None:
    """Give each event the calls of its receivers, with one query for each of their traces."""
    by_trace: dict[uuid.UUID, dict[int, list[ReceiverCall]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        event.calls = by_trace[event.trace_id][event.position]
    for trace, at in by_trace.items():
        found = receiver_calls().filter(trace_id=trace, position__gte=min(at), position__lte=max(at))
        for call in found.order_by("position", "started_us", "id")[:MAX_CALLS]:
            if call.position in at:
                at[call.position].append(call)


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
