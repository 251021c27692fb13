"""Times the pieces of one recorded save by themselves, alternating, the best of many tries."""

from __future__ import annotations

import timeit
from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import patch

from django.db import connections, transaction

from signal_log import pipeline
from signal_log.capture.model.actual_row import reader_of
from signal_log.capture.model.registry import plan_of
from signal_log.capture.saving import Save
from signal_log.capture.trace.context import default_context
from signal_log.capture.trace.trace import Trace, current_trace, end_trace
from signal_log.event import PRE_SAVE, Event
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
    person = Person.objects.order_by("pk")[0]
    person.headline, person.visits = "Compiler engineer, promoted", person.visits + 1
    events = saved(person)
    person.headline, person.visits = "Compiler engineer, promoted again", person.visits + 1
    pieces = in_python(connection, person, events) | in_the_database(connection, events)
    best = {}
    for piece, work in pieces.items():
        best[piece] = min(timeit.repeat(work, number=LOOPS, repeat=repeats)) / LOOPS * 1e6
        connection.connection.rollback()  # a piece may leave a transaction open
    pipeline.stop()
    return best


def saved(person: Person) -> list[Event]:
    """Save, and return the events that were handed to the log."""
    handed: list[Event] = []

    def append_events(_: Any, events: Sequence[Event], connection: Any, *, last: bool = False) -> None:
        handed.extend(events)

    with patch.object(pipeline.Pipeline, "append", append_events):
        person.save()
    return handed


def in_python(connection: Any, person: Person, events: list[Event]) -> Pieces:
    """Return what happens before events are sent to the database."""
    plan = plan_of(Person)
    assert plan is not None
    reader = reader_of(plan, connection)
    named = {"instance": person, "raw": False, "using": "default", "update_fields": None}
    current_trace.set(Trace(default_context()))
    return {
        "a trace": lambda: end_trace(Trace(default_context())),
        "the pre event: values, diff, text of the object": (
            lambda: Save(connection, plan, person, raw=False).event_of(PRE_SAVE, named)
        ),
        "the row, read": lambda: reader.read(connection, person),
        "two events as rows with their digests": lambda: rows_of(events, connection),
    }


def in_the_database(connection: Any, events: list[Event]) -> Pieces:
    """Return the pieces that write both rows, in every possible way."""
    connection.ensure_connection()
    rows = rows_of(events, connection)
    if connection.vendor == "sqlite":
        return {
            "BEGIN and COMMIT by Django, nothing in between": lambda: nothing(connection),
            "two rows within a transaction": in_one_transaction(connection, rows),
            "two rows in a transaction of their own": lambda: append._to_sqlite(connection.connection, rows, True),
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
