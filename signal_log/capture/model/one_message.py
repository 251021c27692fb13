"""On PostgreSQL, a row's statement and our reads of the row travel in one message, with our BEGIN.

Django's client-side cursor speaks the simple protocol, in which a message may hold several statements. Afterwards the
cursor is set to the result of the host's own statement, so that Django finds what it would find without us. Where that
cannot be done unseen (a query log, server-side binding, an older psycopg), statements go one by one.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from django.db import ProgrammingError
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.model.actual_row import Raw, RowReader
from signal_log.capture.model.readable import Readable
from signal_log.capture.model.row_lock import Updating
from signal_log.capture.model.row_sql import readable_on
from signal_log.interruption import let_interruption_pass

BEGIN: Final = "BEGIN"
_AT_A_LOSS: Final = 2
_NO_PIPELINE: Final = 0  # libpq's PQ_PIPELINE_OFF; in a pipeline, a message holds one statement
_NOT_DRAWN: Final = "55000"  # this session has drawn nothing from the sequence: the keys come from elsewhere now


class Message(NamedTuple):
    """Statements to send: those before the host's own, it, and those after it, with all their parameters."""

    before: tuple[str, ...]
    sql: str
    after: tuple[str, ...]
    params: tuple[Any, ...]


class Rows(NamedTuple):
    """The rows found before and after the statement: none, one, or two where the key is not unique.

    None where the driver cannot load a value of them.
    """

    before: list[Raw] | None
    after: list[Raw] | None

    @property
    def are_told(self) -> bool:
        """Whether there is one row at most."""
        return all(rows is not None and len(rows) <= 1 for rows in self)


def fits(reader: RowReader, connection: BaseDatabaseWrapper, sql: str, params: Any, cursor: Any) -> bool:
    """Whether this statement can take ours along, unseen by the host; ``cursor`` is the driver's."""
    return (
        not reader.on_sqlite
        and len(reader.parts) == 1
        and type(params) in (tuple, list)
        and len(params) > 0
        and ";" not in sql
        and not connection.queries_logged
        and connection.connection.pgconn.pipeline_status == _NO_PIPELINE
        and _readable(reader, connection) is not None
        and hasattr(cursor, "set_result")
        and _binds_here(type(cursor))
    )


def update(
    reader: RowReader, connection: BaseDatabaseWrapper, sql: str, params: Any, key: Raw, *, begin: bool
) -> Message:
    """An UPDATE between two reads of the row with this key."""
    part, readable = reader.parts[0], _readable(reader, connection)
    reads = [(part.select, key)]
    if readable is not None:
        reads = readable.reads(part.table, part.select, key, Updating(sql, params))
    before = tuple(read for read, _ in reads)
    values = tuple(value for _, values in reads for value in values)
    return Message((BEGIN, *before) if begin else before, sql, (part.select,), (*values, *params, *key))


def insert(
    reader: RowReader, connection: BaseDatabaseWrapper, sql: str, params: Any, key: Raw | None, *, begin: bool
) -> Message | None:
    """An INSERT and a read of its row; without a key, of the row whose key the sequence has just given.

    None if the new row cannot be told.
    """
    part, readable = reader.parts[0], _readable(reader, connection)
    before = (BEGIN,) if begin else ()
    if key is not None:
        return Message(before, sql, (part.select,), (*params, *key))
    if readable is None or readable.newest is None or len(part.keys) != 1:
        return None
    newest = part.select.replace("%s", readable.newest)
    return Message(before, sql, (newest,), (*params, part.table))


def send(message: Message, connection: BaseDatabaseWrapper, cursor: Any) -> Rows:
    """Send it on the driver's cursor, which is then at the result of the host's own statement."""
    from psycopg.rows import tuple_row

    connection.validate_no_broken_transaction()
    rows_of_the_host, cursor.row_factory = cursor.row_factory, tuple_row
    with connection.wrap_database_errors:
        cursor.execute(";\n".join((*message.before, message.sql, *message.after)), message.params)
        own = len(message.before)
        before = _fetched(cursor, own - 1) if message.before and message.before[-1] is not BEGIN else []
        after = _fetched(cursor, own + 1) if message.after else []
        cursor.set_result(own)
        cursor.row_factory = rows_of_the_host
    return Rows(before, after)


def may_be_ours(error: BaseException) -> bool:
    """Whether an error may be of our own statements, or names a place in the message, in which it counted them too."""
    if isinstance(error, ProgrammingError):  # the role may have lost, or changed, its rights since the table was tried
        return True
    diagnosis = getattr(error.__cause__, "diag", None)
    if getattr(diagnosis, "sqlstate", None) == _NOT_DRAWN:
        return True
    return getattr(diagnosis, "statement_position", None) is not None


def forget(reader: RowReader, connection: BaseDatabaseWrapper) -> None:
    """Try the table out again at the next read."""
    readable_on(connection).pop(reader.parts[0].select, None)


def _fetched(cursor: Any, at: int) -> list[Raw] | None:
    cursor.set_result(at)
    try:
        rows: list[Raw] = cursor.fetchmany(_AT_A_LOSS)
    except BaseException as error:  # noqa: BLE001  infinity as a date, and whatever else a loader of the host's may raise
        let_interruption_pass(error)
        return None
    return rows


def _readable(reader: RowReader, connection: BaseDatabaseWrapper) -> Readable | None:
    found = readable_on(connection).get(reader.parts[0].select)
    return found if isinstance(found, Readable) else None


def _binds_here(kind: type) -> bool:
    """Whether the cursor puts parameters into the text itself; asked of its own type, for a proxy may watch it."""
    from psycopg import ClientCursor

    return issubclass(kind, ClientCursor)
