"""The SQL with which a row is read, and what to do where the database does not let us read it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models.sql import Query
from django.utils.dateparse import parse_date, parse_datetime, parse_time

from signal_log import clock
from signal_log.capture.model.column import Column
from signal_log.capture.model.readable import TABLE, Readable, told
from signal_log.capture.model.row_lock import NO_KEY, Lock, Read
from signal_log.interruption import let_interruption_pass
from signal_log.vendor import vendor_of

MARKS: Final = {"sqlite": "?", "postgresql": "%s"}
READABLE: Final = "signal_log_readable"
_SAVEPOINT: Final = "signal_log_read"
_SQLITE_ERROR: Final = 1
_TRY_AGAIN: Final = 60.0  # seconds
_NOT_YET: Final = ("42P01", "42703")  # undefined table and column: a migration may be running
_IN_TRANSACTION: Final = 2  # libpq's PQTRANS_INTRANS

Rows = list[tuple[Any, ...]]


def readable_on(connection: BaseDatabaseWrapper) -> dict[str, Readable | float]:
    """How what was read before on this connection to PostgreSQL was found to be readable.

    If not at all, until when it is not tried again, for the role may get its rights. Kept on the driver's connection:
    another one may be another role's.
    """
    found: dict[str, Readable | float] = connection.connection.__dict__.setdefault(READABLE, {})
    return found


def forget_readable(connection: BaseDatabaseWrapper) -> None:
    """Try every table out again at its next read: the role, its rights or the tables may have changed."""
    if connection.connection is not None and vendor_of(connection) == "postgresql":
        connection.connection.__dict__.pop(READABLE, None)


class UntoldError(Exception):
    """The database does not tell what the row holds: no right to read it, a view, several rows for one key."""


class UnloadableError(UntoldError):
    """A value that the driver cannot load: infinity as a date, text that is no UTF-8."""


def concrete(model: type[models.Model]) -> type[models.Model]:
    """The model that owns the table; for a proxy, the model it stands for."""
    return model._meta.concrete_model or model


def table_of(model: type[models.Model], connection: BaseDatabaseWrapper) -> str:
    """The model's table, quoted as in Django's statements."""
    return connection.ops.quote_name(model._meta.db_table)


def quoted_column(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> str:
    """The field's column, quoted."""
    return connection.ops.quote_name(str(field.column))


def selected(column: Column, table: str, connection: BaseDatabaseWrapper) -> str:
    """The expression that reads a column."""
    field = column.field
    name = f"{table}.{quoted_column(field, connection)}"
    if column.cut_above is not None:
        expression = _CUT[vendor_of(connection), isinstance(field, models.BinaryField)]
        return expression.format(column=name, limit=column.cut_above)
    sql, _ = field.select_format(Query(field.model).get_compiler(connection=connection), name, ())
    # On SQLite, an expression: of a column the driver would ask the declared type, at each execution.
    return f"+{sql}" if sql == name and vendor_of(connection) == "sqlite" else str(sql)


