"""At most so many exports at once in the installation: each reads the log from one end to the other.

On PostgreSQL a place is a lock in a transaction that stays open on a connection of the export's own, on SQLite one on a
file beside the database. Both end with the process that has them, however it dies. Where neither can be had, as with
SQLite in memory, each process counts for itself.
"""

from __future__ import annotations

import logging
import os
import weakref
from collections.abc import Callable
from functools import partial
from threading import RLock
from typing import Final

from django.db import DatabaseError, InterfaceError, connections

from signal_log.conf import conf
from signal_log.models import SignalEvent
from signal_log.seal import beside_file
from signal_log.seal.elected import file_of_log
from signal_log.store.follow import own_connection
from signal_log.vendor import vendor_of

MOST_AT_ONCE: Final = 4
RETRY_AFTER: Final = 30
"""Seconds after which to ask again."""
REFUSED: Final = f"{MOST_AT_ONCE} exports are under way, which is as many as run at once. Try again in half a minute."
_KIND: Final = 0x5EA4
"""The first half of the first lock's name; the other is the table's number, for two logs in one database."""

_lock = RLock()  # a response may be collected, and so closed, within
_taken: Final[set[int]] = set()
_logger: Final = logging.getLogger(__name__)

GiveBack = Callable[[], object]


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
            _taken.discard(number)
        give_back()


def take() -> Slot | None:
    """A place; None if all are taken."""
    with _lock:
        free = [number for number in range(MOST_AT_ONCE) if number not in _taken]
        found = _take_one_of(free) if free else None
        if found is None:
            return None
        number, give_back = found
        _taken.add(number)
        return Slot(number, give_back)


def _take_one_of(free: list[int]) -> tuple[int, GiveBack] | None:
    """One of the places that this process does not have, if no other has it."""
    vendor = vendor_of(connections[conf.DATABASE])
    try:
        if vendor == "postgresql":
            return _of_postgresql(free)
        if vendor == "sqlite" and (database := file_of_log()):
            return _of_sqlite(free, database)
    except (DatabaseError, InterfaceError, OSError) as error:
        _logger.warning("Exports are counted in this process alone: %s", str(error).strip() or type(error).__name__)
    return free[0], lambda: None


def _of_postgresql(free: list[int]) -> tuple[int, GiveBack] | None:
    connection = own_connection(conf.DATABASE, "signal_log export")
    connection.inc_thread_sharing()  # whoever is the last to hold the response closes it
    try:
        connection.set_autocommit(False)  # a session's lock would stay behind a pooler that hands sessions around
        with connection.cursor() as cursor:
            for number in free:
                cursor.execute(
                    "SELECT pg_try_advisory_xact_lock(%s, "  # without the table, the export itself says so
                    "(coalesce(to_regclass(%s)::oid::bigint, 0) %% 2147483647)::integer)",
                    [_KIND + number, SignalEvent._meta.db_table],
                )
                if cursor.fetchone()[0]:
                    return number, connection.close
    except BaseException:
        connection.close()
        raise
    connection.close()
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
