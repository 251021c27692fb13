"""The models that the log has events of."""

from __future__ import annotations

from django.db import connections

from signal_log.models import SignalEvent
from signal_log.query_language.matching import is_model
from signal_log.store.reading import read_from


def senders() -> list[str]:
    """The distinct models in the log, by a loose index scan instead of reading every row."""
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
    with connections[read_from()].cursor() as cursor:
        cursor.execute(query)
        return [sender for (sender,) in cursor.fetchall()]


def senders_named(text: str) -> list[str]:
    """The models that ``model:`` means: with this label, or with this name."""
    return [label for label in senders() if is_model(label, text)]
