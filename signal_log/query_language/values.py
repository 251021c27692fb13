"""The values that keys take: how each is spelled, and what is wrong with one that makes no sense."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final

from signal_log.amounts import parse_took
from signal_log.errors import FilterError
from signal_log.event import OUTCOMES
from signal_log.query_language import messages
from signal_log.query_language.keys import ANY, MOMENTS, OVERWROTE, TOOK

LONGEST_AGO: Final = 100 * 365 * 86_400
"""Seconds: a time so long ago is still one that every zone has a date for."""
_RELATIVE: Final = re.compile(r"now|(?:now *- *)?([0-9]{1,6}) *([smhdw])", re.IGNORECASE)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_ABSOLUTE: Final = re.compile(
    r"([1-8][0-9]{3}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?) ?(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_UUID: Final = re.compile("[0-9A-Fa-f]{8}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{12}")
_TOOK: Final = re.compile(r"(?:>=?|<=?)? *[0-9]{1,9}(?:\.[0-9]{1,6})? *[A-Za-zµ]{1,3}")


class BadValue(ValueError):
    """A value that makes no sense; its text is the message."""


def spelled(key: str, text: str) -> str:
    """A value as events have it; raises ``BadValue``."""
    return _SPELLED[key](text) if key in _SPELLED else text


def is_moment(text: str) -> bool:
    """Whether this is a time: ``now``, ``now-5m``, ``5m``, a date, or a date and a time, perhaps with its zone."""
    if relative := _RELATIVE.fullmatch(text):
        return relative[1] is None or int(relative[1]) * _SECONDS[relative[2].lower()] <= LONGEST_AGO
    found = _ABSOLUTE.fullmatch(text)
    if found is None:
        return False
    with suppress(ValueError):
        datetime.fromisoformat(f"{found[1]}T{(found[2] or '00:00')[:8]}")
        zone = (found[3] or "Z").replace(":", "")
        return zone == "Z" or (int(zone[1:3]) < 24 and int(zone[3:] or 0) < 60)
    return False


def _outcome(text: str) -> str:
    if text.lower() not in OUTCOMES:
        raise BadValue(messages.NO_OUTCOME)
    return text.lower()


def _trace(text: str) -> str:
    if not _UUID.fullmatch(text):
        raise BadValue(messages.NO_TRACE)
    return str(uuid.UUID(text))


def _took(text: str) -> str:
    try:
        if not _TOOK.fullmatch(text):
            raise BadValue(messages.NO_DURATION)
        parse_took(TOOK, text)
    except FilterError:
        raise BadValue(messages.NO_DURATION) from None
    return text


def _overwrote(text: str) -> str:
    return ANY if text.lower() in (ANY, "true") else text


def _moment(text: str) -> str:
    if not is_moment(text):
        raise BadValue(messages.NO_MOMENT)
    return text


_SPELLED: Final[Mapping[str, Callable[[str], str]]] = {
    "outcome": _outcome, "trace": _trace, TOOK: _took, OVERWROTE: _overwrote, **dict.fromkeys(MOMENTS, _moment),
}  # fmt: skip
