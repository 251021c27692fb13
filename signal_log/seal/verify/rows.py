"""Reads rows of the log in order of id, and computes each digest again from the row's values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any, Final, NamedTuple

from django.db import DatabaseError, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from orjson import Fragment, JSONDecodeError, JSONEncodeError, dumps, loads

from signal_log.conf import conf
from signal_log.event import INCOMPLETE, Event
from signal_log.models import SignalEvent
from signal_log.seal.canonical import (
    ERASED,
    canonical,
    digest_of_hashes,
    header_of,
    inner_hashes,
    parts,
    payload_of,
    subject_of,
)
from signal_log.vendor import vendor_of

PAGE: Final = 4096
"""Rows in memory at once."""
TABLE: Final = SignalEvent._meta.db_table
COLUMNS: Final = Event._fields
JSON_AT: Final = tuple(
    at for at, name in enumerate(COLUMNS) if isinstance(SignalEvent._meta.get_field(name), models.JSONField)
)
_DOMAIN: Final = b"signal_log/event/2\n"
_AT: Final = {name: at for at, name in enumerate((*COLUMNS, "id", "kept_hashes", "redacted_at"))}
_ID, _KEPT, _REDACTED = _AT["id"], _AT["kept_hashes"], _AT["redacted_at"]
_SALT, _DIGEST, _ERROR, _TRACE, _MOMENT = (_AT[name] for name in ("salt", "digest", "error", "trace_id", "occurred_at"))
_BOOLEANS: Final = (_AT["raw"], _AT["created"])
_TRUTH: Final = {0: False, 1: True}
_UNREADABLE: Final = (TypeError, ValueError, KeyError, JSONDecodeError, JSONEncodeError, RecursionError)
_POSTGRESQL: Final = {
    "trace_id": "trace_id::text",
    "occurred_at": "to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
}

_SQLITE: Final = {"occurred_at": "occurred_at || ''", "raw": "+raw", "created": "+created"}
"""Expressions, not columns: Django would convert what it knows the type of, which takes longer than all the rest."""


class Row(NamedTuple):
    """What verification knows of a row."""

    id: int
    leaf: bytes | None
    """The leaf's hash that its values give; None if they can be no event's."""
    stored: bytes
    """The one that its stored digest gives."""
    redacted: bool
    incomplete: bool
    """Whether the recorder itself says that it could not record everything of it."""


def rows_between(above: int, last: int) -> Iterator[list[Row]]:
    """All rows above an id up to the last, page by page; no transaction is held open."""
    connection = connections[conf.DATABASE]
    read = _reader(connection)
    while above < last:
        page = read(above, last)
        if not page:
            return
        yield page
        above = page[-1].id


def row_of(number: int) -> Row | None:
    """The row with this id."""
    return next((row for page in rows_between(number - 1, number) for row in page), None)


def _reader(connection: BaseDatabaseWrapper) -> Callable[[int, int], list[Row]]:
    on_sqlite = vendor_of(connection) == "sqlite"
    read_as = _SQLITE if on_sqlite else _POSTGRESQL
    columns = [read_as.get(name, f'"{name}"') for name in COLUMNS]
    selected = f"SELECT {', '.join(columns)}, id, kept_hashes, redacted_at FROM {TABLE}"  # noqa: S608  our own names
    page = f"{selected} WHERE id > %s AND id <= %s ORDER BY id LIMIT {PAGE}"
    hashed = Hashing(on_sqlite=on_sqlite)

    def read(above: int, last: int) -> list[Row]:
        try:
            with connection.cursor() as cursor:
                cursor.execute(page, [above, last])
                return [hashed.row(list(values)) for values in cursor.fetchall()]
        except (DatabaseError, UnicodeDecodeError):
            return _one_by_one(connection, f"{selected} WHERE id = %s", above, last, hashed)

    return read


def _one_by_one(connection: BaseDatabaseWrapper, selected: str, above: int, last: int, hashed: Hashing) -> list[Row]:
    """A page in which a row cannot be read: text that is no UTF-8, which somebody put past the recorder."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM {TABLE} WHERE id > %s AND id <= %s ORDER BY id LIMIT {PAGE}",  # noqa: S608
            [above, last],
        )
        numbers = [number for (number,) in cursor.fetchall()]
    rows = []
    for number in numbers:
        try:
            with connection.cursor() as cursor:
                cursor.execute(selected, [number])
                rows += [hashed.row(list(values)) for values in cursor.fetchall()]
        except (DatabaseError, UnicodeDecodeError):
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT digest FROM {TABLE} WHERE id = %s", [number])  # noqa: S608
                rows += [Row(number, None, _leaf(bytes(value)), False, False) for (value,) in cursor.fetchall()]
    return rows


