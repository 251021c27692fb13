"""Passes settled events to the sink: in the change's transaction or, if it was rolled back, afterwards."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from django.db import DatabaseError, Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.sink import sink
from signal_log.capture.trace.copies import without_copies
from signal_log.capture.trace.draft import Draft, values_of, watchers
from signal_log.capture.transaction.state import is_open
from signal_log.capture.transaction.unrecorded import unrecorded
from signal_log.conf import conf
from signal_log.event import COMMITTED, MIGRATION
from signal_log.vendor import vendor_of

SAVEPOINT: Final = "signal_log_events"
_HOST: Final = socket.gethostname()[:150]


def process_name() -> str:
    """``host:pid`` of this process."""
    return _name_of(os.getpid())


@lru_cache(maxsize=8)
def _name_of(pid: int) -> str:
    return f"{_HOST}:{pid}"


def store(drafts: Sequence[Draft], connection: BaseDatabaseWrapper, *, last: bool = False) -> None:
    """Write events in the host's transaction; ``ON_ERROR`` decides what happens on failure."""
    if conf.ON_ERROR == "raise":
        _append(drafts, connection, last=last)
        return
    _savepoint("SAVEPOINT", connection)
    try:
        _append(drafts, connection)
    except DatabaseError as error:
        try:
            _savepoint("ROLLBACK TO SAVEPOINT", connection)
        except DatabaseError:  # the whole transaction is lost, so the host has nothing to continue with
            raise error from error.__cause__
        _lost(drafts, error)
    else:
        _savepoint("RELEASE SAVEPOINT", connection)


def _savepoint(verb: str, connection: BaseDatabaseWrapper) -> None:
    """Issue a savepoint command at driver level, inside a transaction only and outside the host's query log."""
    if is_open(connection):
        with connection.wrap_database_errors:
            connection.connection.execute(f"{verb} {SAVEPOINT}")


def store_after(drafts: Sequence[Draft], connection: BaseDatabaseWrapper) -> None:
    """Write events in a new transaction on a connection whose own has just ended."""
    try:
        _append(drafts, connection)
        if not connection.autocommit:
            with connection.wrap_database_errors:
                connection.connection.commit()  # the driver's: Django's own would log it among the host's statements
    except Error as error:
        _lost(drafts, error)
        if not connection.autocommit:  # psycopg refuses to return to autocommit inside a failed transaction
            connection._rollback()  # type: ignore[attr-defined]
        raise


def store_elsewhere(drafts: Sequence[Draft]) -> None:
    """Write events whose outcome is already decided, on the log's connection, which is in autocommit.

    The sink makes one statement of them, or a transaction of its own that the host's query log does not see.
    """
    if sink().is_forbidden():
        return
    try:
        _append(drafts, connections[conf.DATABASE])  # one statement, or a transaction of its own
    except Error as error:
        _lost(drafts, error)
        if conf.ON_ERROR == "raise":
            raise


def store_on_copy(drafts: Sequence[Draft], connection: BaseDatabaseWrapper) -> bool:
    """Write on a separate connection; False if the open block excludes other writers, as on SQLite."""
    fresh = connection.copy()
    if vendor_of(fresh) == "sqlite":
        fresh.settings_dict["OPTIONS"] = {**fresh.settings_dict["OPTIONS"], "timeout": 0}
    try:
        _append(drafts, fresh)
    except Error:
        return False
    finally:
        fresh.close()
    return True


def _lost(drafts: Sequence[Draft], error: BaseException) -> None:
    undone = sum(draft.outcome not in (None, COMMITTED) for draft in drafts)
    unrecorded.add(len(drafts), error, undone=undone)


def _append(drafts: Sequence[Draft], connection: BaseDatabaseWrapper, *, last: bool = False) -> None:
    """Append to the sink, except for what a project's first migrations write before the log's table exists."""
    if drafts[0].scene.trace.context.source == MIGRATION and not sink().has_table():
        return
    sink().append(_values(drafts), connection, last=last)


def _values(drafts: Sequence[Draft]) -> list[list[Any]]:
    """The values of events as they are written and told of: without copies of what is masked."""
    return without_copies(drafts, values_of(drafts, process_name()))


def announce(drafts: Sequence[Draft]) -> None:
    """Let those who collect events know their outcome, and ring the doorbell."""
    if watchers[0]:
        for draft in drafts:
            draft.outcome = draft.outcome or COMMITTED
    sink().ring()
