"""Reads what a row holds, as the database tells it: below Django's cursors, in raw values that compare in C.

Only values that differ are converted, by the field's own converters. A row in several tables (multi-table
inheritance) is read table by table. Text and binary values longer than the log keeps are cut, measured and hashed in
the database, so that they do not travel.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from types import NoneType
from typing import Any, Final

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.model.column import Column
from signal_log.capture.model.long_value import Cut
from signal_log.capture.model.object_text import QueryRefused, without_queries
from signal_log.capture.model.plan import Plan
from signal_log.capture.model.row_lock import DELETING, Lock
from signal_log.capture.model.row_part import Part, part_of
from signal_log.capture.model.row_sql import (
    MARKS,
    Rows,
    UnloadableError,
    UntoldError,
    concrete,
    decoder_of,
    fetch_rows,
    moment_in_utc,
    quoted_column,
    run_on_sqlite,
)
from signal_log.vendor import vendor_of

Raw = tuple[Any, ...]
"""A row's values as the driver gives them, in the order of ``RowReader.columns``."""

MOST_KEYS: Final = 500
"""Rows read per query: SQLite rejects conditions of more than 1,000 terms."""
MOST_UNLOADABLE: Final = 8
"""Of so many rows at most we find out, by halves, that they are the ones whose values the driver cannot load."""
UNTOLD: Final[Any] = object()
"""Stands for a row that the database does not tell."""

_NULL: Final[frozenset[type]] = frozenset({NoneType})
_NULL_OR_BOOL: Final[frozenset[type]] = frozenset({NoneType, bool})
_AS_THEY_ARE: Final[frozenset[type]] = frozenset({NoneType, str, int})


def _has_nul(raw: Any) -> bool:
    """Whether it is a text that SQLite does not cut, because it cannot measure it."""
    return isinstance(raw, str) and "\x00" in raw


