"""The moments that ``since`` and ``until`` take, and which of two is the later one, read without a clock or a zone."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from typing import Final

LONGEST_AGO: Final = 100 * 365 * 86_400
"""Seconds: a time so long ago is still one that every zone has a date for."""
_RELATIVE: Final = re.compile(r"now|(?:now *- *)?([0-9]{1,6}) *([smhdw])", re.IGNORECASE)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_ABSOLUTE: Final = re.compile(
    r"([1-8][0-9]{3}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?) ?(Z|[+-][0-9]{2}(?::?[0-5][0-9])?)?)?"
)


def is_moment(text: str) -> bool:
    """Whether this is a time: ``now``, ``now-5m``, ``5m``, a date, or a date and a time, perhaps with its zone."""
    return _age(text) is not None or _on_a_calendar(text) is not None


def is_later(one: str, other: str) -> bool:
    """Whether the first of two moments is surely the later one; unknown of ages beside dates, and of unlike zones."""
    ages = _age(one), _age(other)
    if ages[0] is not None and ages[1] is not None:
        return ages[0] < ages[1]
    days = _on_a_calendar(one), _on_a_calendar(other)
    if days[0] is None or days[1] is None or (days[0].tzinfo is None) != (days[1].tzinfo is None):
        return False
    return days[0] > days[1]


def _age(text: str) -> int | None:
    """Seconds before now."""
    found = _RELATIVE.fullmatch(text)
    if found is None:
        return None
    seconds = int(found[1]) * _SECONDS[found[2].lower()] if found[1] else 0
    return seconds if seconds <= LONGEST_AGO else None


def _on_a_calendar(text: str) -> datetime | None:
    """A date or a date and a time; without a zone it has none."""
    found = _ABSOLUTE.fullmatch(text)
    if found is None:
        return None
    with suppress(ValueError):
        return datetime.fromisoformat(f"{found[1]}T{found[2] or '00:00'}{found[3] or ''}")
    return None
