"""Elects who seals, and who looks for breaks: one in the whole installation, as two would do the same work.

On PostgreSQL by the lock of a transaction that stays open (``store/held_lock.py``), on SQLite by one on a file beside
the database (``seal/beside_file.py``). Both end with whoever has them, however a process dies. Where the file cannot be
locked, the tree's state itself decides which of two has won (``seal/grow.py``).
"""

from __future__ import annotations

import os
import threading
from typing import Final, NamedTuple

from django.db import DatabaseError, InterfaceError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.conf import conf
from signal_log.models import SealTree
from signal_log.seal import beside_file
from signal_log.store import held_lock
from signal_log.vendor import vendor_of

APPLICATION_NAME: Final = "signal_log elected"
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

_Holder = tuple[int, int, str, Office]
_held: Final[dict[_Holder, BaseDatabaseWrapper]] = {}
"""The connections whose transactions hold a lock; a forked process leaves its parent's alone."""


def stand(office: Office = SEALER) -> bool:
    """Take the lock for this thread, and keep it; False if another one has it."""
    vendor = vendor_of(connections[conf.DATABASE])
    if vendor == "postgresql":
        return _still_has(office) or (not _is_taken(office) and _take(office))
    database = file_of_log() if vendor == "sqlite" else ""
    return not database or beside_file.take(database, office.suffix)


def resign(office: Office = SEALER) -> None:
    """Give the lock back."""
    vendor = vendor_of(connections[conf.DATABASE])
    if vendor == "postgresql":
        if connection := _held.pop(_holder(office), None):
            held_lock.let_go(connection)
    elif vendor == "sqlite":
        beside_file.give_back(office.suffix)


def file_of_log() -> str:
    """The file of SQLite's database, links resolved; empty if it is in memory, where no other process finds it."""
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.execute("PRAGMA database_list")
        return next((path or "" for _, name, path in cursor.fetchall() if name == "main"), "")


def _holder(office: Office) -> _Holder:
    return os.getpid(), threading.get_ident(), conf.DATABASE, office


def _still_has(office: Office) -> bool:
    """Whether the transaction that took the lock is still open."""
    connection = _held.get(_holder(office))
    if connection is None:
        return False
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        resign(office)
        return False
    return True


def _is_taken(office: Office) -> bool:
    """Whether somebody has the lock; asked on the connection that there is, as most ask in vain."""
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2"  # noqa: S608
            f" AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            f" AND classid = {office.number} AND objid = {_TABLE})",
            [SealTree._meta.db_table],
        )
        return bool(cursor.fetchone()[0])


def _take(office: Office) -> bool:
    connection = held_lock.take(conf.DATABASE, APPLICATION_NAME, office.number, _TABLE, (SealTree._meta.db_table,))
    if connection is None:
        return False
    _held[_holder(office)] = connection
    return True
