"""An archived event as the instance that it was, for pages, exports and redactions."""

from __future__ import annotations

import uuid
from typing import Final

from django.utils.dateparse import parse_datetime

from signal_log.models import SignalEvent
from signal_log.seal.archive import Line

_BYTES: Final = ("salt", "digest", "kept_hashes")


def event_of(line: Line) -> SignalEvent:
    """An archived event as a row of the table, which it is not any more."""
    told = dict(line.event or {})
    for name in _BYTES:
        told[name] = bytes.fromhex(told[name]) if told[name] else None
    for name in ("occurred_at", "redacted_at"):
        told[name] = parse_datetime(told[name]) if told[name] else None
    told["trace_id"] = uuid.UUID(told["trace_id"])
    return SignalEvent(id=line.id or 0, **told)
