"""A place in several logs, as the parameters of an address: ``120@a.example.org``, one for each log.

Of a log that has not answered yet it is a moment: ``2026-11-29T15:00:00.000000Z@b.example.org``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from signal_log.errors import FilterError
from signal_log.moments import parse_moment
from signal_log.seal.canonical import timestamp
from signal_log.show.logs.merging import Place, Places
from signal_log.show.query.query import event_number


def written(places: Places) -> list[str]:
    """The values of the parameter."""
    return [f"{_written(place)}@{origin}" for origin, place in sorted(places.items())]


def parse_places(key: str, texts: Iterable[str]) -> Places:
    """Read them; raises ``FilterError``."""
    found: Places = {}
    for text in filter(None, texts):
        place, _, origin = text.partition("@")
        if not origin:
            raise FilterError(f"'{key}' must be places such as 120@a.example.org, one for each log, not {text[:50]!r}.")
        found[origin] = _parsed(key, place)
    return found


def _written(place: Place) -> str:
    return timestamp(place) if isinstance(place, datetime) else str(place)


def _parsed(key: str, text: str) -> Place:
    moment = parse_moment(key, text) if "T" in text else None
    return moment or event_number(key, text)
