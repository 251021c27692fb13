"""A place in several logs, as the parameters of an address: ``120@a.example.org``, one for each log."""

from __future__ import annotations

from collections.abc import Iterable

from signal_log.errors import FilterError
from signal_log.show.logs.merging import Places
from signal_log.show.query.query import event_number


def written(places: Places) -> list[str]:
    """The values of the parameter."""
    return [f"{number}@{origin}" for origin, number in sorted(places.items())]


def parse_places(key: str, texts: Iterable[str]) -> Places:
    """Read them; raises ``FilterError``."""
    found: Places = {}
    for text in filter(None, texts):
        number, _, origin = text.partition("@")
        if not origin:
            raise FilterError(f"'{key}' must be places such as 120@a.example.org, one for each log, not {text[:50]!r}.")
        found[origin] = event_number(key, number)
    return found
