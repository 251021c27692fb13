"""Unlocks the log, which triggers in the database itself make append-only (``store.schema``), for ``flush`` alone.

Django's ``flush``, which test suites run between tests, unlocks the table for its own statements. On SQLite the
triggers call a function that only Django's connections define, so other connections are rejected too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.backends.signals import connection_created

from signal_log.vendor import vendor_of

_unlocked: ContextVar[bool] = ContextVar("signal_log_unlocked", default=False)


@contextmanager
def unlocked(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Allow this context to change rows of the log on this connection, in its own transaction."""
    token = _unlocked.set(True)
    try:
        with transaction.atomic(using=connection.alias):
            if vendor_of(connection) == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL signal_log.unlocked = 'on'")
            yield
            if vendor_of(connection) == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL signal_log.unlocked = 'off'")
    finally:
        _unlocked.reset(token)


def watch_connections() -> None:
    """Define the function that the SQLite triggers call, on every new connection."""
    connection_created.connect(_prepare, dispatch_uid="signal_log.append_only")


def _prepare(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if vendor_of(connection) == "sqlite":
        connection.connection.create_function("signal_log_unlocked", 0, _unlocked.get)


def flush(original: Any) -> Any:
    """Wrap ``BaseDatabaseOperations.execute_sql_flush`` to unlock the log for its own statements."""

    def execute_sql_flush(self: BaseDatabaseOperations, sql_list: Iterable[str]) -> None:
        with unlocked(self.connection):
            original(self, sql_list)

    return execute_sql_flush
