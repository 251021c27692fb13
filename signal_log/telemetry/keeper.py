"""Keeps what traces gather: decides when the thread that ran a trace writes it, never in the host's way.

Written is after the host's work, in a transaction of its own on the connection that the thread already has: at the
end of a request, command, task or message, and every 1,000 calls; lone operations at most once a second. Where that
is impossible now (inside a block of the host's, in an event loop, without a connection) it waits for the next trace
that ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
from datetime import timedelta
from typing import Any, Final

import orjson
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log import clock
from signal_log.capture.model.error_text import error_text
from signal_log.capture.model.snapshot import clean_truncated
from signal_log.capture.silent.known_names import shown_text
from signal_log.capture.trace.gathered import HAND_OVER
from signal_log.capture.trace.membership import running, sessions_of
from signal_log.capture.trace.tasks import SOURCE as TASK
from signal_log.capture.trace.trace import Trace
from signal_log.capture.transaction.state import in_transaction, is_doomed
from signal_log.conf import conf
from signal_log.event import MIGRATION
from signal_log.interruption import let_interruption_pass
from signal_log.store.append import is_forbidden
from signal_log.telemetry import session_tasks, sessions, write
from signal_log.telemetry.lost import lost
from signal_log.telemetry.waiting import MAX_CALLS, Batch, TraceRow, waiting

logger = logging.getLogger("signal_log")

LONE_EVERY: Final = 1.0
"""Seconds between two writes of lone operations' telemetry; a killed process loses that of the last one."""
LATER: Final = 100
"""After so many more calls, a long trace that could not hand over its calls tries again."""

_TRACE_CHARS: Final = {"source": 100, "name": 520, "status": 100}


def take_calls(trace: Trace) -> None:
    """A running trace has gathered many calls: write them now if that is possible, else keep or drop them."""
    gathered = trace.gathered
    try:
        if _ready() is not None:
            _keep(trace)
            write_waiting()
            gathered.due_at = HAND_OVER
            return
    except Exception as error:  # noqa: BLE001  never the host's problem
        lost.add(0, len(gathered.calls), error_text(error))
        gathered.calls = []
        gathered.due_at = HAND_OVER
        return
    surplus = len(gathered.calls) - MAX_CALLS
    if surplus > 0:
        del gathered.calls[MAX_CALLS:]
        lost.add(0, surplus, f"one transaction called receivers more than {MAX_CALLS:,} times")
    gathered.due_at = len(gathered.calls) + LATER


def take_ended(trace: Trace) -> None:
    """A trace has ended: write it now or, if it was a lone operation and others were just written, later."""
    look()
    gathered = trace.gathered
    if running.enqueuing and not gathered.sessions and trace.context.source == TASK:  # it was too early to know
        gathered.sessions = sessions_of_task(trace.context.request_id)
    try:
        if not _keep(trace, ended=True):
            return
        if not trace.gathered.lone or clock.monotonic() - waiting.written_at >= LONE_EVERY:
            write_waiting()
    except Exception as error:  # noqa: BLE001  never the host's problem
        lost.add(1, len(trace.gathered.calls), error_text(error))


def take_unkept(trace: Trace) -> None:
    """A trace has ended that leaves nothing, unless a session has begun that records it."""
    look()
    if running.everything and trace.gathered.events:
        take_ended(trace)


def look() -> None:
    """See which sessions run that cover a user or everything; at most once a second, and only where that is free."""
    if not sessions.is_due() and not session_tasks.waiting:
        return
    try:
        connection = _ready()
        if connection is not None and write.has_tables_by_now(connection):
            within = bool(connection.atomic_blocks)
            session_tasks.write(connection, within=within)
            if not sessions.is_due():
                return
            sessions.look(connection, within=within)
            if not within and sessions.expiry_is_due():
                sessions.expire(connection)
    except Exception as error:  # noqa: BLE001  never the host's problem
        logger.warning("Recorded sessions could not be looked up: %s", error_text(error))


def enqueued(trace: Trace, task: str) -> None:
    """A trace has enqueued a task: the sessions that record it will have that, too."""
    try:
        of_sessions = sessions_of(trace)
        if of_sessions:
            session_tasks.note(task, of_sessions)
            running.enqueuing = True
            look()
    except Exception as error:  # noqa: BLE001  never the host's problem
        let_interruption_pass(error)
        logger.warning("A task does not know its recorded sessions: %s", error_text(error))


def sessions_of_task(task: str) -> tuple[int, ...]:
    """The sessions of what enqueued a task; asked only while one runs that has enqueued any."""
    look()
    if not running.enqueuing:
        return ()
    try:
        connection = _ready()
        if connection is None or not write.has_tables_by_now(connection):
            return ()
        return session_tasks.sessions_of(connection, task, within=bool(connection.atomic_blocks))
    except Exception as error:  # noqa: BLE001  never the host's problem
        let_interruption_pass(error)
        logger.warning("A task's recorded sessions could not be looked up: %s", error_text(error))
        return ()


