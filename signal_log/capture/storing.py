"""Hands settled events to the sink: in the change's transaction, or afterwards where it was undone."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Sequence
from typing import Final

from django.db import DatabaseError, Error, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.collecting import hand_over, is_listening
from signal_log.capture.sink import sink
from signal_log.capture.trace import Draft
from signal_log.capture.unrecorded import unrecorded
from signal_log.conf import conf
from signal_log.event import MIGRATION, Event

SALT_BYTES: Final = 16
_HOST: Final = socket.gethostname()[:150]


def process_name() -> str:
    """``host:pid`` of this process."""
    return f"{_HOST}:{os.getpid()}"


def frozen(drafts: Iterable[Draft]) -> list[Event]:
    """The drafts as values, each with its own salt."""
    process = process_name()
    return [draft.freeze(process, os.urandom(SALT_BYTES)) for draft in drafts]


def store(events: Sequence[Event], connection: BaseDatabaseWrapper) -> None:
    """Write events in the host's transaction, as ``ON_ERROR`` says when that fails."""
    if conf.ON_ERROR == "raise":
        _append(events, connection)
        return
    savepoint = type(connection).savepoint(connection) or ""
    try:
        _append(events, connection)
    except DatabaseError as error:
        type(connection).savepoint_rollback(connection, savepoint)
        unrecorded.add(len(events), error)
    else:
        type(connection).savepoint_commit(connection, savepoint)


def settle(drafts: Sequence[Draft]) -> None:
    """The change is committed: write what the log in another database is still owed, and tell the readers."""
    owed = [draft for draft in drafts if draft.written_at is None]
    if owed:
        store_elsewhere(frozen(owed))
    announce(drafts)


def store_undone(drafts: Sequence[Draft], connection: BaseDatabaseWrapper) -> None:
    """Record rolled-back work in a transaction of its own; never in the way of the exception under way."""
    if not drafts:
        return
    try:
        if connection.alias == conf.DATABASE:
            _store_alone(frozen(drafts), connection)
        else:
            store_elsewhere(frozen(drafts))
    except Error as error:
        unrecorded.add(len(drafts), error)
    announce(drafts)


def _store_alone(events: Sequence[Event], connection: BaseDatabaseWrapper) -> None:
    """Write events on a connection whose transaction has just ended, in one of their own."""
    try:
        _append(events, connection)
        if not connection.autocommit:
            connection._commit()  # type: ignore[attr-defined]
    except Error:
        if not connection.autocommit:  # PostgreSQL's driver would not go back to autocommit in a failed one
            connection._rollback()  # type: ignore[attr-defined]
        raise


def store_elsewhere(events: Sequence[Event]) -> None:
    """Write events whose change is already decided, through the connection of the log's database."""
    connection = connections[conf.DATABASE]
    if connection.in_atomic_block:
        store(events, connection)
        return
    try:
        with transaction.atomic(using=conf.DATABASE):
            _append(events, connection)
    except Error as error:
        if conf.ON_ERROR == "raise":
            raise
        unrecorded.add(len(events), error)


def _append(events: Sequence[Event], connection: BaseDatabaseWrapper) -> None:
    """To the sink, but for what a project's first migrations write before the log's own have made its table."""
    if events[0].source == MIGRATION and not sink().has_table():
        return
    sink().append(events, connection)


def announce(drafts: Sequence[Draft]) -> None:
    if is_listening():
        hand_over(frozen(drafts))
    sink().ring()
