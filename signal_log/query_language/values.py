"""The values that keys take: how each is spelled, and what is wrong with one that makes no sense."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from typing import Final

from signal_log.amounts import parse_took
from signal_log.errors import FilterError
from signal_log.event import OUTCOMES
from signal_log.query_language import messages
from signal_log.query_language.keys import ANY, MOMENTS, OVERWROTE, PINNED, TOOK
from signal_log.query_language.times import is_moment

_UUID: Final = re.compile("[0-9A-Fa-f]{8}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{12}")
_TOOK: Final = re.compile(r"(?:>=?|<=?)? *[0-9]{1,9}(?:\.[0-9]{1,6})? *[A-Za-zµ]{1,3}")


class BadValue(ValueError):
    """A value that makes no sense; its text is the message."""


def spelled(key: str, text: str) -> str:
    """A value as events have it; raises ``BadValue``."""
    return _SPELLED[key](text) if key in _SPELLED else text


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


def _pinned(text: str) -> str:
    if text.lower() not in (ANY, "true"):
        raise BadValue(messages.NO_PIN)
    return ANY


def _moment(text: str) -> str:
    if not is_moment(text):
        raise BadValue(messages.NO_MOMENT)
    return text


_SPELLED: Final[Mapping[str, Callable[[str], str]]] = {
    "outcome": _outcome, "trace": _trace, TOOK: _took, OVERWROTE: _overwrote, PINNED: _pinned,
    **dict.fromkeys(MOMENTS, _moment),
}  # fmt: skip
