"""Reads telemetry for the pages: the receivers' calls of events, and how long a receiver usually takes."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from django.db.models import QuerySet

from signal_log.conf import conf
from signal_log.models import ReceiverCall, SignalEvent, SignalTrace

LIMIT: Final = 500
"""How many of a receiver's newest calls are compared with one."""
MOST_TRACES: Final = 500
"""So many traces are asked for in one query."""
MAX_CALLS: Final = 20_000
"""Of one trace, so many calls are read at most."""


def receiver_calls() -> QuerySet[ReceiverCall]:
    """All calls, from the log's database."""
    return ReceiverCall.objects.using(conf.DATABASE)


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


def newest_durations(receiver: str, signal: str, sender: str) -> dict[int, int]:
    """The durations of the newest calls of this receiver for this signal and sender, by id, newest first."""
    found = receiver_calls().filter(receiver=receiver, signal=signal, sender=sender)
    return dict(found.order_by("-id").values_list("id", "duration_us")[:LIMIT])
