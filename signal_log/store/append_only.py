"""Makes the log append-only in the database itself: triggers reject UPDATE, DELETE and TRUNCATE.

Django's ``flush``, which test suites run between tests, unlocks the table for its own statements. On SQLite the
triggers call a function that only Django's connections define, so other connections are rejected too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.backends.signals import connection_created

from signal_log.models import SignalEvent

TABLE: Final = SignalEvent._meta.db_table
REFUSED: Final = "signal_log: the log is append-only; its rows are neither changed nor deleted"

_unlocked: ContextVar[bool] = ContextVar("signal_log_unlocked", default=False)

SQLITE: Final = tuple(
    f"CREATE TRIGGER {TABLE}_no_{verb.lower()} BEFORE {verb} ON {TABLE} "
    f"WHEN NOT signal_log_unlocked() BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
    for verb in ("UPDATE", "DELETE")
)
POSTGRESQL: Final = (
    f"""
    CREATE FUNCTION {TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF coalesce(current_setting('signal_log.unlocked', true), '') <> 'on' THEN
            RAISE EXCEPTION '{REFUSED}' USING ERRCODE = 'insufficient_privilege';
        END IF;
        IF TG_OP = 'UPDATE' THEN RETURN NEW; END IF;
        RETURN OLD;
    END $$
    """,
    (
        f"CREATE TRIGGER {TABLE}_no_change BEFORE UPDATE OR DELETE ON {TABLE} "
        f"FOR EACH ROW EXECUTE FUNCTION {TABLE}_refuse()"
    ),
    (
        f"CREATE TRIGGER {TABLE}_no_truncate BEFORE TRUNCATE ON {TABLE} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {TABLE}_refuse()"
    ),
)
STATEMENTS: Final = {"sqlite": SQLITE, "postgresql": POSTGRESQL}
REMOVAL: Final = {
    "sqlite": tuple(f"DROP TRIGGER IF EXISTS {TABLE}_no_{verb}" for verb in ("update", "delete")),
    "postgresql": (f"DROP FUNCTION IF EXISTS {TABLE}_refuse() CASCADE",),
}


def install(apps: Any, schema_editor: Any) -> None:
    """Create the triggers on the log's table; a migration operation."""
    _execute(schema_editor, STATEMENTS)


def remove(apps: Any, schema_editor: Any) -> None:
    """Drop the triggers."""
    _execute(schema_editor, REMOVAL)


def _execute(schema_editor: Any, statements: dict[str, tuple[str, ...]]) -> None:
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        if TABLE in connection.introspection.table_names(cursor):  # a router may have put it in another database
            for statement in statements.get(connection.vendor, ()):
                cursor.execute(statement)


@contextmanager
def unlocked(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Allow this context to change rows of the log on this connection, in its own transaction."""
    token = _unlocked.set(True)
    try:
        with transaction.atomic(using=connection.alias):
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL signal_log.unlocked = 'on'")
            yield
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL signal_log.unlocked = 'off'")
    finally:
        _unlocked.reset(token)


def watch_connections() -> None:
    """Define the function that the SQLite triggers call, on every new connection."""
    connection_created.connect(_prepare, dispatch_uid="signal_log.append_only")


def _prepare(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if connection.vendor == "sqlite":
        connection.connection.create_function("signal_log_unlocked", 0, _unlocked.get)


def flush(original: Any) -> Any:
    """Wrap ``BaseDatabaseOperations.execute_sql_flush`` to unlock the log for its own statements."""

    def execute_sql_flush(self: BaseDatabaseOperations, sql_list: Iterable[str]) -> None:
        with unlocked(self.connection):
            original(self, sql_list)

    return execute_sql_flush
