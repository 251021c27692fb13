"""Writes what recorded sessions have caught and reads which of them run, by the driver itself as all telemetry.

A session takes no more once it has ended, its time is up, or it holds as much as it may; the database decides that
with each row, whatever this process believes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import orjson
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log import clock
from signal_log.capture.trace.membership import running
from signal_log.models import DebugSession, SessionTrace
from signal_log.telemetry.prune import EVERY, FEW
from signal_log.telemetry.write import LOCAL, savepoint, sqlite_transaction
from signal_log.vendor import vendor_of

MAX_TRACES: Final = 2_000
MAX_BYTES: Final = 64 * 1024 * 1024
KEPT: Final = timedelta(days=1)
"""How long a session is kept after its end."""
FEW_BYTES: Final = 1024 * 1024
"""As much of expired sessions is removed at once, in the time of somebody's request: some five milliseconds' worth."""
LOOK_EVERY: Final = 1.0
"""Seconds between two looks of one process for sessions that have begun or ended."""

SESSIONS: Final = DebugSession._meta.db_table
CAUGHT: Final = SessionTrace._meta.db_table
ENOUGH: Final = f"It held as much as a session may: {MAX_TRACES:,} traces or {MAX_BYTES // 1024 // 1024} MB."
_STARTED_AT: Final = SessionTrace._meta.get_field("started_at")


class CaughtRow(NamedTuple):
    """A row of ``SessionTrace``, with fields in the order of its columns."""

    session_id: int
    trace_id: str
    source: str
    name: str
    actor_repr: str
    started_at: datetime
    duration_us: int
    status: str
    events: int
    operations: int
    failed: int
    silent: int
    bytes: int
    data: str


COLUMNS: Final = CaughtRow._fields
_NAMES: Final = ", ".join(COLUMNS)
_UPDATED: Final = ", ".join(
    f"{name} = excluded.{name}" for name in COLUMNS if name not in ("session_id", "trace_id", "source", "started_at")
)
_ROOM: Final = (
    f"EXISTS (SELECT 1 FROM {SESSIONS} s WHERE s.id = {{id}} AND s.ended_at IS NULL AND s.stops_at > {{now}} "  # noqa: S608  our own names
    f"AND s.traces < {MAX_TRACES} AND s.bytes + {{bytes}} <= {MAX_BYTES})"
)
_ON_CONFLICT: Final = f"ON CONFLICT (session_id, trace_id) DO UPDATE SET {_UPDATED}"
_COUNTED: Final = (
    f"UPDATE {SESSIONS} SET traces = (SELECT count(*) FROM {CAUGHT} c WHERE c.session_id = {SESSIONS}.id), "  # noqa: S608
    f"bytes = (SELECT coalesce(sum(c.bytes), 0) FROM {CAUGHT} c WHERE c.session_id = {SESSIONS}.id) WHERE id = {{id}}"
)
_FULL: Final = (
    f"UPDATE {SESSIONS} SET ended_at = {{now}}, expires_at = {{expires}}, why_ended = '{ENOUGH}' "  # noqa: S608
    f"WHERE id = {{id}} AND ended_at IS NULL AND (traces >= {MAX_TRACES} OR bytes + {{bytes}} > {MAX_BYTES})"
)
_RUNNING: Final = (
    f"SELECT id, scope, target, tasks <> '' FROM {SESSIONS} "  # noqa: S608
    "WHERE ended_at IS NULL AND stops_at > {now} AND (scope IN ('user', 'everything') OR tasks <> '')"
)


_ANY_EXPIRED: Final = f"SELECT 1 FROM {SESSIONS} WHERE expires_at <= {{now}} LIMIT 1"  # noqa: S608
_SOME: Final = (
    f"SELECT c.id, c.bytes FROM {CAUGHT} c JOIN {SESSIONS} s ON s.id = c.session_id "  # noqa: S608
    f"WHERE s.expires_at <= {{now}} ORDER BY c.id LIMIT {FEW}"
)
_OLD_ROWS: Final = (
    f"DELETE FROM {CAUGHT} WHERE id IN (SELECT id FROM (SELECT id, sum(bytes) OVER (ORDER BY id) - bytes AS before "  # noqa: S608
    f"FROM ({_SOME}) few) those WHERE before < {FEW_BYTES})"
)
"""At least one, and no more after ``FEW_BYTES``."""
_OLD_SESSIONS: Final = (
    f"DELETE FROM {SESSIONS} WHERE expires_at <= {{now}} "  # noqa: S608
    f"AND NOT EXISTS (SELECT 1 FROM {CAUGHT} c WHERE c.session_id = {SESSIONS}.id)"
)
_EXPIRED: Final = (_OLD_ROWS, _OLD_SESSIONS)


class _Looks:
    """When this process looks again, and removes what has expired."""

    def __init__(self) -> None:
        self.next_at = self.expire_at = float("-inf")


looks: Final = _Looks()


def is_due() -> bool:
    """Whether it is time to look for running sessions."""
    return clock.monotonic() >= looks.next_at


def look(connection: BaseDatabaseWrapper, *, within: bool) -> None:
    """Read which sessions run of users and of everything, or have enqueued tasks; raises what the driver raises."""
    looks.next_at = clock.monotonic() + LOOK_EVERY
    found = select(connection, _RUNNING, within=within)
    users: dict[str, tuple[int, ...]] = {}
    for session, scope, target, _ in found:
        if scope == DebugSession.Scope.USER:
            users[target] = (*users.get(target, ()), session)
    running.users = users
    running.everything = tuple(session for session, scope, *_ in found if scope == DebugSession.Scope.EVERYTHING)
    running.enqueuing = any(has_tasks for *_, has_tasks in found)


def expiry_is_due() -> bool:
    """Whether it is time to remove expired sessions."""
    return clock.monotonic() >= looks.expire_at


def expire(connection: BaseDatabaseWrapper) -> None:
    """Remove some of what has expired, and ask for more in an hour if nothing had."""
    looks.expire_at = clock.monotonic() + EVERY
    vendor = vendor_of(connection)
    raw: Any = connection.connection
    removed = 0
    if vendor == "sqlite":
        now = _STARTED_AT.get_db_prep_value(clock.now(), connection)
        if not raw.execute(_ANY_EXPIRED.format(now=":now"), {"now": now}).fetchone():
            return
        with sqlite_transaction(raw):
            for sql in _EXPIRED:
                removed += raw.execute(sql.format(now=":now"), {"now": now}).rowcount
    else:
        with raw.cursor() as cursor:
            statements = [sql.format(now=f"'{clock.now().isoformat()}'") for sql in _EXPIRED]
            try:
                cursor.execute("; ".join(("BEGIN", *LOCAL)), prepare=False)
                for sql in statements:
                    removed += cursor.execute(sql, prepare=False).rowcount
                cursor.execute("COMMIT", prepare=False)
            except BaseException:
                if not raw.closed:
                    raw.rollback()
                raise
    if removed:
        looks.expire_at = float("-inf")


def write(connection: BaseDatabaseWrapper, rows: Sequence[CaughtRow], *, within: bool) -> None:
    """Write rows into the sessions that still take them; raises whatever the driver raises."""
    now = clock.now()
    for row in rows:
        if not _WRITERS[vendor_of(connection)](connection, row, now, within):
            running.ended(row.session_id)


def _to_sqlite(connection: BaseDatabaseWrapper, row: CaughtRow, now: datetime, within: bool) -> bool:
    raw: Any = connection.connection

    def moment(value: datetime) -> Any:
        return _STARTED_AT.get_db_prep_value(value, connection)

    values = [*row]
    values[COLUMNS.index("trace_id")] = row.trace_id.replace("-", "")
    values[COLUMNS.index("started_at")] = moment(row.started_at)
    given = {"id": row.session_id, "now": moment(now), "expires": moment(now + KEPT), "bytes": row.bytes}
    named = {name: f":{name}" for name in given}
    marks = ", ".join(f":v{number}" for number in range(len(values)))
    given |= {f"v{number}": value for number, value in enumerate(values)}
    insert = f"INSERT INTO {CAUGHT} ({_NAMES}) SELECT {marks} WHERE {_ROOM.format(**named)} {_ON_CONFLICT}"
    with savepoint(raw.execute) if within else sqlite_transaction(raw):
        taken = bool(raw.execute(insert, given).rowcount)
        for sql in _after(named, taken=taken):
            raw.execute(sql, given)
    return taken


def _after(given: dict[str, str], *, taken: bool) -> Sequence[str]:
    """Count what a session holds by now, and end it if that is enough."""
    full = _FULL.format(**given)
    return (_COUNTED.format(**given), full) if taken else (full,)


def _to_postgresql(connection: BaseDatabaseWrapper, row: CaughtRow, now: datetime, within: bool) -> bool:
    raw: Any = connection.connection
    given = {
        "id": str(row.session_id), "now": f"'{now.isoformat()}'", "expires": f"'{(now + KEPT).isoformat()}'",
        "bytes": str(row.bytes),
    }  # fmt: skip
    text = orjson.dumps(dict(zip(COLUMNS, row, strict=True))).decode().replace("\\", "\\\\").replace("'", "''")
    insert = (
        f"INSERT INTO {CAUGHT} ({_NAMES}) SELECT {_NAMES} FROM json_populate_record(null::{CAUGHT}, E'{text}') "  # noqa: S608
        f"WHERE {_ROOM.format(**given)} {_ON_CONFLICT}"
    )
    with raw.cursor() as cursor:

        def execute(sql: str) -> Any:
            return cursor.execute(sql, prepare=False)

        if within:
            with savepoint(execute):
                taken = bool(execute(insert).rowcount)
                execute("; ".join(_after(given, taken=taken)))
            return taken
        try:
            execute("; ".join(("BEGIN", *LOCAL)))
            taken = bool(execute(insert).rowcount)
            execute("; ".join((*_after(given, taken=taken), "COMMIT")))
        except BaseException:
            if not raw.closed:
                raw.rollback()
            raise
    return taken


def select(connection: BaseDatabaseWrapper, sql: str, *, within: bool) -> Sequence[tuple[Any, ...]]:
    """The rows of a statement in which ``{now}`` stands for the time; raises whatever the driver raises."""
    return _READERS[vendor_of(connection)](connection, sql, within)


def _from_sqlite(connection: BaseDatabaseWrapper, sql: str, within: bool) -> Sequence[tuple[Any, ...]]:
    raw: Any = connection.connection
    now = _STARTED_AT.get_db_prep_value(clock.now(), connection)
    cursor = raw.cursor()
    cursor.row_factory = None
    found: list[tuple[Any, ...]] = cursor.execute(sql.format(now=":now"), {"now": now}).fetchall()
    return found


def _from_postgresql(connection: BaseDatabaseWrapper, sql: str, within: bool) -> Sequence[tuple[Any, ...]]:
    raw: Any = connection.connection
    query = sql.format(now=f"'{clock.now().isoformat()}'")
    with raw.cursor(row_factory=_tuples) as cursor:

        def execute(sql: str) -> Any:
            return cursor.execute(sql, prepare=False)

        if within:
            with savepoint(execute):
                return list(execute(query).fetchall())
        try:
            execute("; ".join(("BEGIN", *LOCAL, query, "COMMIT")))
        except BaseException:
            if not raw.closed:
                raw.rollback()
            raise
        while cursor.description is None and cursor.nextset():
            pass
        return list(cursor.fetchall())


def _tuples(cursor: Any) -> Any:
    return tuple


_WRITERS: Final = {"sqlite": _to_sqlite, "postgresql": _to_postgresql}
_READERS: Final = {"sqlite": _from_sqlite, "postgresql": _from_postgresql}
