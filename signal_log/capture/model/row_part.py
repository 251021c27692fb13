"""The share of a row that is in one table: how it is found by its key, and which columns are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.model.column import Column
from signal_log.capture.model.masking import key_fields
from signal_log.capture.model.row_sql import MARKS, quoted_column, selected, table_of
from signal_log.interruption import let_interruption_pass
from signal_log.vendor import vendor_of

_PLAIN_KEYS: Final[dict[type, type]] = {
    models.AutoField: int, models.BigAutoField: int, models.SmallAutoField: int, models.IntegerField: int,
    models.BigIntegerField: int, models.CharField: str, models.SlugField: str,
}  # fmt: skip


class Part(NamedTuple):
    """The share of a row that is in one table."""

    model: type[models.Model]
    table: str
    columns: tuple[Column, ...]
    keys: Sequence[models.Field[Any, Any]]
    key_attnames: tuple[str, ...]
    plain: type | None
    """The Python type whose values may be used as the key without conversion."""
    select: str
    where: str
    shown: str
    key_columns: str

    def key(self, instance: models.Model, connection: BaseDatabaseWrapper) -> tuple[Any, ...] | None:
        """The key's values as parameters; None where the instance has none, or none that the field accepts."""
        held = instance.__dict__
        if self.plain is not None and type(value := held.get(self.key_attnames[0])) is self.plain:
            return (value,)
        values = tuple([held.get(name) for name in self.key_attnames])
        if None in values:
            return None
        try:
            return tuple(
                field.get_db_prep_value(value, connection) for field, value in zip(self.keys, values, strict=True)
            )
        except BaseException as error:  # noqa: BLE001  a field may raise anything; the host's statement will, too
            let_interruption_pass(error)
            return None


def part_of(
    own: type[models.Model],
    model: type[models.Model],
    columns: Sequence[Column],
    connection: BaseDatabaseWrapper,
) -> Part:
    """The share of ``own``'s rows that is in the table of ``model``, itself or a parent, with these columns."""
    table = table_of(model, connection)
    keys = key_fields(model)
    attnames = tuple(field.attname for field in keys)
    link = own._meta.get_ancestor_link(model) if model is not own else None
    if link is not None and len(keys) == 1 and link.model is own:
        attnames = (link.attname,)
    where = " AND ".join(
        f"{table}.{quoted_column(field, connection)} = {MARKS[vendor_of(connection)]}" for field in keys
    )
    shown = ", ".join(selected(column, table, connection) for column in columns) or "1"
    return Part(
        model=model,
        table=table,
        columns=tuple(columns),
        keys=keys,
        key_attnames=attnames,
        plain=_plain_type(keys),
        select=f"SELECT {shown} FROM {table} WHERE {where}",  # noqa: S608  quoted names
        where=where,
        shown=shown,
        key_columns=", ".join(f"{table}.{quoted_column(field, connection)}" for field in keys),
    )


def _plain_type(keys: Sequence[models.Field[Any, Any]]) -> type | None:
    field: Any = keys[0]
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return _PLAIN_KEYS.get(type(field)) if len(keys) == 1 else None
