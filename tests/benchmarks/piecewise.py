"""Times the pieces of one recorded save by themselves, alternating, the best of many tries."""

from __future__ import annotations

import timeit
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from django.db import connections, transaction

from signal_log import pipeline
from signal_log.capture.model.registry import plan_of
from signal_log.capture.operation import Operation, current_operation
from signal_log.capture.signals import recorder
from signal_log.capture.trace.context import default_context
from signal_log.capture.trace.trace import Draft, Trace, current_trace
from signal_log.capture.transaction import held
from signal_log.capture.transaction.writing import frozen
from signal_log.event import POST_SAVE, PRE_SAVE, Event
from signal_log.store import append
from signal_log.store.row import TABLE, rows_of
from tests.benchmarks.loggers import prepare
from tests.benchmarks.measuring import people
from tests.benchmarks.models import Person

Pieces = dict[str, Callable[[], Any]]
LOOPS = 200


def measure(repeats: int) -> dict[str, float]:
    """Return microseconds by piece."""
    prepare(people)
    pipeline.start()
    connection = connections["default"]
    best = {}
    with patch.object(held.Held, "add", lambda holder, draft: None):
        events = frozen(drafts(connection))
        for piece, work in (in_python(connection) | in_the_database(connection, events)).items():
            best[piece] = min(timeit.repeat(work, number=LOOPS, repeat=repeats)) / LOOPS * 1e6
            connection.connection.rollback()  # a piece may leave a transaction open
    pipeline.stop()
    return best


def drafts(connection: Any) -> list[Draft]:
    """Return both events of an update of two fields."""
    opened = opening(connection)
    return [opened[piece]() for piece in opened]


def opening(connection: Any) -> Pieces:
    """Return what the recorder does for the two signals of a save, a function for each event."""
    plan = plan_of(Person)
    assert plan is not None
    person = Person.objects.order_by("pk")[0]
    person.headline, person.visits = "Compiler engineer, promoted", person.visits + 1
    operation = Operation(connection, person)
    current_trace.set(Trace(default_context()))
    current_operation.set(operation)
    named = {"instance": person, "raw": False, "using": "default", "update_fields": None}
    loaded = dict(person._state.__dict__)
    pre = recorder.open_event(PRE_SAVE, plan, named)

    def post() -> Draft:
        person._state.__dict__.update(loaded)  # what is kept after a save would make the next one change nothing
        operation.awaiting[id(person)] = pre
        draft = recorder.open_event(POST_SAVE, plan, {**named, "created": False})
        recorder.close_event(draft)
        return draft

    return {
        "the pre event: values, diff, text of the object": lambda: recorder.open_event(PRE_SAVE, plan, named),
        "the post event": post,
    }


def in_python(connection: Any) -> Pieces:
    """Return the pieces before anything is sent to the database."""
    both = drafts(connection)
    event = frozen(both)[0]
    return opening(connection) | {
        "both as values": lambda: frozen(both),
        "one row with its digest": lambda: rows_of([event], connection),
    }


def in_the_database(connection: Any, events: list[Event]) -> Pieces:
    """Return the pieces that write both rows, in every possible way."""
    connection.ensure_connection()
    rows = rows_of(events, connection)
    if connection.vendor == "sqlite":
        return {
            "BEGIN and COMMIT by Django, nothing in between": lambda: nothing(connection),
            "two rows within a transaction": in_one_transaction(connection, rows),
            "BEGIN, two rows, COMMIT": lambda: append._to_sqlite(connection.connection, rows, True),
        }
    raw = connection.connection

    def by(write: Callable[[], Any]) -> Callable[[], None]:
        def work() -> None:
            raw.execute("BEGIN")
            write()
            raw.commit()

        return work

    def copied() -> None:
        with raw.cursor() as cursor, cursor.copy(append._COPY) as copy:
            for row in rows:
                copy.write_row(row)

    values = f"INSERT INTO {TABLE} ({append.NAMES}) VALUES ({', '.join(['%s'] * len(rows[0]))})"  # noqa: S608
    return {
        "one round trip": lambda: raw.execute("SELECT 1"),
        "BEGIN and COMMIT by Django, nothing in between": lambda: nothing(connection),
        "two rows by the function, COMMIT with them (ours)": by(
            lambda: append._to_postgresql(raw, [list(row) for row in rows], True)
        ),
        "two rows by the function, COMMIT after them": by(
            lambda: append._to_postgresql(raw, [list(row) for row in rows], False)
        ),
        "two rows by COPY": by(copied),
        "two rows by INSERT": by(lambda: [raw.execute(values, row) for row in rows]),
        "BEGIN and a SELECT in a pipeline": lambda: pipelined(raw),
        "BEGIN and a SELECT, one after the other": by(lambda: raw.execute("SELECT 1")),
    }


def nothing(connection: Any) -> None:
    """Run a transaction with an empty statement, as ``transaction.atomic`` makes it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def in_one_transaction(connection: Any, rows: list[list[Any]]) -> Callable[[], None]:
    """Write only the rows; the first try begins the transaction, which stays open."""

    def work() -> None:
        if not connection.connection.in_transaction:
            connection.connection.execute("BEGIN IMMEDIATE")
        append._to_sqlite(connection.connection, rows, False)

    return work


def pipelined(raw: Any) -> None:
    """Send BEGIN together with a statement, the driver's own way."""
    raw.autocommit = False
    with raw.pipeline():
        raw.execute("SELECT 1")
    raw.commit()
    raw.autocommit = True
