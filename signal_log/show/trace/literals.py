"""Values of the log as Python: each is read as what its field holds, and only the ``repr()`` of that is written.

A row may hold anything (SQLite keeps a text in a column of numbers), so no text of the log gets into code as it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import models

DEEPEST: Final = 30
NAMES: Final = frozenset({"UUID", "Decimal", "date", "datetime", "time", "timedelta"})
"""What literals import."""

_DURATION: Final = re.compile(r"(-?)(?:(\d{1,9}) days?, )?(\d{1,2}):(\d\d):(\d\d)(?:\.(\d{6}))?", re.ASCII)
_BYTES: Final = re.compile(r"0x((?:[0-9a-f]{2})*)", re.ASCII)


class Literal(NamedTuple):
    """An expression, and the import that it needs, if any."""

    text: str
    needs: str = ""


def literal(field: models.Field[Any, Any], value: Any) -> Literal | None:
    """The value as its field takes it; None for one that the field cannot hold."""
    if value is None:
        return Literal("None")
    read = next((read for kind, read in _READ if isinstance(field, kind)), None)
    if read is not None:
        try:
            return read(value)
        except (ValueError, TypeError, ArithmeticError):
            if type(field).__module__.startswith("django."):
                return None  # a host's own field may hold something else
    return Literal(repr(value)) if _is_plain(value, DEEPEST) else None


def triple_quoted(text: str) -> str:
    """Text as it stands between three double quotes."""
    return text.replace("\\", "\\\\").replace('"""', r"\"\"\"")


def _is_plain(value: Any, depth: int) -> bool:
    """Whether ``repr()`` is the value in Python; JSON has nothing else, but for infinity and what is nested deeply."""
    if value is None or isinstance(value, (str, int)):
        return True
    if isinstance(value, float):
        return math.isfinite(value)
    if depth and isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(held, depth - 1) for key, held in value.items())
    return bool(depth) and isinstance(value, list) and all(_is_plain(held, depth - 1) for held in value)


def _boolean(value: Any) -> Literal:
    if not isinstance(value, bool):
        raise ValueError
    return Literal(repr(value))


def _integer(value: Any) -> Literal:
    return Literal(repr(value if isinstance(value, bool) else int(value)))


def _float(value: Any) -> Literal:
    number = float(value)
    return Literal(repr(number) if math.isfinite(number) else f"float({str(number)!r})")


def _decimal(value: Any) -> Literal:
    return Literal(f"Decimal({str(Decimal(str(value)))!r})", "from decimal import Decimal")


def _uuid(value: Any) -> Literal:
    return Literal(f"UUID({str(UUID(str(value)))!r})", "from uuid import UUID")


def _moment(kind: type[date] | type[time]) -> Callable[[Any], Literal]:
    def read(value: Any) -> Literal:
        text = kind.fromisoformat(str(value)).isoformat()
        return Literal(f"{kind.__name__}.fromisoformat({text!r})", f"from datetime import {kind.__name__}")

    return read


def _duration(value: Any) -> Literal:
    found = _DURATION.fullmatch(str(value))
    if found is None:
        raise ValueError
    days, hours, minutes, seconds, micros = (int(part or 0) for part in found.groups()[1:])
    whole = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, microseconds=micros)
    given = {"days": whole.days, "seconds": whole.seconds, "microseconds": whole.microseconds}
    inside = ", ".join(f"{name}={number!r}" for name, number in given.items() if number)
    return Literal(f"{found[1]}timedelta({inside})", "from datetime import timedelta")


def _bytes(value: Any) -> Literal:
    found = _BYTES.fullmatch(str(value))
    if found is None:
        raise ValueError
    return Literal(repr(bytes.fromhex(found[1])))


_READ: Final[tuple[tuple[Any, Callable[[Any], Literal]], ...]] = (
    (models.BooleanField, _boolean),
    (models.IntegerField, _integer),
    (models.FloatField, _float),
    (models.DecimalField, _decimal),
    (models.UUIDField, _uuid),
    (models.DateTimeField, _moment(datetime)),
    (models.DateField, _moment(date)),
    (models.TimeField, _moment(time)),
    (models.DurationField, _duration),
    (models.BinaryField, _bytes),
)
"""A subclass stands before its base."""
