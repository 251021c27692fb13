"""What the selects of the history offer, read from the log without ever reading all of it."""

from __future__ import annotations

from typing import Final

from django.db import connections

from signal_log.conf import conf
from signal_log.event import MODEL_SIGNALS, OUTCOMES
from signal_log.models import SignalEvent
from signal_log.store.read import events

NEWEST: Final = 2_000
"""How many of the newest events are looked at for their signals and sources, which have no index."""

Choices = dict[str, list[str]]


def choices() -> Choices:
    """The models ever recorded, the outcomes, and the signals and sources that are usual or recent."""
    recent = list(events().order_by("-pk").values_list("signal", "source")[:NEWEST])
    usual = (*MODEL_SIGNALS, *conf.EXTRA_SIGNALS)
    return {
        "sender": senders(),
        "signal": list(dict.fromkeys((*usual, *sorted({signal for signal, _ in recent})))),
        "outcome": list(OUTCOMES),
        "source": sorted({"http", "shell", *(source for _, source in recent)}),
    }


def senders() -> list[str]:
    """The distinct models of the log, by hopping along the index instead of reading every row."""
    table = SignalEvent._meta.db_table
    query = f"""
        WITH RECURSIVE hop(sender) AS (
            SELECT MIN(sender) FROM {table}
            UNION ALL
            SELECT (SELECT MIN(sender) FROM {table} WHERE sender > hop.sender)
            FROM hop WHERE hop.sender IS NOT NULL
        )
        SELECT sender FROM hop WHERE sender IS NOT NULL
    """  # noqa: S608  the table's name is ours
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.execute(query)
        return [sender for (sender,) in cursor.fetchall()]
