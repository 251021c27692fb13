"""What the recorder needs to know about a field of an observed model, and about the values that it holds."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Final

from django.db import models
from django.db.models.fields.files import FieldFile

from signal_log.capture.model.masking import is_excluded, is_masked
from signal_log.capture.model.snapshot import text_of, values_equal
from signal_log.interruption import let_interruption_pass

# Values of these fields are immutable, so loaded ones need not be copied.
IMMUTABLE: Final = (
    models.AutoField, models.BooleanField, models.CharField, models.DateField, models.DecimalField,
    models.DurationField, models.FloatField, models.ForeignKey, models.GenericIPAddressField, models.IntegerField,
    models.TextField, models.TimeField, models.UUIDField,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """What the recorder needs to know about a field."""

    attname: str
    name: str
    field: models.Field[Any, Any]
    masked: bool
    mutable: bool
    generated: bool
    cut_above: int | None
    """The length above which a text or binary value is cut in the database, for the log keeps no more of it."""


def columns_of(model: type[models.Model], max_chars: int) -> tuple[Column, ...]:
    """The model's columns, but for those that ``EXCLUDE_FIELDS`` names; the log keeps ``max_chars`` of a value."""
    return tuple(
        Column(
            attname=field.attname,
            name=field.name,
            field=field,
            masked=is_masked(field, model),
            mutable=not _is_immutable(field),
            generated=field.generated,
            cut_above=_cut_above(field, max_chars),
        )
        for field in model._meta.concrete_fields
        if not is_excluded(field, model)
    )


def copied(value: Any) -> Any:
    """A copy of a loaded value, to be compared later with one that may have been changed in place."""
    if isinstance(value, (memoryview, bytearray)):
        return bytes(value)
    if isinstance(value, FieldFile):  # it references the instance, which must not be copied
        return value.name
    try:
        return copy.deepcopy(value)
    except BaseException as error:  # noqa: BLE001  a host's __deepcopy__ may raise anything
        let_interruption_pass(error)
        return text_of(value)


def are_equal(column: Column, before: Any, after: Any) -> bool:
    """Whether two values of a column are the same to the database."""
    return values_equal(before, after) or equal_in_database(column.field, before, after)


def equal_in_database(field: models.Field[Any, Any], before: Any, after: Any) -> bool:
    """Whether ``after`` is ``before`` as another Python type: ``"5"`` for 5, ``"1.50"`` for ``Decimal("1.5")``."""
    if before is None or after is None or type(before) is type(after) or hasattr(after, "resolve_expression"):
        return False
    try:
        return bool(field.to_python(after) == before)
    except BaseException as error:  # noqa: BLE001  a host's field may raise anything
        let_interruption_pass(error)
        return False


def _is_immutable(field: models.Field[Any, Any]) -> bool:
    """Only Django's own fields are trusted: a custom field may load any kind of object."""
    return isinstance(field, IMMUTABLE) and type(field).__module__.startswith("django.")


def _cut_above(field: models.Field[Any, Any], max_chars: int) -> int | None:
    """Only for Django's own text and binary fields: the log makes something else of what others store."""
    kind = type(field)
    if kind is models.BinaryField:
        return (max_chars - 2) // 2  # two hexadecimal digits a byte, after "0x"
    is_text = kind is models.TextField or (kind is models.CharField and (field.max_length or max_chars + 1) > max_chars)
    return max_chars if is_text else None
