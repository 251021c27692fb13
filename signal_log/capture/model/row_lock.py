"""Which lock a statement is going to take on its row in PostgreSQL, so that reading the row first takes the same.

A weaker one would have to be raised by the statement: while another transaction holds KEY SHARE on the row, for a
foreign key, the two could wait for each other. A stronger one would wait where the statement does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import models

NO_KEY: Final = " FOR NO KEY UPDATE"
"""As an ordinary UPDATE locks; the foreign-key checks of other transactions do not wait for it."""
KEY: Final = " FOR UPDATE"
"""As a DELETE locks, and an UPDATE that changes what a foreign key could refer to."""
_VALUE: Final = re.compile(r"%s(?:::[\w ]+(?:\([\d, ]+\))?(?:\[\])?)?(?=, \"| WHERE |\Z)")
_TEXTS: Final = (UUID, date, time, Decimal)

Read = tuple[str, tuple[Any, ...]]


class Keys(NamedTuple):
    """The quoted columns of a table's unique indexes, and whether its triggers have a row locked before an UPDATE.

    For those, PostgreSQL chooses the lock by the columns that are set; otherwise by the values that change.
    """

    columns: tuple[str, ...]
    by_columns: bool


class Deleting:
    """The lock of a DELETE."""

    def reads(self, table: str, select: str, params: Sequence[Any], keys: Keys) -> list[Read]:
        """The reads that lock the rows that ``select`` finds; the last one's result is theirs."""
        return [(select + KEY, tuple(params))]


class Updating:
    """The lock of an UPDATE; ``instance`` tells what it will set in tables that its statement is not about."""

    def __init__(self, sql: str, params: Any, instance: models.Model | None = None) -> None:
        self.sql = sql
        self.params = params
        self.instance = instance

    def reads(self, table: str, select: str, params: Sequence[Any], keys: Keys) -> list[Read]:
        """The reads that lock the row that ``select`` finds; the last one's result is the row."""
        ordinary = (select + NO_KEY, tuple(params))
        set_to = dict(self._set_to(table, keys.columns))
        if not set_to:
            return [ordinary]
        if keys.by_columns or _EXPRESSION in set_to.values():
            return [(select + KEY, tuple(params))]
        known = {column: _text(value) for column, value in set_to.items()}
        compared = {column: value for column, value in known.items() if value is not _EXPRESSION}
        if not compared:
            return [ordinary]
        found = select[select.rindex(f" FROM {table} WHERE ") :]
        changed = " OR ".join(f"{table}.{column} IS DISTINCT FROM %s" for column in compared)
        return [(f"SELECT 1{found} AND ({changed}){KEY}", (*params, *compared.values())), ordinary]

    def _set_to(self, table: str, columns: Sequence[str]) -> Iterator[tuple[str, Any]]:
        """The columns of these that will be set, each with its value."""
        if not self.sql.startswith(f"UPDATE {table} SET "):  # noqa: S608  a quoted name
            yield from self._held(table, columns)
            return
        if type(self.params) not in (tuple, list) or "%%" in self.sql:
            return
        for column in columns:
            for mark in (f" SET {column} = ", f", {column} = "):
                at = self.sql.find(mark)
                if at >= 0:
                    is_value = _VALUE.match(self.sql, at + len(mark))
                    yield column, self.params[self.sql.count("%s", 0, at)] if is_value else _EXPRESSION
                    break

    def _held(self, table: str, columns: Sequence[str]) -> Iterator[tuple[str, Any]]:
        if self.instance is None:
            return
        held = self.instance.__dict__
        for field in self.instance._meta.concrete_fields:
            plain = type(field).get_db_prep_save is models.Field.get_db_prep_save
            quoted = f'"{field.column}"'
            named = table == f'"{field.model._meta.db_table}"' and quoted in columns
            if plain and named and not field.primary_key and field.attname in held:
                yield quoted, held[field.attname]


Lock = Deleting | Updating
DELETING: Final = Deleting()
_EXPRESSION: Final[Any] = object()


def _text(value: Any) -> Any:
    """A value as a literal that takes the type of the column it is compared with, as it does where it is assigned."""
    if value is None:
        return None
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return str(bool(value)) if isinstance(value, bool) else int.__repr__(value)
    return str(value) if isinstance(value, _TEXTS) else _EXPRESSION
