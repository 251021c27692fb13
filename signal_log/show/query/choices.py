"""The options of the history's selects, found without reading the whole log."""

from __future__ import annotations

from typing import Final

from django.db import connections

from signal_log.conf import conf
from signal_log.event import MODEL_SIGNALS, OUTCOMES
from signal_log.store.read import events, sql_of
from signal_log.store.reading import read_from
from signal_log.store.senders import senders

NEWEST: Final = 2_000
"""How many of the newest events are scanned for signals and sources, which have no index."""

Choices = dict[str, list[str]]


def choices() -> Choices:
    """All recorded models, the outcomes, and the common and recent signals and sources."""
    newest = events().order_by("-pk").values("signal", "source")[:NEWEST]
    rows, params = sql_of(newest)
    with connections[read_from()].cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT signal, source FROM ({rows}) AS newest", params)  # noqa: S608  no value is in it
        recent = cursor.fetchall()
    common = (*MODEL_SIGNALS, *conf.EXTRA_SIGNALS)
    return {
        "sender": senders(),
        "signal": list(dict.fromkeys((*common, *sorted({signal for signal, _ in recent})))),
        "outcome": list(OUTCOMES),
        "source": sorted({"http", "shell", *(source for _, source in recent)}),
    }
