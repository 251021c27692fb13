"""Who may still commit a row of the log on PostgreSQL: the transactions with a write lock on its table."""

from __future__ import annotations

from typing import Final

from django.db import connections

from signal_log.store.row import TABLE

PREPARED: Final = "prepared"
"""Stands for all prepared transactions, which have no process."""

Holders = frozenset[str]
"""The transactions that hold a write lock on the log's table."""

# An INSERT takes the first; a transaction with a stronger lock may insert as well.
_WRITE_LOCKS: Final = ("RowExclusiveLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock")


def write_lock_holders(alias: str) -> Holders:
    """The transactions, but this connection's own, that hold a write lock on the log's table, or a partition of it."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT virtualtransaction, pid IS NULL FROM pg_locks WHERE granted"
            " AND pid IS DISTINCT FROM pg_backend_pid()"
            " AND locktype = 'relation' AND mode = ANY(%s) AND (relation = %s::regclass"
            " OR relation IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = %s::regclass))"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [list(_WRITE_LOCKS), TABLE, TABLE],
        )
        found = cursor.fetchall()
    return frozenset(name for name, _ in found) | {PREPARED for _, prepared in found if prepared}
