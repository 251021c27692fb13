"""Connects the stages of an event: capture → store → doorbell; and of its telemetry: capture → keeper."""

from __future__ import annotations

import atexit
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.operations import BaseDatabaseOperations

from signal_log import maintenance
from signal_log.audit import reads, reasons
from signal_log.audit.guard import flag
from signal_log.capture import patches, wiring
from signal_log.capture.trace import answers
from signal_log.capture.trace.trace import Trace
from signal_log.conf import conf
from signal_log.event import EventValues
from signal_log.models import loading_fixture
from signal_log.store import append_only
from signal_log.store.append import append, is_forbidden
from signal_log.store.row import TABLE
from signal_log.tail import doorbell
from signal_log.telemetry import keeper, spans
from signal_log.telemetry.waiting import waiting


class Pipeline:
    """The sink passed to capture."""

    def append(self, events: Sequence[EventValues], connection: BaseDatabaseWrapper, *, last: bool = False) -> None:
        """Called right before COMMIT, on the connection of the change."""
        append(events, connection, last=last)

    def mentions_log(self, sql: str) -> bool:
        """Whether the statement names the log's table, unless it loads a row of a fixture into it."""
        return TABLE in sql and not loading_fixture.get()

    def has_table(self) -> bool:
        """Whether the log's table exists: a project's first migrations run before this app's."""
        return not self.is_forbidden() and TABLE in connections[conf.DATABASE].introspection.table_names()

    def is_forbidden(self) -> bool:
        """Whether a test that does not name the log's database is running."""
        return is_forbidden(connections[conf.DATABASE])

    def ring(self) -> None:
        """Called right after COMMIT."""
        doorbell.ring()

    def take_calls(self, trace: Trace) -> None:
        """Called while a trace runs that has many calls."""
        calls = trace.gathered.calls
        keeper.take_calls(trace)
        if trace.gathered.calls is not calls:
            spans.keep_longest(trace, calls)

    def take_ended(self, trace: Trace) -> None:
        """Called when a trace has ended."""
        spans.tell(trace)
        keeper.take_ended(trace)

    def take_unkept(self, trace: Trace) -> None:
        """Called when a trace has ended that is kept only if a session records it."""
        keeper.take_unkept(trace)

    def write_kept(self) -> None:
        """Called after traces that ended in an event loop, and at the end of a shell."""
        keeper.write_kept(connect=True)

    def enqueued(self, trace: Trace, task: str) -> None:
        """Called when a recorded trace has enqueued a task."""
        keeper.enqueued(trace, task)

    def sessions_of_task(self, task: str) -> tuple[int, ...]:
        """Called when a task begins."""
        return keeper.sessions_of_task(task)


def unlock_flush() -> None:
    """Let ``flush`` pass the log's triggers until ``stop``; needed even where wrong settings prevent a start."""
    append_only.watch_connections()
    patches.replace(BaseDatabaseOperations, "execute_sql_flush", _flush)


def _flush(original: Any) -> Any:
    """Wrap ``BaseDatabaseOperations.execute_sql_flush``: what waits for the emptied database goes, too."""
    flush = maintenance.flush(original)

    def execute_sql_flush(self: BaseDatabaseOperations, sql_list: Iterable[str]) -> None:
        flush(self, sql_list)
        if self.connection.alias == conf.DATABASE:
            waiting.forget()

    return execute_sql_flush


def start() -> None:
    """Start recording, with the current settings."""
    stop()
    unlock_flush()
    wiring.start(Pipeline())
    flag.watch_connections()
    answers.look_with(reads.look)
    reasons.install()
    atexit.register(keeper.write_last)


def stop() -> None:
    """Stop recording and undo all patches."""
    answers.look_with()
    flag.unwatch_connections()
    wiring.stop()
    waiting.forget()
    atexit.unregister(keeper.write_last)
