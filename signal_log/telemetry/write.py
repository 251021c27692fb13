"""Writes telemetry in one transaction, by the driver itself, so that no query log of the host's shows it.

On PostgreSQL it is one message that waits for no disk; on SQLite it waits 50 ms for the lock at most. Old rows are
pruned along the way, a few at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import orjson
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.models import ReceiverCall, SignalTrace
from signal_log.telemetry.prune import PRUNED, pruning
from signal_log.telemetry.waiting import TraceRow
from signal_log.unfinished import has_unfinished_write

LOCK_MS: Final = 50
LONGEST_MS: Final = 1_000

TRACES: Final = SignalTrace._meta.db_table
CALLS: Final = ReceiverCall._meta.db_table
TRACE_COLUMNS: Final = TraceRow._fields
CALL_COLUMNS: Final = (
    "trace_id", "position", "sender", "signal", "receiver", "started_us", "duration_us", "queries", "error",
)  # fmt: skip
SAVEPOINT: Final = "signal_log_telemetry"
_IDLE: Final = 0  # libpq's PQTRANS_IDLE
_STARTED_AT: Final = SignalTrace._meta.get_field("started_at")

# A trace may end twice, with more: a streamed response.
_UPDATED: Final = ", ".join(
    f"{name} = excluded.{name}" for name in TRACE_COLUMNS if name not in ("trace_id", "source", "name", "started_at")
)
_INTO_TRACES: Final = f"INSERT INTO {TRACES} ({', '.join(TRACE_COLUMNS)})"
_INTO_CALLS: Final = f"INSERT INTO {CALLS} ({', '.join(CALL_COLUMNS)})"
_ALL_OF_TRACES: Final = f"SELECT {', '.join(TRACE_COLUMNS)}"
_ALL_OF_CALLS: Final = f"SELECT {', '.join(CALL_COLUMNS)}"
_ON_CONFLICT: Final = f"ON CONFLICT (trace_id) DO UPDATE SET {_UPDATED}"

CallRow = tuple[Any, ...]


def is_idle(connection: BaseDatabaseWrapper) -> bool:
    """Whether the driver's connection has no transaction open that Django does not know of, and nothing under way."""
    raw: Any = connection.connection
    if connection.vendor == "sqlite":
        return not (raw.in_transaction or has_unfinished_write(raw))
    return bool(raw.info.transaction_status == _IDLE and not raw.pgconn.pipeline_status)


def has_tables(connection: BaseDatabaseWrapper) -> bool:
    """Whether the tables exist: a project's first migrations run before this app's."""
    raw: Any = connection.connection
    if connection.vendor == "sqlite":
        query = f"SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '{CALLS}'"  # noqa: S608  our own name
        return bool(raw.execute(query).fetchone())
    with raw.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM pg_class WHERE oid = to_regclass('{CALLS}')")  # noqa: S608  our own name
        return bool(cursor.fetchone())


_seen: Final[set[str]] = set()


def has_tables_by_now(connection: BaseDatabaseWrapper) -> bool:
    """The same, asked of each database until it is so: where it is not, a query could not be tried and taken back."""
    if connection.alias not in _seen and has_tables(connection):
        _seen.add(connection.alias)
    return connection.alias in _seen


def write(
    connection: BaseDatabaseWrapper, traces: Sequence[TraceRow], calls: Sequence[CallRow], *, within: bool
) -> None:
    """Write rows in one transaction or, ``within`` a test's, in a savepoint; raises whatever the driver raises."""
    _WRITERS[connection.vendor](connection, traces, calls, within)