class Hashing:
    """Computes leaves from raw rows; what consecutive rows share is encoded once."""

    def __init__(self, *, on_sqlite: bool) -> None:
        self._on_sqlite = on_sqlite
        self._texts: list[Any] = [None] * len(COLUMNS)
        self._fragments: list[Any] = [None] * len(COLUMNS)

    def row(self, row: list[Any]) -> Row:
        """From the values as the driver gives them."""
        number, kept, told = row[_ID], row[_KEPT], bytes(row[_DIGEST])
        redacted = kept is not None or row[_REDACTED] is not None
        try:
            incomplete = row[_ERROR].startswith(INCOMPLETE)
            digest = self._digest(row, bytes(kept) if kept is not None else None)
        except _UNREADABLE:
            incomplete, digest = False, None
        stored = _leaf(told)
        if digest == told:
            return Row(number, stored, stored, redacted, incomplete)
        digest = _carefully(number, digest)
        return Row(number, None if digest is None else _leaf(digest), stored, redacted, incomplete)

    def _digest(self, row: list[Any], kept: bytes | None) -> bytes:
        for at in JSON_AT:
            text = row[at]
            if text is not None:
                if text != self._texts[at]:
                    # Parsed, not taken as it stands: within the text of one column another could be hidden.
                    self._texts[at], self._fragments[at] = text, Fragment(canonical(loads(text)))
                row[at] = self._fragments[at]
        if self._on_sqlite:
            trace, moment = row[_TRACE], row[_MOMENT]
            row[_TRACE] = f"{trace[:8]}-{trace[8:12]}-{trace[12:16]}-{trace[16:20]}-{trace[20:]}"
            row[_MOMENT] = f"{moment[:10]}T{moment[11:19]}.{moment[20:] or '000000'}Z"
            for at in _BOOLEANS:
                if row[at] is not None:
                    row[at] = _TRUTH[row[at]]  # Django takes any number but 0 for true
        salt = bytes(row[_SALT])
        header, subject, payload = header_of(row), subject_of(row), payload_of(row)
        if kept is None:
            hashes = sha256(salt[:16] + dumps(subject)).digest() + sha256(salt[16:] + dumps(payload)).digest()
        else:
            hashes = _hash(salt[:16], subject, kept[:32]) + _hash(salt[16:], payload, kept[32:])
        return sha256(_DOMAIN + dumps(header) + b"\n" + hashes).digest()


def _hash(salt: bytes, part: dict[str, Any], kept: bytes) -> bytes:
    return kept if salt == ERASED else sha256(salt + dumps(part)).digest()


def _leaf(digest: bytes) -> bytes:
    return sha256(b"\x00" + digest).digest()


def _carefully(number: int, found: bytes | None) -> bytes | None:
    """The digest as Django reads the row: times in another zone, say, are stored otherwise than is assumed above."""
    try:
        event = SignalEvent.objects.get(pk=number)
        values = {field.attname: getattr(event, field.attname) for field in _FIELDS}
        kept = bytes(event.kept_hashes) if event.kept_hashes is not None else None
        return digest_of_hashes(parts(values).header, inner_hashes(values, bytes(event.salt), kept))
    except (*_UNREADABLE, DatabaseError, SignalEvent.DoesNotExist):
        return found


_FIELDS: Final = SignalEvent._meta.concrete_fields
