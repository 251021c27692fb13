"""What of a row's former values can be filled into a form: which they are as Python values, or why one cannot.

Masked and unknown values are never made up: the form keeps what it would show without them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import DatabaseError, models
from django.utils.dateparse import parse_duration

from signal_log.capture.model.registry import plan_of
from signal_log.event import BASELINE, MASK
from signal_log.show.words.diff import Side, pairs, side
from signal_log.show.words.short import is_unknown
from signal_log.show.words.state import Known, State
from signal_log.show.words.text import visible

CUT: Final = re.compile(r"… \((\d+ (characters|bytes), SHA-256 [0-9a-f]{64}|longer, [^)]*)\)\Z")
HASHED: Final = re.compile(r"hmac:[0-9a-f]{16}\Z")

UNKNOWN_WORDS: Final = "unknown: stays as it is"
MASKED_WORDS: Final = "masked, the log never held it: stays as it is"
REDACTED_WORDS: Final = "masked by a redaction: stays as it is"
CUT_WORDS: Final = "the log keeps only the beginning: stays as it is"
FILE_WORDS: Final = "a file, which no form can be filled with: stays as it is"
STAYS: Final = "stays as it is"
AS_NEW: Final = "as a new row has it"
"""What is said instead where the form adds a row: nothing is there that could stay."""
KEY_WORDS: Final = "the key, which no form changes"
NOT_IN_FORM_WORDS: Final = "not a field of the form: stays as it is"
NO_FIELD_WORDS: Final = "the model has no such field any more"
NOT_A_VALUE_WORDS: Final = "no value of this field any more: stays as it is"
NUMBERS_WORDS: Final = "the log keeps numbers with a fraction as text: check them"
BELIEVED_WORDS: Final = "as the object believed; the database did not tell"


@dataclass(frozen=True, slots=True)
class Offered:
    """A field with its value then and now; ``why_not`` where it cannot be filled, ``note`` what else is to be said."""

    name: str
    then: Side | None
    now: Side | None = None
    value: Any = field(default=None, repr=False)
    why_not: str = ""
    note: str = ""
    differs: bool = True

    @property
    def shown(self) -> str:
        """The name, for pages."""
        return visible(self.name)


def offered(
    model: type[models.Model],
    state: State,
    row: models.Model | None,
    *,
    in_form: frozenset[str],
    using: str,
    instead: Mapping[str, Any],
    before: int | None = None,
) -> list[Offered]:
    """The fields of a former state, right ``before`` an event if it is given.

    ``instead`` are values that take the place of those that the log tells.
    """
    fields = [_found(known) if known.found_by and known.found_by.pk == before else known for known in state.fields]
    found = [_offered(model, known, row, in_form, using, instead) for known in fields]
    return found if row is not None else [replace(one, why_not=one.why_not.replace(STAYS, AS_NEW)) for one in found]


def _found(known: Known) -> Known:
    """What the event found in the row, which something had written unseen."""
    return replace(known, value=known.found, event=known.found_by, later=True, believed=False)


def _offered(
    model: type[models.Model],
    known: Known,
    row: models.Model | None,
    in_form: frozenset[str],
    using: str,
    instead: Mapping[str, Any],
) -> Offered:
    name, then = known.name, known.value
    try:
        column: Any = model._meta.get_field(name)
    except FieldDoesNotExist:
        return Offered(name, then, why_not=NO_FIELD_WORDS)
    logged = instead.get(name, _logged(known))
    if name in instead:
        then = side(logged)
    why_not = _why_not(column, logged, then, is_new=row is None)
    if why_not == MASKED_WORDS and known.event is not None and known.event.redacted_at is not None:
        why_not = REDACTED_WORDS
    if why_not == FILE_WORDS:
        why_not = f"{FILE_WORDS}; {_kept(column, logged)}" if logged else FILE_WORDS
    if why_not:
        return Offered(name, then, why_not=why_not)
    try:
        value = python_value(column, logged)
        missing = _missing(column, value, using)
    except (ValidationError, ValueError, TypeError, OverflowError):
        return Offered(name, then, why_not=NOT_A_VALUE_WORDS)
    now = _now(column, row)
    differs = row is None or column.value_from_object(row) != value
    note = BELIEVED_WORDS if known.believed else ""
    if isinstance(column, models.JSONField) and _has_fractions(logged):
        note = NUMBERS_WORDS
    why_not = missing or (NOT_IN_FORM_WORDS if name not in in_form else "")
    return Offered(name, then, now, value, why_not, note, differs)


def python_value(column: Any, logged: Any) -> Any:
    """What the field holds where the log tells this value."""
    if logged is None or isinstance(column, models.JSONField):
        return logged
    if isinstance(column, models.DurationField) and isinstance(logged, str):
        negative = logged.startswith("-")
        found = parse_duration(logged.removeprefix("-"))
        if found is None:
            raise ValidationError("no duration")
        return timedelta(0) - found if negative else found
    target: Any = column
    while isinstance(target, models.ForeignKey):
        target = target.target_field
    return target.to_python(logged)


def _logged(known: Known) -> Any:
    """The value as the log tells it; unknown if it tells none."""
    if known.event is not None:
        for name, old, new in pairs(known.event.changes):
            if name == known.name:
                return old if known.later and known.event.signal != BASELINE else new
        if known.value is not None and known.value.style == "null":
            return None  # a creation that leaves a field out found it null
    return {"unknown": True}


def _why_not(column: Any, logged: Any, then: Side | None, *, is_new: bool) -> str:
    if then is None or is_unknown(logged):
        return UNKNOWN_WORDS
    if any(MASK in text or HASHED.match(text) for text in _texts(logged)):
        return MASKED_WORDS
    if any(CUT.search(text) for text in _texts(logged)):
        return CUT_WORDS
    if isinstance(column, models.FileField):
        return FILE_WORDS
    if column.primary_key and not (is_new and column.editable and not isinstance(column, models.AutoField)):
        return KEY_WORDS
    return "" if column.editable else NOT_IN_FORM_WORDS


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _missing(column: Any, value: Any, using: str) -> str:
    """What is said of a key that refers to nothing any more."""
    if value is None or not isinstance(column, models.ForeignKey):
        return ""
    target: Any = column.remote_field.model
    try:
        found = target._base_manager.using(using).filter(**{column.target_field.attname: value}).exists()
    except DatabaseError:
        return NOT_A_VALUE_WORDS
    return "" if found else f"there is no such {target._meta.verbose_name} any more: choose one in the form"


def _now(column: Any, row: models.Model | None) -> Side | None:
    """The value now, as the log would show it."""
    plan = plan_of(type(row)) if row is not None else None
    shown = plan.by_attname.get(column.attname) if plan is not None else None
    if plan is None or shown is None:
        return None
    return side(plan.pair(shown, column.value_from_object(row), None)[0])


def _kept(column: Any, name: Any) -> str:
    """Whether the file that a field named is still where the host keeps such files, which may be anywhere."""
    try:
        there = column.storage.exists(str(name))
    except Exception:  # noqa: BLE001  a host's storage may raise anything
        return "whether the storage still has it cannot be told"
    return "the storage still has it" if there else "the storage does not have it any more"


def _has_fractions(value: Any) -> bool:
    return any(re.fullmatch(r"-?\d+\.\d+(e-?\d+)?", text) for text in _texts(value))
