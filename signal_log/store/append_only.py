"""Unlocks the log, which triggers in the database itself make append-only, for one block of one transaction.

The triggers (``store.schema``) look for the event that tells of the opening, and let changes pass only in the
transaction that wrote it. All that is set here is where that event is: on PostgreSQL for the transaction alone, so that
a pooled connection keeps nothing; on SQLite for this context, through a function that only Django's connections have,
so that other programs are refused altogether.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from signal_log.vendor import vendor_of

SETTING: Final = "signal_log.unlocked"
"""On PostgreSQL: ``COMMAND/ID``, with the id of the event that opened the log in this very transaction."""

_opening: ContextVar[int | None] = ContextVar("signal_log_unlocked", default=None)


@contextmanager
def unlocked(connection: BaseDatabaseWrapper, command: str, opening: int) -> Iterator[None]:
    """Let this block change rows of the log, as the event ``opening`` tells. Within ``atomic``, which undoes errors."""
    token = _opening.set(opening)
    try:
        _point_to(connection, f"{command}/{opening}")
        yield
        _point_to(connection, "")
    finally:
        _opening.reset(token)


def transaction_id(connection: BaseDatabaseWrapper) -> str | None:
    """The open transaction's number, which is never used again; None on SQLite, where there is none."""
    if vendor_of(connection) != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        return str(cursor.fetchone()[0])


def watch_connections() -> None:
    """Define the function that the SQLite triggers call, on every new connection."""
    connection_created.connect(_prepare, dispatch_uid="signal_log.append_only")


def _point_to(connection: BaseDatabaseWrapper, opening: str) -> None:
    if vendor_of(connection) == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config(%s, %s, true)", [SETTING, opening])


def _prepare(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if vendor_of(connection) == "sqlite":
        connection.connection.create_function("signal_log_unlocked", 0, _opening.get)