def _to_sqlite(
    connection: BaseDatabaseWrapper, traces: Sequence[TraceRow], calls: Sequence[CallRow], within: bool
) -> None:
    raw: Any = connection.connection
    trace_rows = [
        (row.trace_id.replace("-", ""), *row[1:5], _STARTED_AT.get_db_prep_value(row.started_at, connection), *row[6:])
        for row in traces
    ]
    with savepoint(raw.execute) if within else sqlite_transaction(raw):
        marks = ", ".join("?" * len(TRACE_COLUMNS))
        raw.executemany(f"{_INTO_TRACES} VALUES ({marks}) {_ON_CONFLICT}", trace_rows)
        marks = ", ".join("?" * len(CALL_COLUMNS))
        raw.executemany(f"{_INTO_CALLS} VALUES ({marks})", calls)
        older_than = None if within else pruning.due()
        if older_than is not None:
            pruning.done([raw.execute(sql, (older_than.hex,)).rowcount for sql in PRUNED["sqlite"]])


@contextmanager
def savepoint(execute: Callable[[str], Any]) -> Iterator[None]:
    """A savepoint in a test's transaction."""
    execute(f"SAVEPOINT {SAVEPOINT}")
    try:
        yield
    except BaseException:
        execute(f"ROLLBACK TO SAVEPOINT {SAVEPOINT}")
        raise
    finally:
        execute(f"RELEASE SAVEPOINT {SAVEPOINT}")


@contextmanager
def sqlite_transaction(raw: Any) -> Iterator[None]:
    """A transaction that waits for the lock as long as we may, whatever the host has set for itself."""
    cursor = raw.cursor()
    cursor.row_factory = None  # a tuple, whatever the host has set for its own
    (patience,) = cursor.execute("PRAGMA busy_timeout").fetchone()
    raw.execute(f"PRAGMA busy_timeout = {LOCK_MS}").close()
    try:
        raw.execute("BEGIN IMMEDIATE")
        try:
            yield
            raw.execute("COMMIT")
        except BaseException:
            if raw.in_transaction:  # on a full disk SQLite may have rolled back itself
                raw.execute("ROLLBACK")
            raise
    finally:
        raw.execute(f"PRAGMA busy_timeout = {patience}").close()


def _to_postgresql(
    connection: BaseDatabaseWrapper, traces: Sequence[TraceRow], calls: Sequence[CallRow], within: bool
) -> None:
    raw: Any = connection.connection
    insert = []
    if traces:
        rows = _recordset(TRACES, TRACE_COLUMNS, traces)
        insert.append(f"{_INTO_TRACES} {_ALL_OF_TRACES} FROM {rows} {_ON_CONFLICT}")
    if calls:
        rows = _recordset(CALLS, CALL_COLUMNS, calls)
        insert.append(f"{_INTO_CALLS} {_ALL_OF_CALLS} FROM {rows}")
    with raw.cursor() as cursor:

        def execute(sql: str) -> Any:
            return cursor.execute(sql, prepare=False)

        if within:
            with savepoint(execute):
                execute("; ".join(insert))
            return
        older_than = pruning.due()
        prune = [] if older_than is None else [sql.replace("%s", f"'{older_than}'") for sql in PRUNED["postgresql"]]
        try:
            # Explicitly, because SET LOCAL needs a block; one message nevertheless.
            execute("; ".join(("BEGIN", *LOCAL, *insert, *prune, "COMMIT")))
        except BaseException:
            if not raw.closed:
                raw.rollback()
            raise
        if prune:
            pruning.done(_counts(cursor, "DELETE"))


LOCAL: Final = (
    "SET LOCAL synchronous_commit = off",
    f"SET LOCAL lock_timeout = {LOCK_MS}",
    f"SET LOCAL statement_timeout = {LONGEST_MS}",
)


def _recordset(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """The rows as SQL, in a literal that does not depend on ``standard_conforming_strings``."""
    text = orjson.dumps([dict(zip(columns, row, strict=True)) for row in rows]).decode()
    quoted = text.replace("\\", "\\\\").replace("'", "''")
    return f"json_populate_recordset(null::{table}, E'{quoted}')"


def _counts(cursor: Any, verb: str) -> list[int]:
    """How many rows each statement of this kind touched, of those sent in one message."""
    counts = []
    while True:
        if (cursor.statusmessage or "").startswith(verb):
            counts.append(cursor.rowcount)
        if not cursor.nextset():
            return counts


_WRITERS: Final = {"sqlite": _to_sqlite, "postgresql": _to_postgresql}
