"""Removes what the database keeps of rows as they were before: freed pages, dead rows, the write-ahead log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import OperationalError, connections

from signal_log.conf import conf
from signal_log.vendor import vendor_of

NOTHING_OLD_LEFT = (
    "The database's file was rewritten: neither it nor its write-ahead log has rows any more as they were before."
)
ALL_REWRITTEN = (
    "The tables were rewritten, and have no rows any more as they were before. PostgreSQL's write-ahead log has them "
    "until it is recycled (two checkpoints, or `wal_keep_size`), archived WAL, replicas' WAL and backups until they "
    "expire."
)
REUSED_LATER = (
    "The old rows are gone for every query, but their bytes stay in the tables' files until they are overwritten: "
    "--full rewrites the tables, which nobody can use meanwhile. Archived WAL and backups keep them until they expire."
)
IN_USE = "Other connections read the database, so its file could not be cleaned. Run it again when they are closed."


def vacuum(tables: Sequence[str], *, full: bool) -> tuple[bool, str]:
    """Clean the database that the log is in; whether that succeeded, and what is left, in a sentence.

    Not in a transaction: neither database vacuums in one.
    """
    connection = connections[conf.DATABASE]
    with connection.cursor() as cursor:
        if vendor_of(connection) == "sqlite":
            return _sqlite(cursor)
        for table in tables:
            quoted = connection.ops.quote_name(table)
            cursor.execute(f"VACUUM (FULL, ANALYZE) {quoted}" if full else f"VACUUM (ANALYZE) {quoted}")
    return True, ALL_REWRITTEN if full else REUSED_LATER


def _sqlite(cursor: Any) -> tuple[bool, str]:
    try:
        cursor.execute("PRAGMA secure_delete = ON")
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        busy, *_ = cursor.fetchone()
    except OperationalError:
        return False, IN_USE
    return (False, IN_USE) if busy else (True, NOTHING_OLD_LEFT)
