"""Which events people have pinned: what follows from the events that say so, the newest thousand at most."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from django.db.models import Max, Q, QuerySet

from signal_log.event import COMMITTED
from signal_log.models import SignalEvent
from signal_log.models.event import UNUSUAL
from signal_log.store.reading import read_from

PINNED: Final = "signal_log.pinned"
UNPINNED: Final = "signal_log.unpinned"
SENDER: Final = SignalEvent._meta.label
MOST: Final = 1_000
"""Of these some were taken back or put on the same event."""


def pinned() -> Q:
    """The events that are pinned."""
    return Q(pk__in=[int(key) for key in pinned_among(lately())])


def lately() -> list[str]:
    """The events that were pinned last, each once, the newest pin first, whether or not they still are."""
    found = _said(PINNED).filter(UNUSUAL).order_by("-pk").values_list("object_pk", flat=True)[:MOST]
    return [key for key in dict.fromkeys(found) if key.isascii() and key.isdigit()]


def pinned_among(keys: Collection[str]) -> dict[str, int]:
    """Which of these events are pinned, with the ids of the events that say so."""
    if not keys:
        return {}
    found = _said(PINNED, UNPINNED).filter(object_pk__in=keys).order_by()
    last = {(key, signal): pk for key, signal, pk in found.values_list("object_pk", "signal").annotate(Max("pk"))}
    return {
        key: pk for (key, signal), pk in last.items() if signal == PINNED and pk > last.get((key, UNPINNED), 0)
    }  # fmt: skip


def _said(*signals: str) -> QuerySet[SignalEvent]:
    """What was said so, and stayed."""
    all_events = SignalEvent.objects.using(read_from()).filter(outcome=COMMITTED, sender=SENDER)
    return all_events.filter(signal=signals[0]) if len(signals) == 1 else all_events.filter(signal__in=signals)
