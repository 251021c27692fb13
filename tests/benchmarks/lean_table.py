"""The lean recorder's own table, a copy of the log's, and how its rows are made and appended."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from orjson import OPT_SORT_KEYS, Fragment, dumps

from signal_log.capture.trace.context import default_context
from signal_log.event import Event
from signal_log.models import SignalEvent
from signal_log.store.schema import APPEND, BY_TIME, FUNCTION_BODIES, SQLITE_TRIGGERS

if TYPE_CHECKING:
    from tests.benchmarks.lean import Save

FEW: Final = 8
"""Up to this many rows go to PostgreSQL by a function, with the COMMIT; more by COPY."""
JSON: Final = [Event._fields.index(name) for name in ("update_fields", "origin", "changes", "overwrote", "labels")]
HOST: Final = socket.gethostname()
CONTEXT: Final = default_context()
BYTES: Final = [Event._fields.index(name) for name in ("salt", "digest")]


class LeanEvent(models.Model):
    """One firing of a signal; it has the columns and indexes of ``SignalEvent``."""

    class Meta:
        indexes = tuple(
            models.Index(fields=index.fields, name=index.name.replace("signal_log", "lean"), condition=index.condition)
            for index in SignalEvent._meta.indexes
        )

    for _field in SignalEvent._meta.concrete_fields:
        vars()[_field.name] = _field.clone()
    del _field

    def __str__(self) -> str:
        return f"#{self.pk} {self.signal} {self.sender}"


TABLE: Final = LeanEvent._meta.db_table
NAMES: Final = ", ".join(f'"{name}"' for name in Event._fields)
INSERT: Final = f"INSERT INTO {TABLE} ({NAMES}) VALUES ({', '.join('?' * len(Event._fields))})"  # noqa: S608
COPY: Final = f"COPY {TABLE} ({NAMES}) FROM STDIN"


def complete() -> None:
    """Make what the migrations of the log make besides its table: on SQLite, the triggers that keep it append-only."""
    if connections["default"].vendor == "sqlite":
        with connections["default"].cursor() as cursor:
            for name in SQLITE_TRIGGERS:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name.replace(SignalEvent._meta.db_table, TABLE)}")
            for statement in SQLITE_TRIGGERS.values():
                cursor.execute(statement.replace(SignalEvent._meta.db_table, TABLE))
    if connections["default"].vendor == "postgresql":
        body = FUNCTION_BODIES[APPEND].replace(SignalEvent._meta.db_table, TABLE)
        with connections["default"].cursor() as cursor:
            cursor.execute(f"CREATE FUNCTION {TABLE}_append(events json) RETURNS void LANGUAGE plpgsql AS $${body}$$")
            for statement in BY_TIME:
                cursor.execute(statement.replace(SignalEvent._meta.db_table, TABLE).replace("signal_log", "lean"))


class Trace:
    """What belongs together: its events are numbered in their order."""

    __slots__ = ("next", "text")

    def __init__(self) -> None:
        self.next = count(1).__next__
        self.text = ""

    def trace_id(self) -> str:
        """A UUID of version 7."""
        if not self.text:
            digits = f"{time.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"
            variant = 8 | int(digits[16], 16) & 3
            last = f"{variant:x}{digits[17:20]}-{digits[20:]}"
            self.text = f"{digits[:8]}-{digits[8:12]}-7{digits[13:16]}-{last}"
        return self.text


def write(saves: Sequence[Save], connection: BaseDatabaseWrapper, *, commit: bool) -> None:
    """Write both events of each save, and COMMIT if it is our own."""
    sqlite = connection.vendor == "sqlite"
    with connection.wrap_database_errors:
        (to_sqlite if sqlite else to_postgresql)(connection.connection, rows_of(saves, sqlite=sqlite), commit=commit)


def rows_of(saves: Sequence[Save], *, sqlite: bool) -> list[list[Any]]:
    """The rows of both events of each save, with their digests."""
    rows = []
    salts, process = os.urandom(64 * len(saves)), f"{HOST}:{os.getpid()}"
    source, actor, salt_at = CONTEXT.source, CONTEXT.actor(), 0
    for save in saves:
        plan, connection = save.plan, save.connection
        trace = save.trace.trace_id()
        stored_trace = trace.replace("-", "") if sqlite else trace
        believed = encoded = dumps(save.believed, option=OPT_SORT_KEYS)
        if save.changes != save.believed:
            encoded = dumps(save.changes, option=OPT_SORT_KEYS)
        only = None if save.only is None else dumps(save.only).decode()
        for post, (signal, position, changes, created, overwrote) in enumerate((
            ("pre_save", save.operation, believed, None, None),
            ("post_save", save.position, encoded, save.created, save.overwrote),
        )):  # fmt: skip
            pk, text, salt = save.pk[post], save.text[post], salts[salt_at : salt_at + 32]
            key = "" if pk is None else str(pk)
            at = save.moments[post].isoformat(" ", "microseconds")[:26]
            moment = f"{at[:10]}T{at[11:]}Z"
            header = dumps({
                "caused_by": "", "created": created, "method": "", "occurred_at": moment, "operation": save.operation,
                "outcome": "committed", "overwrote": overwrote, "parent_position": None, "position": position,
                "process": process, "raw": False, "sender": plan.label, "signal": signal, "source": source,
                "trace_id": trace, "update_fields": save.only, "using": connection.alias,
            })  # fmt: skip
            subject = dumps({"actor_pk": actor.pk, "object_pk": key, "origin": None, "request_id": ""})
            payload = dumps({
                "actor_repr": actor.name, "call_site": "", "changes": Fragment(changes), "error": "", "labels": None,
                "object_repr": text, "path": "", "remote_addr": "",
            })  # fmt: skip
            hashes = sha256(salt[:16] + subject).digest() + sha256(salt[16:] + payload).digest()
            digest = sha256(b"signal_log/event/2\n" + header + b"\n" + hashes).digest()
            salt_at += 32
            rows.append([
                signal, plan.label, connection.alias, stored_trace, position, save.operation, source,
                at if sqlite else moment, process, key, text, created, False, only, None, changes.decode(),
                None if overwrote is None else dumps(overwrote).decode(), None, None, "", "committed", "", actor.pk,
                actor.name, "", "", "", "", "", salt, digest,
            ])  # fmt: skip
    return rows


def to_sqlite(raw: Any, rows: Sequence[list[Any]], *, commit: bool) -> None:
    """Append, and COMMIT if that is next; a row a statement, which with the triggers is faster."""
    raw.executemany(INSERT, rows)
    if commit:
        raw.execute("COMMIT")


def to_postgresql(raw: Any, rows: Sequence[list[Any]], *, commit: bool) -> None:
    """The same; few rows and the COMMIT are one message."""
    with raw.cursor() as cursor:
        if len(rows) > FEW:
            with cursor.copy(COPY) as copy:
                for row in rows:
                    copy.write_row(row)
            return
        for row in rows:
            for at in BYTES:
                row[at] = "\\x" + row[at].hex()
            for at in JSON:
                if row[at] is not None:
                    row[at] = Fragment(row[at])
        text = dumps([dict(zip(Event._fields, row, strict=True)) for row in rows]).decode()
        literal = text.replace("\\", "\\\\").replace("'", "''")
        cursor.execute(f"SELECT {TABLE}_append(E'{literal}'){'; COMMIT' if commit else ''}", prepare=False)
