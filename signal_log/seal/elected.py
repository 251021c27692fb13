"""Elects the sealer: one in the whole installation, so that the others do no work that is then discarded.

On PostgreSQL by a lock of the session, on SQLite by one on a file beside the database (``seal/beside_file.py``). Both
end with whoever has them, however a process dies. Behind a connection pooler that hands sessions around, and where the
file cannot be locked, the tree's state itself decides which of two has won (``seal/grow.py``).
"""

from __future__ import annotations

from typing import Final

from django.db import connections

from signal_log.conf import conf
from signal_log.models import SealTree
from signal_log.seal import beside_file
from signal_log.vendor import vendor_of

_KIND: Final = 0x5EA1
"""The first half of the lock's name; the other is the table's number, for two logs in one database."""
_TABLE: Final = "(to_regclass(%s)::oid::bigint %% 2147483647)"


def stand() -> bool:
    """Take the lock, on this thread's connection, and keep it; False if another sealer has it."""
    vendor = vendor_of(connections[conf.DATABASE])
    if vendor == "postgresql":
        return _has_it() or _ask("pg_try_advisory_lock")
    database = _file() if vendor == "sqlite" else ""
    return not database or beside_file.take(database)


def resign() -> None:
    """Give the lock back."""
    vendor = vendor_of(connections[conf.DATABASE])
    if vendor == "postgresql":
        if _has_it():
            _ask("pg_advisory_unlock")
    elif vendor == "sqlite":
        beside_file.give_back()


def _file() -> str:
    """The file of SQLite's database, links resolved; empty if it is in memory, where no other process finds it."""
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.execute("PRAGMA database_list")
        return next((path or "" for _, name, path in cursor.fetchall() if name == "main"), "")


def _has_it() -> bool:
    """Whether this session has the lock: it counts how often it was taken."""
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted"  # noqa: S608
            f" AND classid = {_KIND} AND objid = {_TABLE} AND objsubid = 2)",
            [SealTree._meta.db_table],
        )
        return bool(cursor.fetchone()[0])


def _ask(function: str) -> bool:
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.execute(f"SELECT {function}({_KIND}, {_TABLE}::integer)", [SealTree._meta.db_table])
        return bool(cursor.fetchone()[0])
