"""Refuses rows that no log holds: the database of another log is written by others, and SQLite takes any value."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import models

from signal_log.models import SignalEvent

_KINDS: Final[dict[type[models.Field[Any, Any]], type | tuple[type, ...]]] = {
    models.BooleanField: bool,
    models.IntegerField: int,
    models.CharField: str,
    models.TextField: str,
    models.DateTimeField: datetime,
    models.UUIDField: UUID,
    models.BinaryField: (bytes, memoryview),
    models.JSONField: object,
}
_COLUMNS: Final = [
    (field.attname, next(kind for of, kind in _KINDS.items() if isinstance(field, of)), field.null)
    for field in SignalEvent._meta.concrete_fields
]


class UnsoundRowError(Exception):
    """A row that no version of this app writes; its text goes on after the log's name."""


def checked(events: Iterable[SignalEvent]) -> None:
    """Raise ``UnsoundRowError`` for the first event with a value that pages could not show."""
    for event in events:
        for name, kind, may_be_null in _COLUMNS:
            value = getattr(event, name)
            is_right = may_be_null if value is None else isinstance(value, kind)
            if isinstance(value, datetime):
                is_right = 1 < value.year < 9999  # or it has no time in another zone
            if not is_right:
                raise UnsoundRowError(
                    f"is not shown: the {name} of its event {str(event.pk)[:20]} is nothing that signal_log writes. "
                    "Find out there who changed the row; signal_verify names all of them"
                )