class RowReader:
    """Reads the rows of one model from one database; ``own_only`` leaves out the tables of its parents."""

    def __init__(self, plan: Plan, connection: BaseDatabaseWrapper, *, own_only: bool = False) -> None:
        own = concrete(plan.model)
        columns_of: dict[type[models.Model], list[Column]] = {own: []}
        for column in plan.columns:
            columns_of.setdefault(concrete(column.field.model), []).append(column)
        if own_only:
            columns_of = {own: columns_of[own]}
        self.on_sqlite = vendor_of(connection) == "sqlite"
        self.parts = tuple(part_of(own, model, columns, connection) for model, columns in columns_of.items())
        self.columns = tuple(column for part in self.parts for column in part.columns)
        self.at = {column.attname: position for position, column in enumerate(self.columns)}
        self.inserts = tuple(f"INSERT INTO {part.table} " for part in self.parts)
        self.updates = tuple(f"UPDATE {part.table} SET " for part in self.parts)  # noqa: S608  quoted names
        table, key = self.parts[0].table, quoted_column(self.parts[0].keys[0], connection)
        self._lock_to_update = f"UPDATE {table} SET {key} = {key} WHERE 0"  # noqa: S608  quoted names
        self._lock_to_delete = f"DELETE FROM {table} WHERE 0"  # noqa: S608
        self.is_only_key = set(self.at) <= {name for part in self.parts for name in part.key_attnames}
        """Whether there is nothing in the row that an UPDATE could set."""
        self._decoders = [
            None if column.cut_above is not None else decoder_of(column.field, connection) for column in self.columns
        ]
        self._is_moment = [self.on_sqlite and type(column.field) is models.DateTimeField for column in self.columns]
        zoned = not self.on_sqlite and connection.timezone not in (None, UTC)
        self._zoned = frozenset(
            at for at, column in enumerate(self.columns) if zoned and isinstance(column.field, models.DateTimeField)
        )
        self._converters = [_converters(column.field, connection) for column in self.columns]
        self.direct = [
            _direct(column, is_decoded=decode is not None, is_converted=bool(converters))
            for column, decode, converters in zip(self.columns, self._decoders, self._converters, strict=True)
        ]
        """For each column, the types of which a value that equals the raw one is the one that the model loads."""

    def read(self, connection: BaseDatabaseWrapper, instance: models.Model, *, lock: Lock | None = None) -> Raw | None:
        """The row of this instance, locked as a statement will lock it (``lock``); None if there is none.

        Of a row in several tables, what is in none of them is null. Raises ``UntoldError``.
        """
        if len(self.parts) == 1:
            return self._read_part(connection, self.parts[0], instance, lock=lock)
        found = [self._read_part(connection, part, instance, lock=lock) for part in self.parts]
        if all(row is None for row in found):
            return None
        whole: Raw = ()
        for part, row in zip(self.parts, found, strict=True):
            whole += row if row is not None else (None,) * len(part.columns)
        return whole

    def read_many(self, connection: BaseDatabaseWrapper, instances: Sequence[models.Model]) -> list[Raw | None]:
        """The rows of these instances, in their order, locked for their DELETE. Raises ``UntoldError``.

        ``UNTOLD`` are those that hold a value which the driver cannot load; of the others, that is no reason.
        """
        left = [MOST_UNLOADABLE]

        def by_halves(some: Sequence[models.Model]) -> list[Raw | None]:
            try:
                return self._read_many(connection, some)
            except UnloadableError:
                if len(some) > 1 and left[0]:
                    half = len(some) // 2
                    return by_halves(some[:half]) + by_halves(some[half:])
                left[0] = max(0, left[0] - 1)
                return [UNTOLD] * len(some)

        return by_halves(instances)

    def _read_many(self, connection: BaseDatabaseWrapper, instances: Sequence[models.Model]) -> list[Raw | None]:
        rows: list[Raw | None] = [()] * len(instances)
        for part in self.parts:
            keys = [part.key(instance, connection) for instance in instances]
            found = self._read_keys(connection, part, [key for key in keys if key is not None])
            for at, key in enumerate(keys):
                row, before = None if key is None else found.get(_text(key)), rows[at]
                if row is None and key is not None:  # gone, or its key is spelled otherwise in the database: 1.5, 1.50
                    row = self._read_part(connection, part, instances[at], lock=DELETING)
                rows[at] = None if row is None or before is None else before + row
        return rows

    def lacks(self, row: Raw, column: Column) -> bool:
        """Whether nothing of the row was in the column's table: a child's, of a parent that has none yet."""
        if len(self.parts) == 1:
            return False
        key = next((key.attname for part in self.parts if column in part.columns for key in part.keys), "")
        return key in self.at and row[self.at[key]] is None

    def in_utc(self, rows: Rows, columns: Sequence[Column] = ()) -> Rows:
        """Rows of these columns (or all) with moments that compare as such: a zone's clock shows some of them twice."""
        if not self._zoned:
            return rows
        first = self.columns.index(columns[0]) if columns else 0
        return [
            tuple(
                value.astimezone(UTC) if at in self._zoned and isinstance(value, datetime) else value
                for at, value in enumerate(row, first)
            )
            for row in rows
        ]

    def some(self, row: Raw, attnames: Sequence[str]) -> dict[str, Any]:
        """The raw values of these columns, as far as they are read."""
        return {name: row[self.at[name]] for name in attnames if name in self.at}

    def value(self, at: int, raw: Any, connection: BaseDatabaseWrapper) -> Any:
        """One raw value as the model would load it, or as ``Cut`` if the database has cut it."""
        limit = self.columns[at].cut_above
        if limit is not None and raw is not None and len(raw) > limit and not _has_nul(raw):
            return Cut(raw if isinstance(raw, str) else bytes(raw).decode())
        if self._is_moment[at] and connection.timezone is UTC and type(raw) is str:
            return moment_in_utc(raw)
        decode = self._decoders[at]
        if decode is not None and raw is not None:
            raw = decode(raw)
        return self.converted(at, raw, connection)

    def converted(self, at: int, raw: Any, connection: BaseDatabaseWrapper) -> Any:
        """A value as the field's own converters make it, which may not query; if they would, as it was."""
        converters = self._converters[at]

        def convert(value: Any) -> Any:
            for converter, expression in converters:
                value = converter(value, expression, connection)
            return value

        if all(map(_is_djangos, converters)):
            return convert(raw)
        try:
            return without_queries(convert, raw)
        except QueryRefused:
            return raw

    def take_write_lock(self, connection: BaseDatabaseWrapper, *, deletes: bool = False) -> None:
        """On SQLite, take the lock that the write itself will take, before reading.

        A transaction that reads first and writes afterwards fails at once if another has written in between, whatever
        its timeout; a write that changes nothing waits for the lock as the real one would. Raises ``UntoldError``.
        """
        run_on_sqlite(connection, self._lock_to_delete if deletes else self._lock_to_update, ())

    def _read_part(
        self, connection: BaseDatabaseWrapper, part: Part, instance: models.Model, *, lock: Lock | None
    ) -> Raw | None:
        key = part.key(instance, connection)
        if key is None:
            return None
        rows = (
            run_on_sqlite(connection, part.select, key)
            if self.on_sqlite
            else fetch_rows(connection, part.select, part.table, part.select, key, lock=lock)
        )
        if len(rows) > 1:
            raise UntoldError(f"{part.table} has several rows with one key")
        return self.in_utc(rows[:1], part.columns)[0] if rows else None

    def _read_keys(self, connection: BaseDatabaseWrapper, part: Part, keys: Sequence[Raw]) -> dict[str, Raw]:
        """The part's rows with these keys, by the key's text: a driver may return another type than it was given."""
        width, found = len(part.keys), {}
        for start in range(0, len(keys), MOST_KEYS):
            some = keys[start : start + MOST_KEYS]
            where = " OR ".join(f"({part.where})" for _ in some)
            if width == 1:
                where = f"{part.key_columns} IN ({', '.join([MARKS[vendor_of(connection)]] * len(some))})"
            sql = f"SELECT {part.key_columns}, {part.shown} FROM {part.table} WHERE {where}"  # noqa: S608
            for row in fetch_rows(
                connection, part.select, part.table, sql, tuple(value for key in some for value in key), lock=DELETING
            ):
                found[_text(row[:width])] = self.in_utc([row[width:]], part.columns)[0]
        return found


