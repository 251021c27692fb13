"""Amounts: numbers of things in words, and times as people type them: how long something took, or is ago."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from signal_log.errors import FilterError

_UNITS: Final = {"us": 1, "µs": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "min": 60_000_000, "h": 3_600_000_000}
_AGES: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
LONGEST_US: Final = 30 * 24 * 3_600_000_000
"""A time before and after any date remains a date."""
_DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*([a-zµ]+)", re.IGNORECASE)
_AGE: Final = re.compile(r"(\d{1,6})\s*([smhdw])", re.IGNORECASE)


class Took(NamedTuple):
    """A condition on a duration: at least, or at most, so many microseconds."""

    at_least: bool
    us: int


def parse_duration(name: str, text: str) -> int:
    """Microseconds of ``100ms``, ``1.5 s`` or ``250us``; raises ``FilterError``."""
    found = _DURATION.fullmatch(text.strip())
    unit = _UNITS.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise FilterError(f"'{name}' must be a duration such as 100ms, 1.5s or 250us, not {text[:50]!r}.")
    amount = round(float(found[1]) * unit)
    if amount > LONGEST_US:
        raise FilterError(f"'{name}' is a time of 30 days at most, not {text[:50]!r}.")
    return amount


@lru_cache(64)
def parse_took(name: str, text: str) -> Took:
    """``>100ms`` (or ``>=``, or nothing before it) and ``<2s``; raises ``FilterError``."""
    bare = text.strip()
    at_least = not bare.startswith("<")
    return Took(at_least, parse_duration(name, bare.lstrip("<>=")))


def parse_age(text: str) -> timedelta | None:
    """How long ago ``10m``, ``2h`` or ``1d`` is; None if it is no such text, and perhaps a time."""
    found = _AGE.fullmatch(text.strip())
    return timedelta(**{_AGES[found[2].lower()]: int(found[1])}) if found else None


def counted(number: int | float, noun: str, plural: str = "") -> str:
    """``1 operation``, ``1,200 operations``."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def counted_are(number: int, noun: str) -> str:
    """``1 event is``, ``1,200 events are``."""
    return f"{counted(number, noun)} {'is' if number == 1 else 'are'}"


def counted_up_to(number: int, noun: str, exact: int) -> str:
    """``1 event``, ``up to 20,000 events`` above what is counted exactly."""
    return counted(number, noun) if number <= exact else f"up to {counted(number, noun)}"
