"""Short ways for a test to state what the log should hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models import Max

from signal_log.models import SignalEvent
from signal_log.telemetry import keeper


@contextmanager
def recorded() -> Iterator[list[SignalEvent]]:
    """Yield a list that is filled, at the end of the block, with the events written in it, in order of id."""
    before = SignalEvent.objects.aggregate(last=Max("id"))["last"] or 0
    events: list[SignalEvent] = []
    yield events
    keeper.write_kept()  # so that the receivers of these events can be read
    events.extend(SignalEvent.objects.filter(id__gt=before).order_by("id"))


def lines(events: list[SignalEvent], *columns: str) -> list[tuple]:
    """Return signal, sender and the given columns of each event."""
    return [(event.signal, event.sender, *(getattr(event, name) for name in columns)) for event in events]