def decoder_of(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> Decoder | None:
    """On SQLite, what makes a Python value of a column's raw text or number; called only for values that differ."""
    return _DECODERS.get(str(field.db_type(connection))) if vendor_of(connection) == "sqlite" else None


Decoder = Callable[[Any], Any]
_DECODERS: Final[dict[str, Decoder]] = {  # as Django's backend registers them with the driver
    "bool": lambda raw: str(raw) == "1",
    "date": lambda raw: parse_date(str(raw)),
    "datetime": lambda raw: parse_datetime(str(raw)),
    "time": lambda raw: parse_time(str(raw)),
}


_moment: Final = partial(datetime.fromisoformat)  # not the datetime that a host's test puts in its place


def moment_in_utc(raw: str) -> datetime | None:
    """What Django makes of a moment's text on SQLite if the database is in UTC, in a quarter of the time."""
    value: datetime | None
    try:
        value = _moment(raw)
    except ValueError:
        value = parse_datetime(raw)
    return value if value is None or value.tzinfo is not None else value.replace(tzinfo=UTC)


# What `long_value.truncated_with_digest` and `long_value.text_of_bytes` make of the same values.
_CUT: Final = {
    ("sqlite", False): (
        "CASE WHEN length({column}) > {limit} AND instr({column}, char(0)) = 0 "  # length() ends at a NUL
        "THEN substr({column}, 1, {limit}) || '… (' || length({column}) || "
        "' characters, SHA-256 ' || signal_log_sha256({column}) || ')' ELSE {column} END"
    ),
    ("sqlite", True): (
        "CASE WHEN length({column}) > {limit} THEN '0x' || lower(hex(substr({column}, 1, {limit}))) || '… (' || "
        "length({column}) || ' bytes, SHA-256 ' || signal_log_sha256({column}) || ')' ELSE {column} END"
    ),
    ("postgresql", False): (
        "CASE WHEN octet_length({column}) > {limit} AND char_length({column}) > {limit} "
        "THEN left({column}, {limit}) || '… (' || char_length({column}) || ' characters, SHA-256 ' || "
        "encode(sha256(convert_to({column}, 'UTF8')), 'hex') || ')' ELSE {column} END"
    ),
    ("postgresql", True): (
        "CASE WHEN octet_length({column}) > {limit} THEN convert_to('0x' || "
        "encode(substring({column} FROM 1 FOR {limit}), 'hex') || '… (' || octet_length({column}) || "
        "' bytes, SHA-256 ' || encode(sha256({column}), 'hex') || ')', 'UTF8') ELSE {column} END"
    ),
}


def sha256(value: Any) -> str:
    """SHA-256 in hex of text (as UTF-8) or bytes; on SQLite, the function that the expressions above call."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value).hexdigest()


def watch_connections() -> None:
    """Define on every SQLite connection the function that the expressions above call."""
    connection_created.connect(_define, dispatch_uid="signal_log.row_sql")
    for connection in connections.all(initialized_only=True):
        if connection.connection is not None:
            _define(connection)


def unwatch_connections() -> None:
    """Define it on no further connections."""
    connection_created.disconnect(dispatch_uid="signal_log.row_sql")


def _define(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if vendor_of(connection) == "sqlite":
        connection.connection.create_function("signal_log_sha256", 1, sha256, deterministic=True)


def fetch_rows(
    connection: BaseDatabaseWrapper, what: str, table: str, sql: str, params: Any, *, lock: Lock | None = None
) -> Rows:
    """Run a SELECT of ours, out of sight of the host's cursors and query log; raises ``UntoldError``.

    ``what`` identifies the columns that are read of the table, whichever rows it is of this time.

    Locks that the host's own statement would wait for, or fail to get, end as they would there. But that we may not
    read the table must not hurt the host, so on PostgreSQL the first read on a connection is tried in a savepoint.
    """
    if vendor_of(connection) == "sqlite":
        return run_on_sqlite(connection, sql, params)
    known = readable_on(connection)
    if what not in known:
        return _try_out(connection, what, table, sql, params, lock)
    readable = known[what]
    if isinstance(readable, float):
        if clock.monotonic() < readable:
            raise UntoldError(f"{table} cannot be read")
        return _try_out(connection, what, table, sql, params, lock)
    try:
        return _last_rows(connection.connection, readable.reads(table, sql, params, lock))
    except Exception:
        with connection.wrap_database_errors:  # entered for errors only: it costs as much as the query
            raise


def _last_rows(raw: Any, reads: Sequence[Read]) -> Rows:
    """The rows of the last of these statements, in tuples, whatever the host has set for its own."""
    from psycopg.rows import tuple_row

    with raw.cursor(row_factory=tuple_row) as cursor:
        for sql, params in reads:
            cursor.execute(sql, params)
        try:
            rows: Rows = cursor.fetchall()
        except Exception as error:  # the rows are here, but the driver cannot load a value: infinity as a date
            let_interruption_pass(error)
            raise UnloadableError(str(error)) from error
    return rows


def run_on_sqlite(connection: BaseDatabaseWrapper, sql: str, params: Any) -> Rows:
    """Run a statement of ours on the driver's connection; raises ``UntoldError`` if there is no such table.

    Or if the driver cannot load a value: text that is no UTF-8.
    """
    try:
        cursor = connection.connection.cursor()
        cursor.row_factory = None  # tuples, whatever the host has set for its own
        rows: Rows = cursor.execute(sql, params).fetchall()
    except Exception as error:
        let_interruption_pass(error)
        # No such table, which the host's own statement will say; or the driver's own objection, which has no code.
        code = getattr(error, "sqlite_errorcode", None)
        if code in (None, _SQLITE_ERROR):
            raise (UnloadableError if code is None else UntoldError)(str(error)) from error
        with connection.wrap_database_errors:
            raise
    return rows


def _try_out(connection: BaseDatabaseWrapper, what: str, table: str, sql: str, params: Any, lock: Lock | None) -> Rows:
    """Read a table for the first time on this connection, and note whether it can be read, and locked."""
    raw: Any = connection.connection
    readable = readable_on(connection)
    refused = (connection.Database.ProgrammingError, connection.Database.NotSupportedError)  # type: ignore[attr-defined]
    why: Exception | None = None
    with connection.wrap_database_errors:
        in_block = not raw.autocommit or raw.info.transaction_status == _IN_TRANSACTION
        for locks in (True, False):
            if in_block:
                raw.execute(f"SAVEPOINT {_SAVEPOINT}")
            try:
                found = told(_last_rows(raw, [(TABLE, (table,))])[0], locks=locks)
                if lock is None and locks:
                    _last_rows(raw, [(f"{sql} AND false{NO_KEY}", params)])  # whether it could be
                readable[what] = found
                rows = _last_rows(raw, found.reads(table, sql, params, lock))
            except UntoldError:
                if in_block:
                    raw.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
                raise
            except refused as error:
                why = error
                readable.pop(what, None)
                if in_block:
                    raw.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}; RELEASE SAVEPOINT {_SAVEPOINT}")
                continue
            if in_block:
                raw.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
            return rows
    if getattr(why, "sqlstate", None) not in _NOT_YET:
        readable[what] = clock.monotonic() + _TRY_AGAIN
    raise UntoldError(f"{table} cannot be read: {why}") from why
