"""What can log a save: nothing, a hand-written INSERT, signal_log, and other packages that are installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import orjson
from django.apps import apps
from django.core.management import call_command
from django.db import connection, models
from django.db.models.signals import post_save

from signal_log import pipeline
from signal_log.models import SignalEvent
from tests.benchmarks import lean, lean_table
from tests.benchmarks.models import Handwritten, Person, PersonFields

INSERT = "INSERT INTO benchmarks_handwritten (label, object_pk, created, new_values, at) VALUES (%s, %s, %s, %s, %s)"
FIELDS = [field.attname for field in Person._meta.concrete_fields]


class Logger(NamedTuple):
    """Whose rows are saved, where that is logged, in how many rows per save, and what switches it on."""

    person: type[PersonFields]
    log: type[models.Model] | None = None
    rows: int = 0
    on: Callable[[], Any] = nullcontext


@contextmanager
def handwritten() -> Iterator[None]:
    """Log by a receiver of ``post_save`` with one INSERT by hand."""
    post_save.connect(write_by_hand, sender=Person)
    try:
        yield
    finally:
        post_save.disconnect(write_by_hand, sender=Person)


def write_by_hand(instance: Person, created: bool, **_: Any) -> None:
    """Write the row in the receiver."""
    values = {name: instance.__dict__[name] for name in FIELDS}
    with connection.cursor() as cursor:
        cursor.execute(
            INSERT,
            ["benchmarks.Person", str(instance.pk), created, orjson.dumps(values).decode(), datetime.now(UTC)],
        )


@contextmanager
def signal_log() -> Iterator[None]:
    """Log by the recorder with its defaults."""
    pipeline.start()
    try:
        yield
    finally:
        pipeline.stop()


LOGGERS = {
    "bare": Logger(Person),
    "handwritten": Logger(Person, Handwritten, rows=1, on=handwritten),
    "lean": Logger(Person, lean_table.LeanEvent, rows=2, on=partial(lean.recording, Person)),
    "signal_log": Logger(Person, SignalEvent, rows=2, on=signal_log),
}
"""Each logger must leave its rows in its own log and in no other, or it has not done the work."""

# The packages always log the class declared to them, so there is nothing to switch on.
for _name, _person, _log in (
    ("simple_history", "SimpleHistoryPerson", "benchmarks.HistoricalSimpleHistoryPerson"),
    ("auditlog", "AuditlogPerson", "auditlog.LogEntry"),
    ("pghistory", "PghistoryPerson", "benchmarks.PghistoryPersonEvent"),
):
    if apps.is_installed(_name):
        LOGGERS[_name] = Logger(apps.get_model("benchmarks", _person), apps.get_model(_log), rows=1)


def prepare(people: Callable[[type[PersonFields]], None]) -> None:
    """Create the tables and triggers of all loggers, and people to change."""
    pipeline.stop()  # the app has started it; the loggers switch it on
    call_command("migrate", verbosity=0)  # first, because the tables without migrations refer to those with migrations
    call_command("migrate", run_syncdb=True, verbosity=0)
    lean_table.complete()
    if apps.is_installed("pgtrigger"):
        from pgtrigger import installation

        installation.install()
    for person in {logger.person for logger in LOGGERS.values()}:
        people(person)


def rows() -> dict[str, int]:
    """Return how many rows each log has."""
    return {name: logger.log._base_manager.count() for name, logger in LOGGERS.items() if logger.log}


def logs() -> dict[str, dict[str, int]]:
    """Return what a save leaves in each log: rows, columns per row, and indexes."""
    return {
        name: {
            "rows": logger.rows,
            "columns": len(logger.log._meta.concrete_fields),
            "indexes": indexes(logger.log._meta.db_table),
        }
        for name, logger in LOGGERS.items()
        if logger.log
    }


def indexes(table: str) -> int:
    """Count a table's indexes; SQLite stores rows in the order of the integer key, which is therefore not an index."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table).values()
    primary = connection.vendor == "postgresql"
    return sum(bool(each["index"] or each["unique"] or (each["primary_key"] and primary)) for each in found)
