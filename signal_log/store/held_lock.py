"""Locks that one process in the whole installation has, on PostgreSQL, for as long as it wants.

Each is the lock of a transaction that stays open on a connection of its own, so it ends with whoever has it, however a
process dies. A lock of the session would not: a pooler such as PgBouncer keeps the session, and hands it to others.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import DatabaseError, InterfaceError
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.store.own_connection import own_connection

NOTHING: Final = "0"
"""For a lock that needs no second half of a name."""


def take(
    alias: str, application_name: str, number: int, second: str = NOTHING, params: tuple[Any, ...] = ()
) -> BaseDatabaseWrapper | None:
    """Take a lock; returns the connection that holds it, for ``let_go``, or None if another has it.

    ``number`` is the first half of the lock's name, ``second`` an SQL expression of the other. Raises a database's
    error.
    """
    connection = own_connection(alias, application_name)
    try:
        connection.set_autocommit(False)
        with connection.cursor() as cursor:
            # Between two statements it holds no snapshot, so it keeps no vacuum from its work.
            cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute(f"SELECT pg_try_advisory_xact_lock({number}, {second}::integer)", params)
            if cursor.fetchone()[0]:
                return connection
    except BaseException:
        connection.close()
        raise
    connection.close()
    return None


def let_go(connection: BaseDatabaseWrapper) -> None:
    """Give a lock back: end the transaction first, as a server may take a moment to notice that its client is gone."""
    try:
        connection.rollback()
    except (DatabaseError, InterfaceError):
        pass
    finally:
        connection.close()
