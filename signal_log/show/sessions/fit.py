"""Checks of JSON values by kind and range, to declare with what a document must hold.

A check returns the value that is kept, or raises ``Unfit``, which learns on its way out where in the document that was.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

Check = Callable[[Any], Any]

FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""Databases and time zones take every time between."""
LARGEST: Final = 2**31 - 1
"""What an integer column of PostgreSQL holds."""


class Unfit(ValueError):
    """A value is not what is declared."""

    def __init__(self, wanted: str, *at: str) -> None:
        super().__init__(wanted)
        self.wanted = wanted
        self.at = [*at]

    def __str__(self) -> str:
        return f"{'.'.join(reversed(self.at)) or 'it'} is not {self.wanted}"


def anything(value: Any) -> Any:
    """Any JSON; what reads it takes any."""
    return value


def flag(value: Any) -> bool:
    """True or false."""
    if value is not True and value is not False:
        raise Unfit("true or false")
    return value


def whole(least: int = 0, most: int = LARGEST) -> Check:
    """An integer from ``least`` to ``most``; true is none."""

    def check(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise Unfit(f"a whole number from {least:,} to {most:,}")
        return value

    return check


def text(most: int | None = None) -> Check:
    """A text, cut to the length of its column."""

    def check(value: Any) -> str:
        if type(value) is not str:
            raise Unfit("a text")
        return value if most is None else value[:most].replace("\0", "")

    return check


def one_of(values: Sequence[str]) -> Check:
    """One of these texts."""

    def check(value: Any) -> str:
        if type(value) is not str or value not in values:
            raise Unfit(f"one of {', '.join(values)}")
        return value

    return check


def moment(value: Any) -> datetime:
    """An ISO time with its offset, between ``FIRST`` and ``LAST``."""
    wanted = f"a time with its offset from {FIRST.year} to {LAST.year}"
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is None or not FIRST <= found <= LAST:
            raise Unfit(wanted)
    except (TypeError, ValueError, OverflowError):
        raise Unfit(wanted) from None
    return found


def moment_text(value: Any) -> str:
    """The same, kept as text."""
    moment(value)
    kept: str = value
    return kept


def trace_id(value: Any) -> str:
    """A UUID in its usual form."""
    if type(value) is str and len(value) == 36:
        try:
            if str(uuid.UUID(value)) == value:
                return value
        except ValueError:
            pass
    raise Unfit("the id of a trace")


def maybe(check: Check) -> Check:
    """That, or null."""
    return lambda value: None if value is None else check(value)


def many(check: Check, most: int | None = None) -> Check:
    """A list of such values."""

    def checked(value: Any) -> list[Any]:
        if type(value) is not list or (most is not None and len(value) > most):
            raise Unfit("a list" if most is None else f"a list of at most {most:,}")
        return [_at(str(number), check, one) for number, one in enumerate(value)]

    return checked


def tuple_of(*checks: Check) -> Check:
    """A list of exactly these."""

    def checked(value: Any) -> list[Any]:
        if type(value) is not list or len(value) != len(checks):
            raise Unfit(f"a list of {len(checks)}")
        return [_at(str(number), check, one) for number, (check, one) in enumerate(zip(checks, value, strict=True))]

    return checked


def by_name(check: Check, name: Check = anything) -> Check:
    """An object whose values are such."""

    def checked(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise Unfit("an object")
        return {name(key): _at(key[:40], check, one) for key, one in value.items()}

    return checked


def record(fields: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with these fields; others are left out, for a later version may have more."""
    known = {**fields, **(optional or {})}

    def checked(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise Unfit("an object")
        lacking = next((name for name in fields if name not in value), None)
        if lacking is not None:
            raise Unfit("there", lacking)
        return {name: _at(name, check, value[name]) for name, check in known.items() if name in value}

    return checked


def _at(name: str, check: Check, value: Any) -> Any:
    try:
        return check(value)
    except Unfit as unfit:
        unfit.at.append(name)
        raise
