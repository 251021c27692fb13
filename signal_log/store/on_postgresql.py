"""What the log has on PostgreSQL only: a function that appends events, and an index on time of next to no size.

The function spares the server the parsing and planning of each INSERT: its plan is kept for the whole session,
behind a connection pooler too. Events are appended nearly in the order of time, which is what a BRIN index is for.
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
"""Both in one, so that a block is ruled out by either: which ids a span of time lies between (``store.span``)."""
BY_TIME: Final = (
    "DROP INDEX signal_log_time",
    f"CREATE INDEX signal_log_time ON {TABLE} USING brin (occurred_at) {_BRIN}",
)


def install(apps: Any, schema_editor: Any) -> None:
    """A migration's operation."""
    _execute(schema_editor, INSTALLED)


def remove(apps: Any, schema_editor: Any) -> None:
    """Undo ``install``."""
    _execute(schema_editor, REMOVED)


def index_time_and_id(apps: Any, schema_editor: Any) -> None:
    """Another migration's operation."""
    _execute(schema_editor, BY_TIME_AND_ID)


def index_time(apps: Any, schema_editor: Any) -> None:
    """Undo ``index_time_and_id``."""
    _execute(schema_editor, BY_TIME)


def _execute(schema_editor: Any, statements: tuple[str, ...]) -> None:
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        if TABLE in connection.introspection.table_names(cursor):  # a router may keep it in another database
            for statement in statements:
                cursor.execute(statement)
