"""The newest events of the log, for what is looked for among them alone."""

from __future__ import annotations

from django.db.models import Count, Min, QuerySet

from signal_log.models import SignalEvent
from signal_log.store.read import events


def the_newest(number: int) -> tuple[QuerySet[SignalEvent], int]:
    """The newest events, in no order, by an id from which on there are at most ``number``, and how many there are."""
    ids = events().order_by("-pk").values("pk")[:number].aggregate(low=Min("pk"), size=Count("pk"))
    return events().filter(pk__gte=ids["low"] or 0).order_by(), ids["size"]
