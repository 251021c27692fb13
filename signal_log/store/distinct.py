"""Distinct values of an indexed column, each found by a look-up of its own: no row is read for them."""

from __future__ import annotations

from itertools import takewhile
from typing import Final

from django.db import connections

from signal_log.models import SignalEvent
from signal_log.store.reading import read_from

_KEYED: Final = ("actor_pk",)
"""Columns whose index has no empty text."""


def begin_with(column: str, begins: str, most: int) -> list[str]:
    """The first values from ``begins`` on, in the column's order, as long as they begin so in any case."""
    table = SignalEvent._meta.db_table
    has = f"AND {column} > ''" if column in _KEYED else ""  # the index's condition, as a literal: SQLite compares texts
    query = f"""
        WITH RECURSIVE hop(text, number) AS (
            SELECT MIN({column}), 1 FROM {table} WHERE {column} >= %s {has}
            UNION ALL
            SELECT (SELECT MIN({column}) FROM {table} WHERE {column} > hop.text {has}), number + 1
            FROM hop WHERE hop.text IS NOT NULL AND number < %s
        )
        SELECT text FROM hop WHERE text IS NOT NULL ORDER BY number
    """  # noqa: S608  no value is in it
    with connections[read_from()].cursor() as cursor:
        cursor.execute(query, [begins, most])
        found = [text for (text,) in cursor.fetchall()]
    sought = begins.casefold()
    return list(takewhile(lambda text: text.casefold().startswith(sought), found))