def write_waiting(*, connect: bool = False) -> None:
    """Write everything that waits, if this thread can do so now; ``connect`` lets it open its connection."""
    connection = _ready(connect=connect)
    if connection is None:
        return
    test = connection.atomic_blocks[-1] if connection.atomic_blocks else None
    # What ran in a test is written in its transaction, and goes with it; what earlier tests have left is dropped.
    batches = waiting.take(lambda batch: test is None or batch.test is not None)
    batches = [batch for batch in batches if batch.test is test]
    waiting.written_at = clock.monotonic()
    if not batches:
        return
    rows = {batch.trace.trace_id: batch.trace for batch in batches} if conf.TRACES else {}
    named = [(batch.trace.trace_id.replace("-", ""), batch.calls) for batch in batches]
    calls = [(trace, *call) for trace, calls in named for call in calls]
    caught = [row for batch in batches for row in batch.caught]
    try:
        if any(row.source == MIGRATION for row in rows.values()) and not write.has_tables(connection):
            return
        if rows or calls:
            write.write(connection, list(rows.values()), calls, within=test is not None)
    except Exception as error:  # noqa: BLE001  never the host's problem
        lost.add(len(rows), len(calls), error_text(error))
    if caught:
        try:
            sessions.write(connection, caught, within=test is not None)
        except Exception as error:  # noqa: BLE001  never the host's problem
            lost.add(len(caught), 0, error_text(error))


def write_kept(*, connect: bool = False) -> None:
    """The same from outside a trace, with a connection that is closed again if it was: after one that ended in an event
    loop, after a command that closed its connection, or when the process exits.
    """
    if not waiting:
        return
    try:
        connection = connections[conf.DATABASE]
        was_open = connection.connection is not None
        write_waiting(connect=connect)
        if not was_open and not connection.in_atomic_block:
            connection.close()
    except Exception as error:  # noqa: BLE001  never the host's problem
        logger.warning("Telemetry waits, because the log's database cannot be reached: %s", error_text(error))


def write_last() -> None:
    """The process exits: what sessions have caught is worth a connection, if the last thread has none."""
    write_kept(connect=waiting.has_caught)


def _keep(trace: Trace, *, ended: bool = False) -> bool:
    """Queue what a trace has gathered; False if there is nothing to keep."""
    of_sessions = sessions_of(trace) if ended else ()
    if not conf.TRACES and not trace.gathered.calls and not of_sessions:
        return False
    connection = connections[conf.DATABASE]
    if is_forbidden(connection):
        trace.gathered.calls = []
        return False
    row = _row(trace)
    calls, trace.gathered.calls = trace.gathered.calls, []
    dropped = waiting.add(Batch(row, calls, _test_block(connection), _caught(trace, row, of_sessions)))
    lost.add(*dropped, "too much was waiting for the end of a transaction")
    return True


def _caught(trace: Trace, row: TraceRow, of_sessions: tuple[int, ...]) -> list[sessions.CaughtRow]:
    """What each session of a trace gets of it."""
    if not of_sessions:
        return []
    deeper = trace.gathered.deeper
    try:
        data = orjson.dumps(deeper.as_json(shown_text) if deeper is not None else {}).decode()
    except Exception as error:  # noqa: BLE001  never the host's problem, nor that of the other telemetry
        lost.add(len(of_sessions), 0, error_text(error))
        return []
    return [
        sessions.CaughtRow(
            session, row.trace_id, row.source, row.name, row.actor_repr, row.started_at, row.duration_us, row.status,
            row.events, row.operations, row.failed, row.silent, len(data.encode()), data,
        )
        for session in of_sessions
    ]  # fmt: skip


def _test_block(connection: BaseDatabaseWrapper) -> object:
    """The innermost block of the test case that is running, if one is."""
    found = None
    for block in connection.atomic_blocks:
        if not getattr(block, "_from_testcase", False):
            break
        found = block
    return found


def _row(trace: Trace) -> TraceRow:
    gathered, context = trace.gathered, trace.context
    elapsed_us = (clock.perf_counter_ns() - gathered.started_ns) // 1000
    actor = context.actor()
    return TraceRow(
        trace_id=trace.trace_id,
        source=clean_truncated(context.source, _TRACE_CHARS["source"]),
        name=clean_truncated(f"{context.method} {context.path()}".strip() or context.source, _TRACE_CHARS["name"]),
        actor_pk=actor.pk,
        actor_repr=actor.name,
        started_at=clock.now() - timedelta(microseconds=elapsed_us),
        duration_us=elapsed_us,
        status=clean_truncated(gathered.status, _TRACE_CHARS["status"]),
        events=gathered.events,
        operations=gathered.operations,
        failed=gathered.failed,
        silent=gathered.silent,
        slowest_receiver=gathered.slowest_receiver,
        slowest_us=gathered.slowest_us,
    )


def _ready(*, connect: bool = False) -> BaseDatabaseWrapper | None:
    """This thread's connection to the log's database, if a transaction of ours can run on it right now.

    It can where the host has none open, and in the block of a test case, which rolls ours back with the rest.
    """
    if asyncio._get_running_loop() is not None and not os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE"):
        return None  # Django would refuse a query here
    connection: BaseDatabaseWrapper = connections[conf.DATABASE]
    if connection.connection is None:
        if not connect or is_forbidden(connection):
            return None
        connection.ensure_connection()
    if not in_transaction(connection):
        return connection if write.is_idle(connection) else None
    blocks: list[Any] = connection.atomic_blocks
    in_test = bool(blocks) and all(getattr(block, "_from_testcase", False) for block in blocks)
    return connection if in_test and not connection.needs_rollback and not is_doomed(connection) else None
