"""What is known of the log's table as a whole, for those who change its partitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.errors import PartitionError
from signal_log.store.row import TABLE
from signal_log.vendor import vendor_of

_TABLE: Final = """
    SELECT nspname, relowner::regrole::text, coalesce(array_to_string(reloptions, ', '), ''), relkind = 'p',
        pg_has_role(relowner, 'USAGE'), current_user
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE pg_class.oid = to_regclass(%s)
"""
_LAST: Final = f"""
    SELECT greatest(
        coalesce(pg_sequence_last_value(pg_get_serial_sequence('{TABLE}', 'id')::regclass), 0), coalesce(max(id), 0)
    ) FROM {TABLE}
"""  # noqa: S608  our own name


@dataclass(frozen=True, slots=True)
class Table:
    """The log's table."""

    schema: str
    owner: str
    """As SQL names it."""
    options: str
    """Storage parameters."""
    is_partitioned: bool
    is_ours: bool
    """Whether this database's role may do what its owner may."""
    role: str

    def must_be_ours(self) -> None:
        """Raises ``PartitionError`` where the database would refuse."""
        if not self.is_ours:
            raise PartitionError(
                f"The database's role {self.role} does not own the log's table: run this with the role that does, "
                f"{self.owner}, as `migrate` does."
            )


def table_of(connection: BaseDatabaseWrapper) -> Table:
    """Look it up; raises ``PartitionError`` where there is none, or none that could have partitions."""
    if vendor_of(connection) != "postgresql":
        raise PartitionError(
            "Partitions are PostgreSQL's: this log is on SQLite, which has none. There signal_prune removes old events "
            "row by row, and nothing else has to be done."
        )
    with connection.cursor() as cursor:
        cursor.execute(_TABLE, [TABLE])
        row = cursor.fetchone()
    if row is None:
        raise PartitionError("The log has no table yet. Run: python manage.py migrate signal_log")
    return Table(*row)


def last_id(connection: BaseDatabaseWrapper) -> int:
    """The largest id that was given."""
    with connection.cursor() as cursor:
        cursor.execute(_LAST)
        return int(cursor.fetchone()[0])


def run(connection: BaseDatabaseWrapper, statements: Sequence[str]) -> None:
    """All in one message, so that a lock is not held for the time that messages take."""
    if statements:
        with connection.cursor() as cursor:
            cursor.execute(";\n".join(statements))
