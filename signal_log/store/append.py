"""Appends events to the log, on the connection of the change itself.

Each database uses its fastest method: SQLite a prepared INSERT, PostgreSQL a function call that can include the COMMIT
or, for many rows, COPY. They bypass Django's cursors and use the driver directly, so that our statements appear
neither in the host's query log nor in its ``assertNumQueries``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from orjson import Fragment, dumps

from signal_log.amounts import counted
from signal_log.errors import LIKELY_CAUSES, SignalLogError
from signal_log.event import EventValues
from signal_log.interruption import let_interruption_pass
from signal_log.store.row import BYTES_AT, COLUMNS, JSON_AT, NAMES, TABLE, USING_AT, as_dict, rows_of
from signal_log.store.schema import APPEND
from signal_log.unfinished import has_unfinished_write
from signal_log.vendor import vendor_of

FEW: Final = 8
"""Up to this many rows go to PostgreSQL in one function call (one round trip); beyond it, COPY (two) is faster."""

_ROW: Final = f"({', '.join('?' * len(COLUMNS))})"
# One row a statement: SQLite would gather several in a temporary table first, because of the trigger on INSERT. That
# trigger is also why, on a full disk, it undoes only this statement and not the whole transaction.
_INSERT: Final = f'INSERT INTO "{TABLE}" ({NAMES}) VALUES {_ROW}'  # noqa: S608
_INSERT_PAIR: Final = f"{_INSERT}, {_ROW}"
"""The two events of one operation in one statement, where there is no transaction."""
_COPY: Final = f'COPY "{TABLE}" ({NAMES}) FROM STDIN'
_ENDED: Final = (0, 4)  # idle or connection lost: libpq's PQTRANS_IDLE and PQTRANS_UNKNOWN

_QUOTE: Final = "$signal_log$"

Rows = Sequence[list[Any]]


class RecordingError(SignalLogError, DatabaseError):
    """Events could not be stored; a database error, so that Django rolls the change back too."""


def append(events: Sequence[EventValues], connection: BaseDatabaseWrapper, *, last: bool = False) -> None:
    """Write events in order, in the connection's transaction; raises ``RecordingError``.

    ``last`` means that only the COMMIT follows: it may be sent along, in which case Django's own COMMIT is a no-op.
    """
    try:
        if connection.connection is None:
            connection.ensure_connection()
        with connection.wrap_database_errors:
            _WRITERS[vendor_of(connection)](connection.connection, rows_of(events, connection), last)
    except Exception as error:  # whatever it is, Django must treat it as a failed COMMIT and roll back
        let_interruption_pass(error)
        if last and _has_ended(connection):
            raise  # the COMMIT itself failed: a deferred constraint, or a lost connection
        raise RecordingError(
            f"signal_log could not write {counted(len(events), 'event')} to {TABLE!r} "
            f"({connection.alias}): {error}. "
            f"{_consequence(events, connection)} {LIKELY_CAUSES} "
            'SIGNAL_LOG["ON_ERROR"] = "log" lets changes go on unrecorded.'
        ) from error


def is_forbidden(connection: BaseDatabaseWrapper) -> bool:
    """Whether the running test case does not name this database, so that Django lets every query fail."""
    return type(connection.__dict__.get("cursor")).__name__ == "_DatabaseFailure"


def _has_ended(connection: BaseDatabaseWrapper) -> bool:
    raw = connection.connection
    return vendor_of(connection) == "postgresql" and (raw is None or raw.info.transaction_status in _ENDED)


def _consequence(events: Sequence[EventValues], connection: BaseDatabaseWrapper) -> str:
    """What happened to the changes: only those on this connection fail with their events."""
    elsewhere = sorted({event[USING_AT] for event in events} - {connection.alias})
    if not elsewhere:
        return "The change was rolled back, because it would have gone unrecorded."
    return f"The change in {', '.join(map(repr, elsewhere))} was already committed and is unrecorded."


def _to_sqlite(raw: Any, rows: Rows, last: bool) -> None:
    if len(rows) == 1 or raw.in_transaction or raw.isolation_level is not None:
        raw.executemany(_INSERT, rows)
        return
    if len(rows) == 2:  # needs no transaction
        raw.execute(_INSERT_PAIR, (*rows[0], *rows[1]))
        return
    if has_unfinished_write(raw):  # whose end commits them all
        raw.executemany(_INSERT, rows)
        return
    # In autocommit SQLite would commit each row separately, and a kill could leave half an operation behind.
    try:
        raw.execute("BEGIN IMMEDIATE")
        raw.executemany(_INSERT, rows)
        raw.execute("COMMIT")
    except BaseException:
        if raw.in_transaction:
            raw.execute("ROLLBACK")
        raise


def _to_postgresql(raw: Any, rows: Rows, last: bool) -> None:
    with raw.cursor() as cursor:
        if len(rows) <= FEW or raw.pgconn.pipeline_status:  # in a pipeline, psycopg refuses a COPY
            cursor.execute(f"SELECT {APPEND}({_literal(rows)}){'; COMMIT' if last else ''}", prepare=False)
            return
        with cursor.copy(_COPY) as copy:
            for row in rows:
                copy.write_row(row)


def _literal(rows: Rows) -> str:
    """The rows as an SQL literal with a JSON array, independent of ``standard_conforming_strings``."""
    for row in rows:
        for at in BYTES_AT:
            row[at] = "\\x" + row[at].hex()
        for at in JSON_AT:
            if row[at] is not None:
                row[at] = Fragment(row[at])
    text = dumps(list(map(as_dict, rows))).decode()
    if _QUOTE not in text:  # nothing to escape, nor for the server to unescape; the text ends with a bracket
        return f"{_QUOTE}{text}{_QUOTE}"
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


_WRITERS: Final = {"sqlite": _to_sqlite, "postgresql": _to_postgresql}
