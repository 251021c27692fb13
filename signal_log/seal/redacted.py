"""Which redaction a redacted event stems from, why it was made, and whether the event is still as it was left."""

from __future__ import annotations

from signal_log.errors import ProofError
from signal_log.event import MAINTENANCE
from signal_log.models import SignalEvent
from signal_log.seal.canonical import row_holds, stored_bytes
from signal_log.seal.ranges import parse_ranges
from signal_log.seal.remains import left_by
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


def still_holds(event: SignalEvent) -> bool:
    """Whether an event gives its digest and, where it was redacted, is as its redaction says that it was left."""
    row, salt, kept = stored(event)
    if not row_holds(row, salt, kept, stored_bytes(event.digest)):
        return False
    if event.redacted_at is None and kept is None:
        return True
    told = redaction_of(event)
    if told is None or not row_holds(*stored(told), stored_bytes(told.digest)):
        return False
    try:
        return left_by(told.labels).fits(event.pk, row, salt, kept)
    except ProofError:
        return False


def stored(event: SignalEvent) -> tuple[dict[str, object], bytes, bytes | None]:
    """An event by column, its salt, and what was kept of it."""
    row = {field.attname: getattr(event, field.attname) for field in event._meta.concrete_fields}
    return row, stored_bytes(event.salt), stored_bytes(event.kept_hashes) if event.kept_hashes is not None else None
