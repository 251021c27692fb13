"""What the newest traces have in common: findings about receivers, for the map and the system checks."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Final

from django.db.models import Q

from signal_log.conf import conf
from signal_log.models import SignalEvent, SignalTrace
from signal_log.show.cascade.findings import LEAST_SLOW_US, Finding, findings
from signal_log.show.cascade.operation import cascade_of, runs_of
from signal_log.show.cascade.shared_out import level
from signal_log.store.read import events
from signal_log.telemetry.read import add_calls

TRACES: Final = 200
EVENTS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Recent:
    """A finding about a receiver, the number of traces that have it, and the newest of them."""

    finding: Finding
    traces: int
    newest: uuid.UUID

    @property
    def times(self) -> str:
        """In how many traces."""
        return f"{self.traces:,} trace{'' if self.traces == 1 else 's'}"


def recent_findings() -> list[Recent]:
    """The findings about receivers in the newest 200 traces in which they worked.

    At most 5,000 events are read, shared out among the traces: of a huge one the first.
    """
    worked = Q(operations__gt=1) | Q(slowest_us__gte=LEAST_SLOW_US)
    rows = list(SignalTrace.objects.using(conf.DATABASE).filter(worked).order_by("-id")[:TRACES])
    took = {row.trace_id: row.duration_us for row in rows}
    by_trace: dict[uuid.UUID, list[SignalEvent]] = defaultdict(list)
    share = level((row.events for row in rows), EVENTS)
    first = Q(position__lte=share) if sum(row.events for row in rows) > EVENTS else Q()
    for event in events().filter(first, trace_id__in=list(took)).order_by("trace_id", "position"):
        by_trace[event.trace_id].append(event)
    add_calls(event for found in by_trace.values() for event in found)
    number: Counter[str] = Counter()
    newest: dict[str, tuple[Finding, uuid.UUID]] = {}
    for row in rows:
        found = by_trace.get(row.trace_id, [])
        for one in findings(cascade_of(found, runs_of(found)), took[row.trace_id]):
            if one.receiver:
                number[one.id] += 1
                newest.setdefault(one.id, (one, row.trace_id))
    return [Recent(one, number[key], trace) for key, (one, trace) in newest.items()]
