"""Whether a value that an instance holds is what its row holds, as another type or spelled otherwise.

The database keeps an address in small letters, a range of numbers without its upper end, a tuple as an array: whoever
has written such a value has seen it.
"""

from __future__ import annotations

import sys
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from math import isfinite
from typing import Any, Final

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from signal_log.capture.model.column import Column, equal_in_database
from signal_log.capture.model.long_value import Cut
from signal_log.capture.model.object_text import without_queries
from signal_log.capture.model.snapshot import PLAIN, json_safe, values_equal

_WHOLE: Final = sys.maxsize
_NUMBERS: Final = (Decimal, float)


def equal(one: Any, other: Any) -> bool:
    """Whether two stored values are the same; NaN, which equals nothing, is stored like any other."""
    return values_equal(one, other) or (isinstance(one, _NUMBERS) and one != one and other != other)


def is_known(column: Column, held: Any, stored: Any, connection: BaseDatabaseWrapper) -> bool:
    """Whether the stored value is the held one, which was loaded or written by an instance."""
    return _is_same(column, held, stored) or _is_respelled(column.field, held, stored, connection)


def is_stored_as(column: Column, held: Any, stored: Any, connection: BaseDatabaseWrapper) -> bool:
    """Whether the stored value is what the database makes of the one that the instance has just written."""
    if type(column.field).select_format is not models.Field.select_format:
        return True  # it is read in another form than it is written
    if hasattr(held, "resolve_expression") or isinstance(stored, Cut) or is_known(column, held, stored, connection):
        return True
    return _is_rounded(column.field, held, stored) or isinstance(column.field, models.FileField)


def _is_same(column: Column, held: Any, stored: Any) -> bool:
    if type(held) is type(stored) and type(held) in PLAIN:
        return equal(held, stored)
    if isinstance(stored, Cut):
        limit = column.cut_above or 0
        return json_safe(held, limit if isinstance(held, str) else 2 * limit + 2, ()) == stored
    if values_equal(held, stored) or equal_in_database(column.field, stored, held):
        return True
    return isinstance(column.field, models.JSONField) and values_equal(_in_json(held), _in_json(stored))


def _in_json(value: Any) -> Any:
    """A value of JSON in one form: the database may keep a large float as an integer."""
    return json_safe([value], _WHOLE, ())


def _is_rounded(field: models.Field[Any, Any], held: Any, stored: Any) -> bool:
    if not (
        isinstance(stored, _NUMBERS) and isinstance(held, (*_NUMBERS, int)) and isfinite(stored) and isfinite(held)
    ):
        return False
    places = getattr(field, "decimal_places", None)
    return abs(Decimal(str(held)) - Decimal(str(stored))) < Decimal(1).scaleb(-(places or 6))


def _is_respelled(field: models.Field[Any, Any], held: Any, stored: Any, connection: BaseDatabaseWrapper) -> bool:
    """Whether what the field makes of the held value, to store it, is what is stored."""
    if held is None or stored is None or hasattr(held, "resolve_expression"):
        return False
    try:
        return without_queries(partial(_same_form, field, held, connection=connection), stored)
    except Exception:  # noqa: BLE001  a host's field may raise anything, and may not query
        return False


def _same_form(field: Any, held: Any, stored: Any, connection: BaseDatabaseWrapper) -> bool:
    elements = getattr(field, "base_field", None)
    if elements is not None and isinstance(stored, list):
        return len(held) == len(stored) and all(
            values_equal(one, other) or (one is not None and _same_form(elements, one, other, connection))
            for one, other in zip(field.to_python(held), stored, strict=True)
        )
    if type(held) is datetime and type(stored) is datetime and timezone.is_naive(held) and timezone.is_aware(stored):
        return values_equal(timezone.make_aware(held, timezone.get_default_timezone()), stored)  # as Django, in silence
    prepared = field.get_prep_value(held)
    if hasattr(prepared, "lower_inc") and hasattr(stored, "lower_inc"):
        return _ends(elements, prepared) == _ends(elements, stored)
    if values_equal(prepared, stored) or values_equal(field.get_db_prep_value(held, connection), stored):
        return True
    return isinstance(field, models.DecimalField) and _is_rounded(field, field.to_python(prepared), stored)


def _ends(field: Any, span: Any) -> tuple[Any, ...] | None:
    """A range's ends, as PostgreSQL keeps them; None if it is empty."""
    if span.isempty:
        return None
    lower, upper, with_lower, with_upper = span.lower, span.upper, span.lower_inc, span.upper_inc
    if field is not None:
        lower, upper = field.to_python(lower), field.to_python(upper)
    kinds = {type(end) for end in (lower, upper) if end is not None}
    step: Any = {int: 1, date: timedelta(days=1)}.get(next(iter(kinds))) if len(kinds) == 1 else None
    if step is not None and isinstance(field, (models.IntegerField, models.DateField)):
        if lower is not None and not with_lower:
            lower, with_lower = lower + step, True
        if upper is not None and with_upper:
            upper, with_upper = upper + step, False
    if lower is not None and lower == upper and not (with_lower and with_upper):
        return None
    return lower, upper, with_lower, with_upper
