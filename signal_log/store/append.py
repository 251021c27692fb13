"""Appending events to the log, on the connection of the change itself.

Each database gets its quickest way for few rows and many: SQLite one prepared INSERT, PostgreSQL a COPY.
Both use the driver below Django's cursors: the statement is ours, so it appears neither in the host's
query log nor in its ``assertNumQueries``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final

import orjson
from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.errors import SignalLogError
from signal_log.event import Event
from signal_log.models import SignalEvent
from signal_log.seal.canonical import event_digest

TABLE: Final = SignalEvent._meta.db_table
COLUMNS: Final = tuple(f.name for f in SignalEvent._meta.concrete_fields if f.name not in ("id", "redacted_at"))
JSON_COLUMNS: Final = frozenset({"update_fields", "origin", "changes", "receivers"})

_VALUES: Final = attrgetter(*COLUMNS)
_NAMES: Final = ", ".join(f'"{column}"' for column in COLUMNS)
_INSERT: Final = f'INSERT INTO "{TABLE}" ({_NAMES}) VALUES ({", ".join("?" * len(COLUMNS))})'  # noqa: S608  our own names
_COPY: Final = f'COPY "{TABLE}" ({_NAMES}) FROM STDIN'


class RecordingError(SignalLogError, DatabaseError):
    """Events could not be stored. It is a database error, so Django rolls the change back with them."""


def append(events: Sequence[Event], connection: BaseDatabaseWrapper) -> None:
    """Write events in the connection's transaction, in their order; raises ``RecordingError``."""
    try:
        connection.ensure_connection()
        with connection.wrap_database_errors:
            _WRITERS[connection.vendor](connection, [row_of(event, connection) for event in events])
    except Exception as error:  # whatever it is, Django must take it for a failed COMMIT and roll back
        raise RecordingError(
            f"signal_log could not write {len(events)} event(s) to {TABLE!r} ({connection.alias}): {error}. "
            "The change was not made, for it would go unrecorded. Likely causes: `manage.py migrate signal_log` "
            "has not run there, or the database is read-only or full. "
            'SIGNAL_LOG["ON_ERROR"] = "log" lets changes go on unrecorded.'
        ) from error


def row_of(event: Event, connection: BaseDatabaseWrapper) -> list[Any]:
    """The parameters of an event's row, its digest made, as this database's driver takes them."""
    row = dict(zip(COLUMNS, _VALUES(event), strict=True))
    row["digest"] = event_digest(row, event.salt)
    for name in JSON_COLUMNS:
        if row[name] is not None:
            row[name] = orjson.dumps(row[name]).decode()
    if connection.vendor == "sqlite":
        row["trace_id"] = row["trace_id"].hex
        row["occurred_at"] = sqlite_time(row["occurred_at"], connection)
    return list(row.values())


def sqlite_time(moment: datetime, connection: BaseDatabaseWrapper) -> str:
    """The moment as SQLite's text; in UTC where the project has no time zones (``USE_TZ = False``)."""
    return str(moment.astimezone(connection.timezone or UTC).replace(tzinfo=None))


def _insert(connection: BaseDatabaseWrapper, rows: Sequence[Sequence[Any]]) -> None:
    raw = connection.connection
    if len(rows) == 1 or raw.in_transaction or raw.isolation_level is not None:
        # A single row needs no transaction, and a statement whose RETURNING nobody has fetched yet would forbid one.
        raw.executemany(_INSERT, rows)
        return
    # In autocommit SQLite would commit each row by itself, and a kill leave half of a record behind.
    raw.execute("BEGIN IMMEDIATE")
    with raw:
        raw.executemany(_INSERT, rows)


def _copy(connection: BaseDatabaseWrapper, rows: Sequence[Sequence[Any]]) -> None:
    with connection.connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in rows:
            copy.write_row(row)


_WRITERS: Final = {"sqlite": _insert, "postgresql": _copy}
