"""What the newest signals of one kind recorded of their receivers, read by the table's key alone."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Value
from django.db.models.functions import Concat

from signal_log.store.read import events

LOOKED_AT: Final = 10_000
"""So many of the newest ids are looked at, however large the log is."""
MOST: Final = 500


def newest_id() -> int:
    """The id of the log's newest event; 0 for an empty log."""
    return events().order_by("-pk").values_list("pk", flat=True).first() or 0


def newest_receivers(signal: str, sender: str, up_to: int) -> dict[int, Any]:
    """The ``receivers`` of the newest events of this signal and sender by their ids, newest first, at most ``MOST``."""
    # An expression, for which no index exists: SQLite would take the one on sender, and so read all its rows.
    found = events().alias(of=Concat("sender", Value(""))).filter(of=sender, signal=signal)
    near = found.filter(pk__lte=up_to, pk__gt=up_to - LOOKED_AT)
    return dict(near.order_by("-pk").values_list("pk", "receivers")[:MOST])
