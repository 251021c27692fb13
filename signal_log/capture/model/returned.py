"""The rows that a host's statement returns, looked at before the host fetches them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.model.actual_row import RowReader
from signal_log.capture.model.plan import Plan
from signal_log.capture.model.row_sql import concrete
from signal_log.interruption import let_interruption_pass
from signal_log.vendor import vendor_of


class Returned(NamedTuple):
    """The rows of a RETURNING clause, and the names of their columns."""

    columns: tuple[str, ...]
    rows: list[Any]

    def values(self, reader: RowReader | None, plan: Plan, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        """What Django will set on the instance, by attname, as far as it can be told without a query."""
        if reader is None or len(self.rows) != 1:
            return {}
        found = dict(zip(self.columns, self.rows[0], strict=True))
        values: dict[str, Any] = {}
        for field in concrete(plan.model)._meta.local_concrete_fields:
            if field.column not in found:
                continue
            at = reader.at.get(field.attname)
            raw = found[field.column]
            try:
                values[field.attname] = raw if at is None else reader.converted(at, raw, connection)
            except BaseException as error:  # noqa: BLE001  a host's field may raise anything; Django will ask it again
                let_interruption_pass(error)
                values[field.attname] = raw
        return values


class _Cursor:
    """Stands for a driver's cursor whose rows have been fetched: its statement has ended, as a COMMIT requires."""

    def __init__(self, cursor: Any, rows: list[Any]) -> None:
        self._cursor = cursor
        self._rows = iter(rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def __iter__(self) -> Iterator[Any]:
        return self._rows

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        self._rows = self._cursor
        return self._cursor.execute(*args, **kwargs)

    def executemany(self, *args: Any, **kwargs: Any) -> Any:
        self._rows = self._cursor
        return self._cursor.executemany(*args, **kwargs)

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        wanted = self._cursor.arraysize if size is None else size
        return [row for _, row in zip(range(wanted), self._rows, strict=False)]

    def fetchall(self) -> list[Any]:
        return list(self._rows)


def returned_rows(wrapper: Any, connection: BaseDatabaseWrapper, sql: str) -> Returned | None:
    """What the statement on this cursor of Django's has returned, which stays to be fetched; None if it returns none.

    On SQLite, a statement whose rows are not fetched is not over.
    """
    if "RETURNING" not in sql:
        return None
    cursor = wrapper.cursor
    described = cursor.description
    if described is None:
        return None
    with connection.wrap_database_errors:
        rows = list(cursor.fetchall())
        if vendor_of(connection) == "sqlite":
            wrapper.cursor = _Cursor(cursor, rows)
        elif rows:
            cursor.scroll(0, "absolute")
    return Returned(tuple([column[0] for column in described]), rows)
