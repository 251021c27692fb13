"""Fills the log of the reference installation with edits of profiles, and breaks an event's bytes down.

People log in and change their headline in the form on their profile's page, one field per edit: two events, with actor,
path, address and request id, and the receivers of the installation.
"""

from __future__ import annotations

import sqlite3
import uuid
import warnings
from contextlib import closing
from statistics import mean
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from signal_log import pipeline
from signal_log.models import ReceiverCall, SignalEvent, SignalTrace
from users.models import Profile

PEOPLE = 100
EVENTS_PER_EDIT = 2
TABLE = SignalEvent._meta.db_table
KEPT_FOR_DAYS = (ReceiverCall, SignalTrace)
TABLES = [
    model._meta.db_table for model in apps.get_app_config("signal_log").get_models() if model not in KEPT_FOR_DAYS
]
"""Every table of the log, because bytes moved to another table are not saved; telemetry is kept for days only."""


def measure(events: int) -> dict[str, Any]:
    """Return bytes per event: of each table and index, as they grew and when packed, and of each column."""
    warnings.filterwarnings("ignore", "No directory at")  # static files are neither collected nor requested
    pipeline.stop()  # creating people and logging them in is not measured
    call_command("migrate", verbosity=0)
    visitors = [visitor(number) for number in range(PEOPLE)]
    pipeline.start()
    for number in range(events // EVENTS_PER_EDIT):
        edit(visitors[number % PEOPLE], number)
    pipeline.stop()
    written = SignalEvent.objects.count()
    if written != events:
        raise RuntimeError(f"Expected {events} events, but the log has {written}.")
    if connection.vendor == "sqlite":
        columns, grown, packed = sqlite_columns(), sqlite_parts(), sqlite_packed()
    else:
        columns, grown, packed = postgres_columns(), postgres_parts(), postgres_packed()
    return {
        "events": events,
        "table": TABLE,
        "parts": {name: size / events for name, size in grown.items()},
        "packed": {name: size / events for name, size in packed.items()},
        "columns": columns,
    }


def visitor(number: int) -> tuple[Client, dict[str, str]]:
    """Return a client in which somebody is logged in, and the contents of their form."""
    user = get_user_model().objects.create_user(f"ada{number}", f"ada{number}@example.org", first_name="Ada")
    client = Client()
    client.force_login(user)
    form = {
        "name": "Ada",
        "email": user.email,
        "location": "London",
        "bio": "Learned to program on a machine with toggle switches. Answers mail on Thursdays.",
    }
    Profile.objects.filter(user=user).update(**form, headline="Compiler engineer")
    return client, form


def edit(visitor: tuple[Client, dict[str, str]], number: int) -> None:
    """Send the form with another headline, through a proxy that numbers its requests."""
    client, form = visitor
    answer = client.post(
        reverse("users:profile"),
        form | {"headline": f"Compiler engineer, {number}"},
        headers={"x-request-id": uuid.uuid4().hex},
    )
    if answer.status_code != 302:
        raise RuntimeError(f"An edit got the status {answer.status_code}.")
    client.cookies.pop("messages", None)  # nobody opens the page that would show "is saved"


# --- PostgreSQL -------------------------------------------------------------------------------------
def postgres_parts() -> dict[str, int]:
    """Return bytes on disk, a table's with what belongs to it (TOAST, free space and visibility maps)."""
    indexes = ask(
        "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "WHERE i.indrelid = ANY(%s::regclass[]) ORDER BY i.indrelid, c.relname",
        [TABLES],
    )
    return {name: ask("SELECT pg_table_size(%s)", [name])[0][0] for name in (*TABLES, *(name for (name,) in indexes))}


def postgres_packed() -> dict[str, int]:
    """Return the same after everything was rewritten without gaps."""
    for table in TABLES:
        ask(f"VACUUM FULL {table}")
    return postgres_parts()


def postgres_columns() -> dict[str, float]:
    """Return the average size of each column as stored, in the table's order, without row headers and alignment."""
    names = [field.column for field in SignalEvent._meta.concrete_fields]
    averages = ", ".join(f'avg(coalesce(pg_column_size("{name}"), 0))::float' for name in names)
    return dict(zip(names, ask(f"SELECT {averages} FROM {TABLE}")[0], strict=True))  # noqa: S608  our own names


# --- SQLite -----------------------------------------------------------------------------------------
def sqlite_parts() -> dict[str, int]:
    """Return bytes in the file: what dropping each table or index frees, in a copy."""
    with closing(sqlite3.connect(":memory:")) as copy:
        connection.connection.backup(copy)
        indexes = copy.execute("SELECT name, tbl_name FROM sqlite_schema WHERE type = 'index' AND sql NOT NULL")
        names = sorted(name for name, table in indexes.fetchall() if table in TABLES)
        parts = {name: freed(copy, f"DROP INDEX {name}") for name in names}
        return {table: freed(copy, f"DROP TABLE {table}") for table in TABLES} | parts


def freed(copy: sqlite3.Connection, drop: str) -> int:
    """Return the bytes that a statement frees."""
    before = copy.execute("PRAGMA freelist_count").fetchone()[0]
    copy.execute(drop)
    pages: int = copy.execute("PRAGMA freelist_count").fetchone()[0] - before
    return pages * int(copy.execute("PRAGMA page_size").fetchone()[0])


def sqlite_packed() -> dict[str, int]:
    """Return the same after everything was rewritten without gaps."""
    ask("VACUUM")
    return sqlite_parts()


def sqlite_columns() -> dict[str, float]:
    """Return the average size of each column as stored, its serial type included, in the table's order."""
    names = [field.column for field in SignalEvent._meta.concrete_fields]
    kinds = ", ".join(f'typeof("{name}"), length(CAST("{name}" AS BLOB)), "{name}"' for name in names)
    rows = ask(f"SELECT {kinds} FROM {TABLE}")  # noqa: S608  our own names
    return {
        name: mean(sqlite_bytes(*row[3 * at : 3 * at + 3], key=name == "id") for row in rows)
        for at, name in enumerate(names)
    }


def sqlite_bytes(kind: str, length: int | None, value: Any, *, key: bool) -> int:
    """Return the size of a value and its serial type in SQLite's record format, which omits a table's integer key."""
    if key:
        return 1 + (value.bit_length() + 6) // 7
    if kind == "null":
        return 1
    if kind == "integer":
        sizes = ((0, 1), (7, 1), (15, 2), (23, 3), (31, 4), (47, 6), (63, 8))
        return 1 + (0 if value in (0, 1) else next(size for bits, size in sizes[1:] if value.bit_length() <= bits))
    assert length is not None
    serial = 13 + 2 * length
    return length + (serial.bit_length() + 6) // 7


def ask(sql: str, parameters: list[Any] | None = None) -> list[Any]:
    """Return the rows of a statement, without the ORM."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []
