"""How a trigger knows that Django writes, with the recorder: by what only such a connection has, at no query a write.

On PostgreSQL a setting of the session, made once for each connection to the server. On SQLite, where a trigger that
calls an unknown function would stop every other program, a function that every SQLite has: ``char()`` with so many
arguments as nobody gives it, which these connections have replaced.
"""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakSet

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from signal_log.capture.sink import is_recording
from signal_log.vendor import vendor_of

SETTING: Final = "signal_log.recorder"
NOT_RECORDED: Final = {
    "postgresql": f"current_setting('{SETTING}', true) IS DISTINCT FROM 'on'",
    "sqlite": f"char({', '.join(str(ord(letter)) for letter in 'signal_log: past Django?')}) IS NOT NULL",
}
"""The condition under which a trigger tells."""
NOT_OURS: Final = {
    "postgresql": NOT_RECORDED["postgresql"],
    "sqlite": f"char({', '.join(str(ord(letter)) for letter in 'signal_log: is it Django?')}) IS NOT NULL",
}
"""The condition under which a trigger refuses: it is not Django, whether the recorder is on or not."""
_ARGUMENTS: Final = len("signal_log: past Django?")
_ARGUMENTS_OF_OURS: Final = len("signal_log: is it Django?")
_UID: Final = "signal_log.guard"

_flagged: Final[WeakSet[Any]] = WeakSet()
"""The driver's connections to PostgreSQL that have the setting: a pool hands the same one out again and again."""


def watch_connections() -> None:
    """Mark all connections of this process, now and later."""
    connection_created.connect(_mark, dispatch_uid=_UID)
    for connection in connections.all(initialized_only=True):
        if connection.connection is not None:
            _mark(connection)


def unwatch_connections() -> None:
    """Mark no further ones, and take back what can be taken back."""
    connection_created.disconnect(dispatch_uid=_UID)
    for connection in connections.all(initialized_only=True):
        raw = connection.connection
        if raw is not None and raw in _flagged:
            _flagged.discard(raw)
            _set(raw, "off")


def _mark(connection: BaseDatabaseWrapper, **_: Any) -> None:
    raw: Any = connection.connection
    vendor = vendor_of(connection)
    if vendor == "sqlite":
        raw.create_function("char", _ARGUMENTS, _char)
        raw.create_function("char", _ARGUMENTS_OF_OURS, _nothing)
    elif vendor == "postgresql" and raw not in _flagged:
        try:
            stays = _set(raw, "on")
        except (Error, connection.Database.Error):  # type: ignore[attr-defined]  # whatever it is, the host will meet it
            return
        if stays:
            _flagged.add(raw)


def _set(raw: Any, value: str) -> bool:
    """Below Django's cursors, so that the host's query log does not have it; returns whether no ROLLBACK undoes it."""
    if raw.closed or raw.broken or raw.info.transaction_status not in (_IDLE, _IN_TRANSACTION):
        return False
    is_ours = raw.info.transaction_status == _IDLE
    raw.execute(f"SET {SETTING} = '{value}'")
    if is_ours and not raw.autocommit:
        raw.commit()
    return bool(is_ours)


_IDLE: Final = 0  # libpq's PQTRANS_IDLE
_IN_TRANSACTION: Final = 2  # PQTRANS_INTRANS


def _char(*codes: int) -> str | None:
    """What a trigger asks: null while the recorder is on, else what SQLite's own function would say."""
    return None if is_recording() else "".join(map(chr, codes))


def _nothing(*_: int) -> None:
    """What a trigger asks that refuses others."""
