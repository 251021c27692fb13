"""Opens the append-only log to a command that maintains it: for one transaction, and never without an event of it.

Django's ``flush`` is such a command. A test suite runs it after each test, where nobody wants an event of it: the one
that opens the log then goes with the rest.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, Final

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.operations import BaseDatabaseOperations

from signal_log.capture.api import context
from signal_log.capture.trace.context import default_context
from signal_log.capture.trace.draft import values_of
from signal_log.capture.trace.opening import open_event, open_scene
from signal_log.capture.trace.trace import Trace, current_trace
from signal_log.capture.transaction.writing import process_name
from signal_log.errors import SignalLogError
from signal_log.event import MAINTENANCE, Event
from signal_log.models import SignalEvent
from signal_log.store import append_only
from signal_log.store.append import append
from signal_log.store.row import TABLE
from signal_log.tail import doorbell

SENDER: Final = SignalEvent._meta.label
NO_ROWS: Final[dict[str, str]] = {}
_LABELS_AT: Final = Event._fields.index("labels")


class OpeningRemoved(SignalLogError):
    """A maintenance command has removed the event that tells of it; all that it did is rolled back."""


@contextmanager
def maintenance(
    connection: BaseDatabaseWrapper, command: str, *, why: str, rows: Mapping[str, str] = NO_ROWS, **labels: Any
) -> Iterator[int]:
    """Let a command change or remove rows of the log in this block, which is a transaction.

    The event of it, whose id the block is given, says in ``labels`` what was opened, why and, on PostgreSQL, in which
    transaction; ``labels`` add what the command has to say, and ``rows`` which rows it may change. Only these are never
    cut: what they do not name was not redacted.
    """
    with transaction.atomic(using=connection.alias):
        with _named(connection, command, why, labels):
            event = _opening_event(connection)
        if rows:
            event[_LABELS_AT] = {**event[_LABELS_AT], **rows}
        opening = _write(event, connection)
        with append_only.unlocked(connection, command, opening):
            yield opening
        if not _log(connection).filter(pk=opening).exists():
            raise OpeningRemoved(f"{command} removed event {opening}, which tells that it opened the log.")
        transaction.on_commit(doorbell.ring, using=connection.alias)


def flush(original: Any) -> Any:
    """Wrap ``BaseDatabaseOperations.execute_sql_flush`` to open the log where it is among the tables to be emptied."""

    def execute_sql_flush(self: BaseDatabaseOperations, sql_list: Iterable[str]) -> None:
        statements = list(sql_list)
        if not any(TABLE in statement for statement in statements):
            original(self, statements)
            return
        with _flushing(self.connection):
            original(self, statements)

    return execute_sql_flush


@contextmanager
def _flushing(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Open the log; unless tests run, the event of it is the first of the new log, and names the last of the old."""
    by_tests = tests_are_running()
    with transaction.atomic(using=connection.alias):
        lost = {} if by_tests else _newest(connection)
        with _apart() if by_tests else nullcontext(), _named(connection, "flush", "every table is emptied", lost):
            event = _opening_event(connection)
        opening = _write(event, connection)
        with append_only.unlocked(connection, "flush", opening):
            yield
            _log(connection).filter(pk=opening)._raw_delete(connection.alias)  # where rows were deleted one by one
        if not by_tests:
            append([event], connection)
            transaction.on_commit(doorbell.ring, using=connection.alias)


def tests_are_running() -> bool:
    """Whether Django's test environment is set up, as every test runner does."""
    state = getattr(sys.modules.get("django.test.utils"), "_TestState", None)
    return hasattr(state, "saved_data")


@contextmanager
def _named(connection: BaseDatabaseWrapper, command: str, why: str, labels: dict[str, Any]) -> Iterator[None]:
    number = append_only.transaction_id(connection)
    if number is not None:
        labels = {**labels, "transaction": number}
    with context(source=f"command:{command}", opened=SENDER, why=why, **labels):
        yield


@contextmanager
def _apart() -> Iterator[None]:
    """A trace that nobody ends, so that nothing of it is kept."""
    token = current_trace.set(Trace(default_context()))
    try:
        yield
    finally:
        current_trace.reset(token)


def _opening_event(connection: BaseDatabaseWrapper) -> list[Any]:
    draft = open_event(open_scene(SENDER, connection.alias), MAINTENANCE)
    return values_of([draft], process_name())[0]


def _write(event: list[Any], connection: BaseDatabaseWrapper) -> int:
    """Append the opening event, and return its id."""
    append([event], connection)
    named = dict(zip(Event._fields, event, strict=True))
    written = _log(connection).filter(trace_id=named["trace_id"], position=named["position"])
    number: int = written.values_list("pk", flat=True).get()
    return number


def _newest(connection: BaseDatabaseWrapper) -> dict[str, Any]:
    """What tells which log it was that is emptied now: the id of its last event, and the start of its digest."""
    for number, digest in _log(connection).order_by("-pk").values_list("pk", "digest")[:1]:
        return {"last_event": number, "last_mark": bytes(digest).hex()[:8]}
    return {}


def _log(connection: BaseDatabaseWrapper) -> Any:
    return SignalEvent.objects.using(connection.alias)
