"""Which sessions a task belongs to that a recorded trace has enqueued, where its message has no room to say so.

``django.tasks`` carries nothing but arguments, so the session's row holds the ids of its tasks. The enqueuing process
writes them as soon as that is possible without disturbing the host, and a worker asks when a task begins and, if it
was too early then, when it has ended; nobody asks unless a session runs that has enqueued any.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.telemetry.sessions import SESSIONS, select
from signal_log.telemetry.write import LOCAL, savepoint, sqlite_transaction
from signal_log.vendor import vendor_of

MAX_CHARS: Final = 100_000
"""A session holds no more ids than this; later tasks are not recorded."""
MAX_WAITING: Final = 1_000
_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,100}", re.ASCII)

waiting: Final[deque[tuple[int, str]]] = deque(maxlen=MAX_WAITING)
"""Sessions with the ids of tasks that are not written yet."""


def note(task: str, sessions: Iterable[int]) -> None:
    """Remember a task until it can be written; an id that is none is left out, because it becomes part of SQL."""
    if _ID.fullmatch(task):
        waiting.extend((session, task) for session in sessions)


def write(connection: BaseDatabaseWrapper, *, within: bool) -> None:
    """Write what waits, which goes on waiting if that fails; raises whatever the driver raises."""
    taken = [waiting.popleft() for _ in range(len(waiting))]
    if not taken:
        return
    try:
        _write(connection, taken, within=within)
    except BaseException:
        waiting.extendleft(reversed(taken))
        raise


def _write(connection: BaseDatabaseWrapper, taken: Iterable[tuple[int, str]], *, within: bool) -> None:
    statements = [
        f"UPDATE {SESSIONS} SET tasks = tasks || ' {task}' "  # noqa: S608  our own names, and a checked id
        f"WHERE id = {int(session)} AND ended_at IS NULL AND length(tasks) < {MAX_CHARS}"
        for session, task in taken
    ]
    raw: Any = connection.connection
    if vendor_of(connection) == "sqlite":
        with savepoint(raw.execute) if within else sqlite_transaction(raw):
            for sql in statements:
                raw.execute(sql)
        return
    with raw.cursor() as cursor:
        if within:
            with savepoint(cursor.execute):
                for sql in statements:
                    cursor.execute(sql, prepare=False)
            return
        try:
            cursor.execute("; ".join(("BEGIN", *LOCAL, *statements, "COMMIT")), prepare=False)
        except BaseException:
            if not raw.closed:
                raw.rollback()
            raise


def sessions_of(connection: BaseDatabaseWrapper, task: str, *, within: bool) -> tuple[int, ...]:
    """The running sessions that have enqueued this task; raises whatever the driver raises."""
    if not _ID.fullmatch(task):
        return ()
    has = {"sqlite": "instr", "postgresql": "strpos"}[vendor_of(connection)]
    sql = (
        f"SELECT id FROM {SESSIONS} WHERE ended_at IS NULL AND stops_at > {{now}} "  # noqa: S608
        f"AND tasks <> '' AND {has}(tasks || ' ', ' {task} ') > 0"
    )
    return tuple(row[0] for row in select(connection, sql, within=within))
