"""Hands settled events to the sink: in the change's transaction, or afterwards where it was undone."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from django.db import DatabaseError, Error, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.sink import sink
from signal_log.capture.trace.trace import Draft
from signal_log.capture.transaction.collecting import hand_over, is_listening
from signal_log.capture.transaction.unrecorded import unrecorded
from signal_log.conf import conf
from signal_log.event import COMMITTED, MIGRATION, Event

SALT_BYTES: Final = 16
SAVEPOINT: Final = "signal_log_events"
MOST_WAITING: Final = 1_000
"""So many events wait for a block on the log's connection to end; what is more goes through a connection of its own."""
_HOST: Final = socket.gethostname()[:150]


def process_name() -> str:
    """``host:pid`` of this process."""
    return f"{_HOST}:{os.getpid()}"


def frozen(drafts: Sequence[Draft]) -> list[Event]:
    """The drafts as values, each with its own salt."""
    process = process_name()
    salts = os.urandom(SALT_BYTES * len(drafts))
    return [draft.freeze(process, salts[i * SALT_BYTES : (i + 1) * SALT_BYTES]) for i, draft in enumerate(drafts)]


def store(events: Sequence[Event], connection: BaseDatabaseWrapper, *, last: bool = False) -> None:
    """Write events in the host's transaction, as ``ON_ERROR`` says when that fails."""
    if conf.ON_ERROR == "raise":
        _append(events, connection, last=last)
        return
    _savepoint("SAVEPOINT", connection)
    try:
        _append(events, connection)
    except DatabaseError as error:
        try:
            _savepoint("ROLLBACK TO SAVEPOINT", connection)
        except DatabaseError:  # the whole transaction is lost, and nothing of the host's is there to go on with
            raise error from error.__cause__
        unrecorded.add(len(events), error)
    else:
        _savepoint("RELEASE SAVEPOINT", connection)


def _savepoint(verb: str, connection: BaseDatabaseWrapper) -> None:
    """Our own one in a transaction, below Django's methods and out of the host's query log."""
    if connection.connection is not None and not connection.autocommit:
        with connection.wrap_database_errors:
            connection.connection.execute(f"{verb} {SAVEPOINT}")


def settle(drafts: Sequence[Draft]) -> None:
    """The change is committed: write what the log in another database is still owed, and tell the readers."""
    owed = [draft for draft in drafts if draft.written_at is None]
    if owed and _left_to_the_log(owed):
        return
    if owed:
        store_elsewhere(frozen(owed))
    announce(drafts)


def settle_committed(drafts: Sequence[Draft], connection: BaseDatabaseWrapper) -> None:
    """The same within the connection's ``commit``: there an error would cost the host its ``on_commit`` hooks."""
    try:
        settle(drafts)
    except Error as error:
        last: Any = (set(), partial(_raise, error), False)
        connection.run_on_commit.append(last)


def _raise(error: Error) -> None:
    raise error


def store_undone(drafts: Sequence[Draft], connection: BaseDatabaseWrapper) -> None:
    """Record rolled-back work in a transaction of its own; never in the way of the exception under way."""
    if not drafts or (connection.alias != conf.DATABASE and _left_to_the_log(drafts)):
        return
    with suppress(Error):
        if connection.alias == conf.DATABASE:
            _store_alone(frozen(drafts), connection)
        else:
            store_elsewhere(frozen(drafts))
    announce(drafts)


def _store_alone(events: Sequence[Event], connection: BaseDatabaseWrapper) -> None:
    """Write events on a connection whose transaction has just ended, in one of their own."""
    try:
        _append(events, connection)
        if not connection.autocommit:
            connection._commit()  # type: ignore[attr-defined]
    except Error as error:
        unrecorded.add(len(events), error)
        if not connection.autocommit:  # PostgreSQL's driver would not go back to autocommit in a failed one
            connection._rollback()  # type: ignore[attr-defined]
        raise


def store_elsewhere(events: Sequence[Event]) -> None:
    """Write events whose change is already decided, through the connection of the log's database."""
    try:
        with transaction.atomic(using=conf.DATABASE):
            _append(events, connections[conf.DATABASE])
    except Error as error:
        unrecorded.add(len(events), error)
        if conf.ON_ERROR == "raise":
            raise


def _left_to_the_log(drafts: Sequence[Draft]) -> bool:
    """Whether the log's connection is in a block: it then writes them at its end, so that its rollback undoes none."""
    from signal_log.capture.transaction.held import held_on  # it imports this module

    connection = connections[conf.DATABASE]
    if not connection.in_atomic_block and (connection.connection is None or connection.autocommit):
        return False
    held = held_on(connection)
    if len(held.drafts) >= MOST_WAITING and not held.test_blocks and _stored_beside(drafts, connection):
        announce(drafts)
        return True
    for draft in drafts:
        draft.outcome = draft.outcome or COMMITTED
        held.add(draft)
    return True


def _stored_beside(drafts: Sequence[Draft], connection: BaseDatabaseWrapper) -> bool:
    """Write through a connection of their own; False where the block keeps others out, as SQLite's one writer does."""
    fresh = connection.copy()
    if fresh.vendor == "sqlite":
        fresh.settings_dict["OPTIONS"] = {**fresh.settings_dict["OPTIONS"], "timeout": 0}
    try:
        _append(frozen(drafts), fresh)
    except Error:
        return False
    finally:
        fresh.close()
    return True


def _append(events: Sequence[Event], connection: BaseDatabaseWrapper, *, last: bool = False) -> None:
    """To the sink, but for what a project's first migrations write before the log's own have made its table."""
    if events[0].source == MIGRATION and not sink().has_table():
        return
    sink().append(events, connection, last=last)


def announce(drafts: Sequence[Draft]) -> None:
    if is_listening():
        hand_over(frozen(drafts))
    sink().ring()
