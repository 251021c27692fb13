"""Compares a row's stored values with the form in which they are written: other text may mean the same to a reader.

SQLite keeps whatever it is given: a time with another separator, ``2`` for true, a JSON object that has a key twice, a
blob for text. Django reads the same value, so that the digest holds, but no filter finds the row any more.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.models import SignalEvent
from signal_log.seal.canonical import canonical
from signal_log.vendor import vendor_of

_FIELDS: Final = SignalEvent._meta.concrete_fields
_NESTED: Final = tuple(field for field in _FIELDS if isinstance(field, models.JSONField))


def is_as_written(connection: BaseDatabaseWrapper, event: SignalEvent) -> bool:
    """Whether each value is stored as the recorder, or Django for a fixture, writes it."""
    on_sqlite = vendor_of(connection) == "sqlite"
    fields = _FIELDS if on_sqlite else _NESTED
    columns = ", ".join(f'+"{field.column}"' if on_sqlite else f'"{field.column}"::text' for field in fields)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {SignalEvent._meta.db_table} WHERE id = %s", [event.pk])  # noqa: S608
        stored = cursor.fetchone()
    values = [getattr(event, field.attname) for field in fields]
    if not on_sqlite:  # its types have one form each, but for JSON's null, which is not NULL
        return all((one is None) == (value is None) for one, value in zip(stored, values, strict=True))
    return all(
        any(type(one) is type(form) and one == form for form in _forms(connection, field, value))
        for one, field, value in zip(stored, fields, values, strict=True)
    )


def _forms(connection: BaseDatabaseWrapper, field: Any, value: Any) -> list[Any]:
    """How SQLite has a value that was written as it should be."""
    form = field.get_db_prep_save(value, connection)
    if isinstance(form, bool):
        return [int(form)]
    if isinstance(form, memoryview):
        return [bytes(form)]
    if isinstance(field, models.JSONField) and value is not None:
        return [form, canonical(value).decode()]
    return [form]
