"""Ways to make the log unwritable: missing table, full disk, missing permission, refused value, read-only database."""

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
    """Rename the log's table away, as if `migrate signal_log` had not run."""
    execute(f'ALTER TABLE "{TABLE}" RENAME TO elsewhere')
    try:
        yield
    finally:
        execute(f'ALTER TABLE elsewhere RENAME TO "{TABLE}"')


@contextmanager
def trigger(when="FOR EACH STATEMENT", message="database or disk is full"):
    """Let the database refuse the log's INSERT."""
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
    """Fill SQLite's pages and allow no more; on PostgreSQL a trigger raises the error of a full disk."""
    if connection.vendor != "sqlite":
        with trigger():
            yield
        return
    execute("VACUUM")  # pages freed by earlier tests are free space too
    with connection.cursor() as cursor:
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
    execute(f"PRAGMA max_page_count = {pages}")
    try:
        fill_up()
        yield
    finally:
        execute("PRAGMA max_page_count = 1073741823")


def fill_up():
    """Add small events until no page of any index has room for one more."""
    refused = 0
    while refused < 100:
        key = secrets.token_hex(4)
        where = {"sender": key, "object_pk": key, "actor_pk": key, "actor_repr": key}
        if refused % 2:  # every other one beside the keys that the tests use
            where |= {"sender": "shop.Category", "actor_pk": "", "actor_repr": system_actor().name}
        try:
            append.append([event_value(source=FILLER, changes={}, object_repr="", path="", **where)], connection)
            refused = 0
        except RecordingError:
            refused += 1


@contextmanager
def forbidden():
    """Use a role that may write everything but the log."""
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
    """Let no value be converted to a row."""
    with pytest.MonkeyPatch.context() as patch:

        def refuse(*_):
            raise ValueError("a value no column takes")

        patch.setattr(append, "rows_of", refuse)
        yield


FILLER = "filler"


def without_filler(events):
    """Return the events without those that fill the disk."""
    return [event for event in events if event.source != FILLER]


def execute(statement):
    """Run a statement that has nothing to do with the log."""
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
    """Make the current transaction read-only after the block."""
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
