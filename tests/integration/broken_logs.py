"""Ways in which the log cannot be written: no table, no room, no right, no such value, or no writing at all."""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from signal_log.capture.trace.context import system_actor
from signal_log.store import append
from signal_log.store.append import RecordingError
from signal_log.store.row import TABLE
from tests.factories import event_value


@contextmanager
def table_missing():
    """As before `migrate signal_log`."""
    execute(f'ALTER TABLE "{TABLE}" RENAME TO elsewhere')
    try:
        yield
    finally:
        execute(f'ALTER TABLE elsewhere RENAME TO "{TABLE}"')


@contextmanager
def trigger(when="FOR EACH STATEMENT", message="database or disk is full"):
    """The database refuses the log's INSERT."""
    if connection.vendor == "sqlite":
        execute(
            f"CREATE TRIGGER refuse BEFORE INSERT ON \"{TABLE}\" {when} BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )
        undo = ["DROP TRIGGER refuse"]
    else:
        execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = '53100'; END $$"
        )
        execute(f'CREATE TRIGGER refuse BEFORE INSERT ON "{TABLE}" {when} EXECUTE FUNCTION refuse()')
        undo = [f'DROP TRIGGER refuse ON "{TABLE}"', "DROP FUNCTION refuse()"]
    try:
        yield
    finally:
        for statement in undo:
            execute(statement)


@contextmanager
def disk_full():
    """SQLite may grow no more, and the log's pages are full; on PostgreSQL the error of a full disk, by a trigger."""
    if connection.vendor != "sqlite":
        with trigger():
            yield
        return
    execute("VACUUM")  # pages that earlier tests have freed are room, too
    with connection.cursor() as cursor:
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
    execute(f"PRAGMA max_page_count = {pages}")
    try:
        fill_up()
        yield
    finally:
        execute("PRAGMA max_page_count = 1073741823")


def fill_up():
    """Small events until there is no room for one, in whichever page of an index it would stand."""
    refused = 0
    while refused < 100:
        key = secrets.token_hex(4)
        where = {"sender": key, "object_pk": key, "actor_pk": key, "actor_repr": key}
        if refused % 2:  # beside those of the test
            where |= {"sender": "shop.Category", "actor_pk": "", "actor_repr": system_actor().name}
        try:
            append.append([event_value(source=FILLER, changes={}, object_repr="", path="", **where)], connection)
            refused = 0
        except RecordingError:
            refused += 1


@contextmanager
def forbidden():
    """A role that may write everything but the log."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        connection.connection.set_authorizer(
            lambda action, table, *_: (action, table) == (sqlite3.SQLITE_INSERT, TABLE) and sqlite3.SQLITE_DENY
        )
        try:
            yield
        finally:
            connection.connection.set_authorizer(None)
        return
    role = f"clerk_{connection.settings_dict['NAME']}"
    execute(f'CREATE ROLE "{role}"')
    for things in ("TABLES", "SEQUENCES"):
        execute(f'GRANT ALL ON ALL {things} IN SCHEMA public TO "{role}"')
    execute(f'REVOKE INSERT ON "{TABLE}" FROM "{role}"')
    execute(f'SET ROLE "{role}"')
    try:
        yield
    finally:
        for statement in ("RESET ROLE", f'DROP OWNED BY "{role}"', f'DROP ROLE "{role}"'):
            execute(statement)


@contextmanager
def value_refused():
    """A value that cannot be made a row."""
    with pytest.MonkeyPatch.context() as patch:

        def refuse(*_):
            raise ValueError("a value no column takes")

        patch.setattr(append, "row_of", refuse)
        yield


FILLER = "filler"


def real(events):
    """The events but those that fill the disk."""
    return [event for event in events if event.source != FILLER]


def execute(statement):
    """A statement that is no business of the log's."""
    with connection.cursor() as cursor:
        cursor.execute(statement)


REASONS = {
    table_missing: "no such table|does not exist",
    disk_full: "database or disk is full",
    forbidden: "not authorized|permission denied",
    value_refused: "a value no column takes",
}


@contextmanager
def read_only_from_now():
    """The transaction under way may not write any more."""
    only_read, write_again = {
        "sqlite": ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
        "postgresql": ("SET TRANSACTION READ ONLY", "SELECT 1"),
    }[connection.vendor]
    try:
        with transaction.atomic():
            yield
            execute(only_read)
    finally:
        execute(write_again)
