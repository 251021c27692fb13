"""Reads what events tell of rows, many at once: as plain tuples, and without Django's conversion of each value."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connections
from django.db.models import F, IntegerField, QuerySet, TextField
from django.db.models.functions import Cast

from signal_log.audit.breaks.continuity import Event
from signal_log.models import SignalEvent
from signal_log.vendor import vendor_of

_JSON: Final = frozenset({"changes", "overwrote", "origin"})
_MOMENTS: Final = frozenset({"occurred_at", "redacted_at"})
_BOOLEANS: Final = frozenset({"created", "raw"})
_decoded: Final[Callable[[str], Any]] = json.JSONDecoder().decode


def told(events: QuerySet[SignalEvent], size: int) -> Iterator[Event]:
    """The events in their order, ``size`` fetched at once."""
    is_sqlite = vendor_of(connections[events.db]) == "sqlite"
    as_text = _JSON | _MOMENTS if is_sqlite else _JSON
    as_number = _BOOLEANS if is_sqlite else frozenset()
    columns = [
        Cast(name, TextField()) if name in as_text
        else Cast(name, IntegerField()) if name in as_number
        else F("id" if name == "pk" else name)
        for name in Event._fields
    ]  # fmt: skip
    read: dict[str, Callable[[Any], Any]] = dict.fromkeys(_JSON, _json)
    if is_sqlite:
        read |= dict.fromkeys(_MOMENTS, _moment) | dict.fromkeys(_BOOLEANS, bool)
    places = [(at, read[name]) for at, name in enumerate(Event._fields) if name in read]
    for row in events.values_list(*columns).iterator(chunk_size=size):
        values = list(row)
        for at, reading in places:
            if values[at] is not None:
                values[at] = reading(values[at])
        yield Event._make(values)


def _json(text: str) -> Any:
    return [] if text == "[]" else _decoded(text)


def _moment(text: str) -> datetime:
    """SQLite stores UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
