"""Reads rows of the log in order of id, page by page, and has each digest computed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.conf import conf
from signal_log.models import SignalEvent
from signal_log.seal.canonical import digest_of_hashes, inner_hashes, parts, stored_bytes
from signal_log.seal.remains import KEPT
from signal_log.seal.verify.hashing import ALONE, GROUPS, UNREADABLE, Hashing, stored_leaf
from signal_log.seal.verify.row import Row, Rows
from signal_log.seal.verify.stored_form import is_as_written
from signal_log.vendor import vendor_of

PAGE: Final = 4096
"""Rows in memory at once."""
TABLE: Final = SignalEvent._meta.db_table
_FIELDS: Final = SignalEvent._meta.concrete_fields
_POSTGRESQL: Final = {
    "redacted_at": "redacted_at::text",  # which may be a time that Python does not have
    "trace_id": "trace_id::text",
    "occurred_at": "to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"BC')",
}
_SQLITE: Final = {name: f"+{name}" for name in ("occurred_at", "redacted_at")}
"""Expressions, not columns: Django would convert what it knows the type of, which takes longer than all the rest."""


def rows_between(above: int, last: int) -> Iterator[Rows]:
    """All rows above an id up to the last, page by page; no transaction is held open."""
    connection = connections[conf.DATABASE]
    read = _reader(connection)
    while above < last:
        page = read(above, last)
        if not page:
            return
        yield page
        above = page.ids[-1]


def row_of(number: int) -> Row | None:
    """The row with this id."""
    return next((row for page in rows_between(number - 1, number) for row in page), None)


def hashing(connection: BaseDatabaseWrapper) -> Hashing:
    """What makes rows of the values that ``selected`` gives."""
    return Hashing(digest_by_django, on_sqlite=vendor_of(connection) == "sqlite")


def selected(connection: BaseDatabaseWrapper) -> str:
    """The statement that reads rows for ``hashing``, without its condition."""
    on_sqlite = vendor_of(connection) == "sqlite"
    read_as = _SQLITE if on_sqlite else _POSTGRESQL
    columns = [read_as.get(name, f'"{name}"') for name in ALONE]
    for group in GROUPS:
        names = ", ".join(read_as.get(name, f'"{name}"') for name in group)
        # SQLite writes two values into one text in the time that it takes to hand out one.
        columns.append(f"json_array({names})" if on_sqlite else names)
    return f"SELECT {', '.join(columns)} FROM {TABLE}"  # noqa: S608  our own names


def digest_by_django(number: int) -> bytes | None:
    """The digest as Django reads the row, which knows of times in another zone and the like; None if none can be."""
    try:
        event = SignalEvent.objects.get(pk=number)
        values = {field.attname: getattr(event, field.attname) for field in _FIELDS}
        kept = stored_bytes(event.kept_hashes) if event.kept_hashes is not None else None
        hashes = inner_hashes(values, stored_bytes(event.salt), kept)
        if not is_as_written(connections[conf.DATABASE], event) or (kept and kept[:KEPT] != b"".join(hashes)):
            return None
        return digest_of_hashes(parts(values).header, hashes)
    except (*UNREADABLE, DatabaseError, SignalEvent.DoesNotExist):
        return None


def _reader(connection: BaseDatabaseWrapper) -> Callable[[int, int], Rows]:
    statement = selected(connection)
    page = f"{statement} WHERE id > %s AND id <= %s ORDER BY id LIMIT {PAGE}"
    hashed = hashing(connection)
    one_by_one = partial(_one_by_one, connection, statement, hashed)

    def read(above: int, last: int) -> Rows:
        try:
            with connection.cursor() as cursor:
                cursor.execute(page, [above, last])
                return hashed.rows(cursor.fetchall())
        except (DatabaseError, UnicodeDecodeError):
            if connection.in_atomic_block and vendor_of(connection) == "postgresql":
                raise
            return one_by_one(above, last)

    return read


def _one_by_one(connection: BaseDatabaseWrapper, statement: str, hashed: Hashing, above: int, last: int) -> Rows:
    """A page in which a row cannot be read: text that is no UTF-8, which somebody put past the recorder."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM {TABLE} WHERE id > %s AND id <= %s ORDER BY id LIMIT {PAGE}",  # noqa: S608
            [above, last],
        )
        numbers = [number for (number,) in cursor.fetchall()]
    rows: list[Row] = []
    for number in numbers:
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"{statement} WHERE id = %s", [number])
                rows += hashed.rows(cursor.fetchall())
        except (DatabaseError, UnicodeDecodeError):
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT digest FROM {TABLE} WHERE id = %s", [number])  # noqa: S608
                rows += [Row(number, None, stored_leaf(told)) for (told,) in cursor.fetchall()]
    return Rows.of(rows)
