"""The newest events of the log, for what is looked for among them alone."""

from __future__ import annotations

from django.db.models import Min, QuerySet

from signal_log.models import SignalEvent
from signal_log.store.read import events


def the_newest(number: int) -> QuerySet[SignalEvent]:
    """The newest events, in no order: by an id, from which on there are at most so many."""
    oldest = events().order_by("-pk").values("pk")[:number].aggregate(low=Min("pk"))["low"]
    return events().filter(pk__gte=oldest or 0).order_by()
