"""Reads the receivers' run times from the newest signals of one kind, using only the primary key."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Value
from django.db.models.functions import Concat

from signal_log.store.read import events

WINDOW: Final = 10_000
"""How many of the newest ids are scanned, however large the log is."""
LIMIT: Final = 500


def newest_id() -> int:
    """The id of the log's newest event, 0 if it is empty."""
    return events().order_by("-pk").values_list("pk", flat=True).first() or 0


def newest_receivers(signal: str, sender: str, up_to: int) -> dict[int, Any]:
    """The ``receivers`` of the newest events with this signal and sender, by id, newest first, at most ``LIMIT``."""
    # An expression, so that no index applies: SQLite would use the one on sender and read all its rows.
    found = events().alias(of=Concat("sender", Value(""))).filter(of=sender, signal=signal)
    near = found.filter(pk__lte=up_to, pk__gt=up_to - WINDOW)
    return dict(near.order_by("-pk").values_list("pk", "receivers")[:LIMIT])
