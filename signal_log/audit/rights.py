"""Whether this process may change the log at all: with roles of their own, the application may only add to it."""

from __future__ import annotations

from django.db import connections

from signal_log.conf import conf
from signal_log.errors import RedactionError
from signal_log.store.row import TABLE
from signal_log.vendor import vendor_of


def must_be_able_to_change_log() -> None:
    """Raises ``RedactionError`` if the database's role may not, before anything is looked for."""
    connection = connections[conf.DATABASE]
    if vendor_of(connection) != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, has_table_privilege(%s, 'UPDATE') AND has_table_privilege(%s, 'DELETE')",
            [TABLE, TABLE],
        )
        role, may = cursor.fetchone()
    if not may:
        raise RedactionError(
            f"The database's role {role} may add to the log and not change it: run this as a command, with the role "
            "that owns the tables, as `migrate` does."
        )
