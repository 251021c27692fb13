"""The way of an event on one screen: capture → store → doorbell."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.operations import BaseDatabaseOperations

from signal_log.capture import patches, wiring
from signal_log.conf import conf
from signal_log.event import Event
from signal_log.store import append_only
from signal_log.store.append import append
from signal_log.store.row import TABLE
from signal_log.tail import doorbell


class Pipeline:
    """The sink that capture is handed."""

    def append(self, events: Sequence[Event], connection: BaseDatabaseWrapper, *, last: bool = False) -> None:
        """Right before COMMIT, on the connection of the change."""
        append(events, connection, last=last)

    def mentions_log(self, sql: str) -> bool:
        """A statement that names the table reads its own transaction's events."""
        return TABLE in sql

    def has_table(self) -> bool:
        """A project's first migrations write before this app's have run."""
        return TABLE in connections[conf.DATABASE].introspection.table_names()

    def ring(self) -> None:
        """Right after COMMIT."""
        doorbell.ring()


def open_flush() -> None:
    """Let Django's ``flush`` pass the triggers that guard the log, whether anything is recorded or not."""
    append_only.watch_connections()
    patches.replace(BaseDatabaseOperations, "execute_sql_flush", append_only.flush)


def start() -> None:
    """Record from now on, as the settings are now."""
    stop()
    open_flush()
    wiring.start(Pipeline())


def stop() -> None:
    """Record no more, and leave nothing changed."""
    wiring.stop()
