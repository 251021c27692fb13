"""Takes events as they happen: held until the outcome of their transaction is known, or written now in autocommit."""

from __future__ import annotations

from collections.abc import Sequence
from threading import get_ident

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.model.loaded import Fate
from signal_log.capture.trace.draft import Draft
from signal_log.capture.transaction.held import HELD, Held, held_on, settle, settle_undone
from signal_log.capture.transaction.state import begun_by_sql, in_transaction


def record(drafts: Sequence[Draft], connection: BaseDatabaseWrapper) -> Fate:
    """Hold decided events until the connection's transaction ends; in autocommit, write them now.

    Returns what becomes of their change.
    """
    connection = _own(connection)
    held = held_on(connection)
    for draft in drafts:
        held.add(draft)
    fate = held.fate
    if in_transaction(connection):
        return fate
    held.by_sql = begun_by_sql(connection)
    try:
        held.write()
    finally:
        drafts = () if held.by_sql else held.end()
    if drafts:
        settle(drafts)
    return fate


def record_undone(drafts: Sequence[Draft], connection: BaseDatabaseWrapper) -> None:
    """The same for events of work that failed; their transaction may be broken, so nothing is written into it."""
    connection = _own(connection)
    by_sql = begun_by_sql(connection)
    if not in_transaction(connection) and not by_sql:
        settle_undone(drafts, connection)
        return
    held = held_on(connection)
    held.by_sql = by_sql
    for draft in drafts:
        held.append(draft)


def fate_now(using: str) -> Fate | None:
    """What becomes of what is done now on this database; None where no transaction holds events."""
    held: Held | None = connections[using].__dict__.get(HELD) if using in connections else None
    return held.fate if held is not None else None


def _own(connection: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """This thread's connection: a coroutine may have come here from another one."""
    if connection._thread_ident == get_ident():  # type: ignore[attr-defined]
        return connection
    return connections[connection.alias]


def has_written(connection: BaseDatabaseWrapper) -> bool:
    """Whether this transaction has written before, as far as we know, so that it holds SQLite's one lock."""
    held: Held | None = connection.__dict__.get(HELD)
    return held is not None and held.has_written


def note_written(connection: BaseDatabaseWrapper) -> None:
    """This transaction writes."""
    held_on(connection).has_written = True
