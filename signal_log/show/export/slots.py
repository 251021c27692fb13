"""At most so many exports at once in the installation, half of them one account's: each reads the whole log.

On PostgreSQL a place is a lock in a transaction that stays open on a connection of the export's own, on SQLite one on a
file beside the database. Both end with the process that has them, however it dies. Where neither can be had, as with
SQLite in memory, each process counts for itself; so it does with an account's places on SQLite.
"""

from __future__ import annotations

import logging
import os
import weakref
from collections.abc import Callable, Iterable
from functools import partial
from threading import RLock
from typing import Any, Final

from django.db import DatabaseError, InterfaceError, connections

from signal_log.conf import conf
from signal_log.models import SignalEvent
from signal_log.seal import beside_file
from signal_log.seal.elected import file_of_log
from signal_log.store.own_connection import own_connection
from signal_log.vendor import vendor_of

MOST_AT_ONCE: Final = 4
MOST_OF_ONE: Final = max(MOST_AT_ONCE // 2, 1)
"""An account's, so that others always find a place."""
RETRY_AFTER: Final = 30
"""Seconds after which to ask again."""
REFUSED: Final = f"{MOST_AT_ONCE} exports are under way, which is as many as run at once. Try again in half a minute."
REFUSED_TO_ONE: Final = (
    f"{MOST_OF_ONE} exports of your account are under way, which is as many as one account has at once. Try again when "
    "one of them has ended."
)
_KIND: Final = 0x5EA4
"""The first half of the first lock's name; the other is the table's number, for two logs in one database."""
_OF_ACCOUNT: Final = 0x5EB0
"""The same for the first of an account's own; the other half is its key's, with the table's number."""

_lock = RLock()  # a response may be collected, and so closed, within
_taken: Final[dict[int, str]] = {}
"""The places of this process, each with its account."""
_logger: Final = logging.getLogger(__name__)

GiveBack = Callable[[], object]


class NoPlace(Exception):
    """No further export may run now; the message says why, and when to ask again."""


class Slot:
    """A place among the exports; whoever has it gives it back once, however often ``release`` is called.

    A response that nobody has read is closed by nobody either: its place comes back when it is collected. What holds
    the place must outlive it until then, so a method ``__del__`` would come too late.
    """

    def __init__(self, number: int, give_back: GiveBack) -> None:
        self.release: Final = weakref.finalize(self, _give_back, number, give_back, os.getpid())


def _give_back(number: int, give_back: GiveBack, process: int) -> None:
    """Give a place back; in a forked process it is the parent's."""
    if process == os.getpid():
        with _lock:
            _taken.pop(number, None)
        give_back()


def take(account: str = "") -> Slot:
    """A place for an account's export, or for a command's without one; raises ``NoPlace``."""
    with _lock:
        if account and sum(other == account for other in _taken.values()) >= MOST_OF_ONE:
            raise NoPlace(REFUSED_TO_ONE)
        free = [number for number in range(MOST_AT_ONCE) if number not in _taken]
        found = _take_one_of(free, account) if free else None
        if found is None:
            raise NoPlace(REFUSED)
        number, give_back = found
        _taken[number] = account
        return Slot(number, give_back)


def _take_one_of(free: list[int], account: str) -> tuple[int, GiveBack] | None:
    """One of the places that this process does not have, if no other has it."""
    vendor = vendor_of(connections[conf.DATABASE])
    try:
        if vendor == "postgresql":
            return _of_postgresql(free, account)
        if vendor == "sqlite" and (database := file_of_log()):
            return _of_sqlite(free, database)
    except (DatabaseError, InterfaceError, OSError) as error:
        _logger.warning("Exports are counted in this process alone: %s", str(error).strip() or type(error).__name__)
    return free[0], lambda: None


def _of_postgresql(free: list[int], account: str = "") -> tuple[int, GiveBack] | None:
    """One of the places and, in the same transaction, one of the account's own."""
    connection = own_connection(conf.DATABASE, "signal_log export")
    connection.inc_thread_sharing()  # whoever is the last to hold the response closes it
    try:
        connection.set_autocommit(False)  # a session's lock would stay behind a pooler that hands sessions around
        with connection.cursor() as cursor:
            if account and _lock_one_of(cursor, _OF_ACCOUNT, range(MOST_OF_ONE), account) is None:
                raise NoPlace(REFUSED_TO_ONE)
            number = _lock_one_of(cursor, _KIND, free)
    except BaseException:
        connection.close()
        raise
    if number is None:
        connection.close()
        return None
    return number, connection.close


def _lock_one_of(cursor: Any, kind: int, free: Iterable[int], account: str = "") -> int | None:
    """The first of some locks that nobody has."""
    table = "coalesce(to_regclass(%s)::oid::bigint, 0)"  # without the table, the export itself says so
    name = f"hashtext({table}::text || ' ' || %s)" if account else f"({table} %% 2147483647)::integer"
    for number in free:
        given = [kind + number, SignalEvent._meta.db_table, *([account] if account else [])]
        cursor.execute(f"SELECT pg_try_advisory_xact_lock(%s, {name})", given)
        if cursor.fetchone()[0]:
            return number
    return None


def _of_sqlite(free: list[int], database: str) -> tuple[int, GiveBack] | None:
    for number in free:
        file = beside_file.locked(database, f"-export{number + 1}")
        if file is not None:
            return number, partial(os.close, file)
    return None


def _forked() -> None:
    """The places are the parent's."""
    global _lock  # noqa: PLW0603  it may have been held when the process forked
    _lock = RLock()
    _taken.clear()


os.register_at_fork(after_in_child=_forked)
