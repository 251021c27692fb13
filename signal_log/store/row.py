"""Converts an event to a row: columns in order, digest computed, values as the database driver expects them."""

from __future__ import annotations

from datetime import UTC
from operator import itemgetter
from typing import Any, Final

import orjson
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.event import Event
from signal_log.models import SignalEvent
from signal_log.seal.canonical import (
    HEADER_FIELDS,
    PAYLOAD_FIELDS,
    canonical,
    digest,
    payload_hash,
    timestamp,
)

TABLE: Final = SignalEvent._meta.db_table
COLUMNS: Final = Event._fields
NAMES: Final = ", ".join(f'"{column}"' for column in COLUMNS)

_AT: Final = {name: position for position, name in enumerate(COLUMNS)}
JSON_AT: Final = tuple(_AT[name] for name in ("update_fields", "origin", "changes", "receivers"))
BYTES_AT: Final = (_AT["salt"], _AT["digest"])
_TRACE, _MOMENT, _DIGEST = _AT["trace_id"], _AT["occurred_at"], _AT["digest"]
_HEADER: Final = itemgetter(*(_AT[name] for name in HEADER_FIELDS))
_PAYLOAD: Final = itemgetter(*(_AT[name] for name in PAYLOAD_FIELDS))


def row_of(event: Event, connection: BaseDatabaseWrapper) -> list[Any]:
    """The row of an event, with JSON columns as text."""
    row: list[Any] = list(event)
    trace, moment = str(event.trace_id), timestamp(event.occurred_at)
    row[_TRACE], row[_MOMENT] = trace, moment
    header = dict(zip(HEADER_FIELDS, _HEADER(row), strict=True))
    payload = dict(zip(PAYLOAD_FIELDS, _PAYLOAD(row), strict=True))
    row[_DIGEST] = digest(canonical(header), payload_hash(event.salt, canonical(payload)))
    if connection.vendor == "sqlite":
        row[_TRACE] = trace.replace("-", "")
        row[_MOMENT] = _sqlite_time(event, moment, connection)
    for at in JSON_AT:
        if row[at] is not None:
            row[at] = orjson.dumps(row[at]).decode()
    return row


def _sqlite_time(event: Event, moment: str, connection: BaseDatabaseWrapper) -> str:
    """The time as Django stores it on SQLite; in UTC if ``USE_TZ`` is off."""
    zone = connection.timezone
    if zone is not None and zone is not UTC:
        return str(event.occurred_at.astimezone(zone).replace(tzinfo=None))
    return f"{moment[:10]} {moment[11:26]}".removesuffix(".000000")