def reader_of(plan: Plan, connection: BaseDatabaseWrapper, *, own_only: bool = False) -> RowReader:
    """The reader of a model's rows on this database, built once."""
    key = (type(connection), connection.alias, own_only)
    reader: RowReader | None = plan.readers.get(key)
    if reader is None:
        vendor = vendor_of(connection)
        if vendor not in MARKS:
            raise UntoldError(f"rows are read on SQLite and PostgreSQL only, not on {vendor}")
        reader = plan.readers[key] = RowReader(plan, connection, own_only=own_only)
    return reader


def _converters(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> list[tuple[Any, Any]]:
    """The functions through which a value passes when Django loads it, each with the expression it takes."""
    expression = field.get_col(field.model._meta.db_table)
    found = connection.ops.get_db_converters(expression) + expression.get_db_converters(connection)
    return [(convert, expression) for convert in found]


def _is_djangos(converter: tuple[Any, Any]) -> bool:
    return str(getattr(converter[0], "__module__", "")).startswith("django.db.")


def _direct(column: Column, *, is_decoded: bool, is_converted: bool) -> frozenset[type]:
    if type(column.field) is models.BooleanField:  # a number on SQLite
        return _NULL_OR_BOOL
    return _NULL if is_decoded or is_converted else _AS_THEY_ARE


def _text(key: Raw) -> str:
    return "\0".join(map(str, key))
