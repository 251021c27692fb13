"""Empties the database after a test that commits: only tables with rows, unless the test changed more than rows.

Django's own ``flush`` empties every table after each such test, and makes all content types and permissions again,
which took longer than most of the tests. It is still what runs after the first test, and after one that changed the
schema, a content type or a permission, or left a table so large that PostgreSQL empties it sooner by ``TRUNCATE``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import TransactionTestCase

from signal_log.conf import conf
from signal_log.store import schema
from signal_log.telemetry.waiting import waiting

KEPT = [model._meta.db_table for model in (ContentType, Permission)]
# What every change of the schema changes: a table, index, trigger or function is a row of the catalogue.
SCHEMA_VERSION = {
    "sqlite": "PRAGMA schema_version",
    # All that a database is made with has a smaller oid, and is not looked through.
    "postgresql": """
        SELECT sum(xmin::text::bigint), count(*) FROM (
            SELECT xmin FROM pg_class WHERE oid >= 16384 AND relnamespace = 'public'::regnamespace
            UNION ALL SELECT xmin FROM pg_proc WHERE oid >= 16384 AND pronamespace = 'public'::regnamespace
            UNION ALL SELECT xmin FROM pg_trigger
        ) AS catalogue
    """,
}
# One call instead of a dozen. A session has its own, which keeps its statements planned. The sizes are with the rows
# that are deleted but not yet vacuumed. Keys need no check, and the log no event of its opening, where all is emptied.
EMPTY_POSTGRESQL = """
    CREATE FUNCTION pg_temp.emptied() RETURNS boolean LANGUAGE plpgsql SET session_replication_role = replica AS $$
    BEGIN
        IF greatest({sizes}) > 1000000 THEN RETURN false; END IF;
        {deletes}
        INSERT INTO signal_log_logidentity (id, value) VALUES (1, replace(gen_random_uuid()::text, '-', ''));
        RETURN true;
    END $$
"""

django_flush = TransactionTestCase._fixture_teardown


@dataclass(frozen=True)
class Fresh:
    """A database right after `flush`: what of it has to be the same for the short way, and its tables."""

    name: str
    schema: tuple[Any, ...]
    kept: list[tuple[Any, ...]]
    tables: list[str] = field(compare=False)


_fresh: dict[str, Fresh] = {}


def install() -> None:
    """Replace what Django does after a test that commits."""
    TransactionTestCase._fixture_teardown = empty


def empty(test: TransactionTestCase) -> None:
    """Leave each of this test's databases as `flush` does."""
    aliases = test._databases_names(include_mirrors=False)
    plain = test.available_apps is None and not test.serialized_rollback
    if not (plain and all(_emptied(connections[alias]) for alias in aliases)):
        django_flush(test)
        for alias in aliases:
            tables = connections[alias].introspection.django_table_names(only_existing=True)
            _fresh[alias] = _look(connections[alias], [name for name in tables if name not in KEPT])


def _emptied(connection: BaseDatabaseWrapper) -> bool:
    """Empty the tables that have rows; False, and nothing is done, where that is not enough."""
    fresh = _fresh.get(connection.alias)
    if fresh is None or fresh != _look(connection, fresh.tables):
        return False
    if connection.vendor == "postgresql":
        return _emptied_by_function(connection, fresh.tables)
    parts = (f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM \"{name}\")" for name in fresh.tables)  # noqa: S608  our own
    filled = _ask(connection, " UNION ALL ".join(parts))
    connection.ops.execute_sql_flush([f'DELETE FROM "{name}"' for (name,) in filled])  # noqa: S608  our own names
    schema.log_identity(connection.alias)
    return True


def _emptied_by_function(connection: BaseDatabaseWrapper, tables: list[str]) -> bool:
    """Do it in one statement; False, and nothing is done, where a table is large."""
    raw = connection.connection
    if not raw.execute("SELECT to_regproc('pg_temp.emptied')").fetchone()[0]:
        sizes = ", ".join(f"pg_relation_size('\"{name}\"')" for name in tables)
        deletes = " ".join(f'DELETE FROM "{name}";' for name in tables)  # noqa: S608  our own names
        raw.execute(EMPTY_POSTGRESQL.format(sizes=sizes, deletes=deletes))
    (done,) = raw.execute("SELECT pg_temp.emptied()").fetchone()
    if done and connection.alias == conf.DATABASE:
        waiting.forget()
    return bool(done)


def _look(connection: BaseDatabaseWrapper, tables: list[str]) -> Fresh:
    (version,) = _ask(connection, SCHEMA_VERSION[connection.vendor])
    kept = [row for table in KEPT for row in _ask(connection, f'SELECT * FROM "{table}" ORDER BY id')]  # noqa: S608
    return Fresh(connection.settings_dict["NAME"], version, kept, tables)


def _ask(connection: BaseDatabaseWrapper, sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()
