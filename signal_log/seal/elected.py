"""Elects who seals, and who looks for breaks: one in the whole installation, as two would do the same work.

On PostgreSQL by a lock of the session, on SQLite by one on a file beside the database (``seal/beside_file.py``). Both
end with whoever has them, however a process dies. Behind a connection pooler that hands sessions around, and where the
file cannot be locked, the tree's state itself decides which of two has won (``seal/grow.py``).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from django.db import connections

from signal_log.conf import conf
from signal_log.models import SealTree
from signal_log.seal import beside_file
from signal_log.vendor import vendor_of

_TABLE: Final = "(to_regclass(%s)::oid::bigint %% 2147483647)"


class Office(NamedTuple):
    """What somebody is elected for.

    ``number`` is the first half of the lock's name on PostgreSQL; the other is the table's number, for two logs in one
    database. ``suffix`` ends the name of the file on SQLite.
    """

    number: int
    suffix: str


SEALER: Final = Office(0x5EA1, beside_file.SUFFIX)
BREAKS: Final = Office(0x5EA2, "-breaks")
ARCHIVE: Final = Office(0x5EA9, "-archive")
"""Who changes an archive: what one writes and nothing names yet, another would remove."""


def stand(office: Office = SEALER) -> bool:
    """Take the lock, on this thread's connection, and keep it; False if another one has it."""
    vendor = vendor_of(connections[conf.DATABASE])
    if vendor == "postgresql":
        return _has_it(office) or _ask("pg_try_advisory_lock", office)
    database = file_of_log() if vendor == "sqlite" else ""
    return not database or beside_file.take(database, office.suffix)


def resign(office: Office = SEALER) -> None:
    """Give the lock back."""
    vendor = vendor_of(connections[conf.DATABASE])
    if vendor == "postgresql":
        if _has_it(office):
            _ask("pg_advisory_unlock", office)
    elif vendor == "sqlite":
        beside_file.give_back(office.suffix)


def file_of_log() -> str:
    """The file of SQLite's database, links resolved; empty if it is in memory, where no other process finds it."""
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.execute("PRAGMA database_list")
        return next((path or "" for _, name, path in cursor.fetchall() if name == "main"), "")


def _has_it(office: Office) -> bool:
    """Whether this session has the lock: it counts how often it was taken."""
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted"  # noqa: S608
            f" AND classid = {office.number} AND objid = {_TABLE} AND objsubid = 2)",
            [SealTree._meta.db_table],
        )
        return bool(cursor.fetchone()[0])


def _ask(function: str, office: Office) -> bool:
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.execute(f"SELECT {function}({office.number}, {_TABLE}::integer)", [SealTree._meta.db_table])
        return bool(cursor.fetchone()[0])
