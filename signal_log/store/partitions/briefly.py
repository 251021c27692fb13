"""Takes a strong lock on the log for a moment, without a queue behind it.

Whoever waits for such a lock keeps all that come later waiting, too, as long as the oldest open transaction lasts. So
it is waited for in short turns, with pauses in which the others go on, and then it is given up with their names.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log import clock
from signal_log.errors import PartitionError
from signal_log.store import held_lock
from signal_log.store.row import TABLE

LOCK: Final = 0x5EA3
"""The first half of the name of the lock that whoever changes partitions has; the other is 0."""
APPLICATION_NAME: Final = "signal_log partitions"
FIRST_TURN: Final = 0.1
LONGEST_TURN: Final = 2.0
"""Seconds. An autovacuum gives way after one."""
PAUSE: Final = 0.5
PATIENCE: Final = 600.0
"""Seconds after which it is given up."""
LONGEST: Final = 10.0
"""Seconds after which what is done under the lock is undone: it was to take milliseconds."""
_NOT_NOW: Final = ("55P03", "40P01")
"""Not available within the time, and a deadlock."""
_TOO_LONG: Final = "57014"

_WHO: Final = """
    SELECT DISTINCT pid, coalesce(nullif(usename, '') || ' ', '') || coalesce(nullif(application_name, ''), state),
        extract(epoch FROM clock_timestamp() - xact_start)::int
    FROM pg_locks LEFT JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'relation' AND granted AND pg_locks.pid IS DISTINCT FROM pg_backend_pid()
    AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (relation = to_regclass(%s) OR relation IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass(%s)))
    ORDER BY 3 DESC NULLS LAST LIMIT 3
"""


class AnotherAtIt(PartitionError):
    """Another process is changing the log's partitions."""


def briefly(connection: BaseDatabaseWrapper, lock: str, do: Callable[[], None], *, patience: float = PATIENCE) -> float:
    """Take a lock by a statement, do something with it, and commit; returns for how many seconds it was held.

    ``lock`` is empty where what is done takes the lock itself. Raises ``PartitionError`` where others do not let go.
    Within a transaction of the caller's, the lock stays until that ends.
    """
    until = clock.monotonic() + patience
    turn = FIRST_TURN
    while True:
        try:
            with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
                cursor.execute(
                    f"SET LOCAL lock_timeout = {round(turn * 1000)}; "
                    f"SET LOCAL statement_timeout = {round(LONGEST * 1000)}"
                )
                began = clock.monotonic()
                if lock:
                    cursor.execute(lock)
                    began = clock.monotonic()
                do()
            return clock.monotonic() - began
        except OperationalError as error:
            state = getattr(error.__cause__, "sqlstate", "")
            if state == _TOO_LONG:
                raise PartitionError(
                    f"What was to take milliseconds took more than {LONGEST:.0f} s, while nobody could use the log, so "
                    "it was undone. Is the machine overloaded? Run it again when it is not."
                ) from error
            if state not in _NOT_NOW:
                raise
        if clock.monotonic() > until:
            raise PartitionError(
                f"Others hold the log's table, and were waited for {round(patience)} s: {who_holds(connection)}. "
                "Nothing was changed by this step; end them, or run it again when they are done."
            )
        time.sleep(PAUSE * (0.5 + random.random()))  # noqa: S311  no secret
        turn = min(turn * 1.5, LONGEST_TURN)


def who_holds(connection: BaseDatabaseWrapper) -> str:
    """Who has the table open now, the longest first."""
    with connection.cursor() as cursor:
        cursor.execute(_WHO, [TABLE, TABLE])
        found = cursor.fetchall()
    shown = [f"process {pid} ({name or 'unknown'}, for {since or 0} s)" if pid else "a prepared transaction"
             for pid, name, since in found]  # fmt: skip
    return ", ".join(shown) or "nobody any more"


@contextmanager
def alone(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Change partitions as the only one; raises ``AnotherAtIt`` where another does."""
    lock = held_lock.take(connection.alias, APPLICATION_NAME, LOCK)
    if lock is None:
        raise AnotherAtIt("Another process is changing the log's partitions; wait for it.")
    try:
        yield
    finally:
        held_lock.let_go(lock)


def alone_until_commit(connection: BaseDatabaseWrapper) -> bool:
    """The same within a transaction, until its end; False where another changes partitions."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory_xact_lock({LOCK}, 0)")
        return bool(cursor.fetchone()[0])
