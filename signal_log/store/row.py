"""Converts events to rows: columns in order, digest computed, values as the database driver expects them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from orjson import Fragment, dumps

from signal_log.event import Event, EventValues
from signal_log.models import SignalEvent
from signal_log.seal.canonical import canonical, compiled, digest, header_of, payload_of, subject_of, timestamp
from signal_log.vendor import vendor_of

TABLE: Final = SignalEvent._meta.db_table
COLUMNS: Final = Event._fields
NAMES: Final = ", ".join(f'"{column}"' for column in COLUMNS)

_AT: Final = {name: position for position, name in enumerate(COLUMNS)}
JSON_AT: Final = tuple(
    at for name, at in _AT.items() if isinstance(SignalEvent._meta.get_field(name), models.JSONField)
)
BYTES_AT: Final = (_AT["salt"], _AT["digest"])
USING_AT: Final = _AT["using"]
_TRACE, _MOMENT, _SALT, _DIGEST = _AT["trace_id"], _AT["occurred_at"], *BYTES_AT


as_dict: Final = compiled(COLUMNS)


def rows_of(events: Iterable[EventValues], connection: BaseDatabaseWrapper) -> list[list[Any]]:
    """The rows of events, with JSON columns as text.

    Subject, payload and JSON columns are encoded only where they differ from those of the event before: the two events
    of a save mostly share them.
    """
    on_sqlite = vendor_of(connection) == "sqlite"
    latest: list[Any] = [None] * len(COLUMNS)
    fragments: list[Any] = [None] * len(COLUMNS)
    texts = [""] * len(COLUMNS)
    in_subject: dict[str, Any] = {}
    in_payload: dict[str, Any] = {}
    subject = payload = b""
    rows = []
    for event in events:
        row: list[Any] = list(event)
        nested = [at for at in JSON_AT if row[at] is not None]
        for at in nested:
            value = row[at]
            if value is not latest[at]:
                latest[at], encoded = value, canonical(value)
                fragments[at], texts[at] = Fragment(encoded), encoded.decode()
            row[at] = fragments[at]
        occurred_at = row[_MOMENT]
        row[_MOMENT] = moment = timestamp(occurred_at)
        # What is nested is canonical already.
        if (values := subject_of(row)) != in_subject:
            in_subject, subject = values, dumps(values)
        if (values := payload_of(row)) != in_payload:
            in_payload, payload = values, dumps(values)
        row[_DIGEST] = digest(dumps(header_of(row)), subject, payload, row[_SALT])
        if on_sqlite:
            row[_TRACE] = row[_TRACE].replace("-", "")
            row[_MOMENT] = _sqlite_time(occurred_at, moment, connection)
        for at in nested:
            row[at] = texts[at]
        rows.append(row)
    return rows


def _sqlite_time(occurred_at: datetime, moment: str, connection: BaseDatabaseWrapper) -> str:
    """The time as Django stores it on SQLite; in UTC if ``USE_TZ`` is off."""
    zone = connection.timezone
    if zone is not None and zone is not UTC:
        return str(occurred_at.astimezone(zone).replace(tzinfo=None))
    return f"{moment[:10]} {moment[11:26]}".removesuffix(".000000")
