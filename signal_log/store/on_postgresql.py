"""PostgreSQL only: a function that appends events, and a very small index on time.

The function saves the server parsing and planning each INSERT: its plan is cached for the session, even behind a
connection pooler. Events are appended nearly in time order, which is what BRIN indexes are for.
"""

from __future__ import annotations

from typing import Any, Final

from signal_log.store.row import NAMES, TABLE

APPEND: Final = f"{TABLE}_append"

_BRIN: Final = "WITH (pages_per_range = 32, autosummarize = on)"
INSTALLED: Final = (
    f"""
    CREATE FUNCTION {APPEND}(events json) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO {TABLE} ({NAMES}) SELECT {NAMES} FROM json_populate_recordset(null::{TABLE}, events);
    END $$
    """,  # noqa: S608  our own names
    "DROP INDEX signal_log_time",
    f"CREATE INDEX signal_log_time ON {TABLE} USING brin (occurred_at) {_BRIN}",
)
REMOVED: Final = (
    f"DROP FUNCTION {APPEND}(json)",
    "DROP INDEX signal_log_time",
    f"CREATE INDEX signal_log_time ON {TABLE} (occurred_at)",
)
BY_TIME_AND_ID: Final = (
    "DROP INDEX signal_log_time",
    f"CREATE INDEX signal_log_time ON {TABLE} USING brin (occurred_at, id) {_BRIN}",
)
"""Both columns in one index, so that either can rule out a block; finds the ids of a time range (``store.span``)."""
BY_TIME: Final = (
    "DROP INDEX signal_log_time",
    f"CREATE INDEX signal_log_time ON {TABLE} USING brin (occurred_at) {_BRIN}",
)


def install(apps: Any, schema_editor: Any) -> None:
    """Create the function and the BRIN index; a migration operation."""
    _execute(schema_editor, INSTALLED)


def remove(apps: Any, schema_editor: Any) -> None:
    """Undo ``install``."""
    _execute(schema_editor, REMOVED)


def index_time_and_id(apps: Any, schema_editor: Any) -> None:
    """Index time and id together; a migration operation."""
    _execute(schema_editor, BY_TIME_AND_ID)


def index_time(apps: Any, schema_editor: Any) -> None:
    """Undo ``index_time_and_id``."""
    _execute(schema_editor, BY_TIME)


def _execute(schema_editor: Any, statements: tuple[str, ...]) -> None:
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        if TABLE in connection.introspection.table_names(cursor):  # a router may have put it in another database
            for statement in statements:
                cursor.execute(statement)
