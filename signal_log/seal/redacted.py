"""Which redaction a redacted event stems from, and why it was made."""

from __future__ import annotations

from signal_log.errors import ProofError
from signal_log.event import MAINTENANCE
from signal_log.models import SignalEvent
from signal_log.seal.ranges import parse_ranges
from signal_log.store.read import events


def redaction_of(event: SignalEvent) -> SignalEvent | None:
    """The event that tells of an event's last redaction; None if it was not redacted, or not by the command."""
    if event.redacted_at is None:
        return None
    # By the index on sender and key: the log's own events have none.
    told = events().filter(sender=SignalEvent._meta.label, object_pk="", occurred_at=event.redacted_at)
    for found in told.filter(signal=MAINTENANCE):
        try:
            named = parse_ranges(str((found.labels or {}).get("events", "")))
        except ProofError:
            continue
        if event.pk in named:
            return found
    return None
