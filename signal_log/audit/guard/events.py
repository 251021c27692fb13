"""Makes events of what the triggers wrote down: each row becomes one, and is removed in the same transaction.

The event has the time of the write, and its place in the log is that of its making: until then, pages do not show it.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django.apps import apps
from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log import clock
from signal_log.audit.guard.queue import by_us
from signal_log.audit.guard.triggers import may_be_secret, own_reader
from signal_log.capture.model.actual_row import Raw, RowReader
from signal_log.capture.model.error_text import error_text
from signal_log.capture.model.object_text import repr_of
from signal_log.capture.model.plan import Plan
from signal_log.capture.model.row_diff import row_deleted, row_written
from signal_log.capture.model.row_sql import run_on_sqlite
from signal_log.capture.silent.bulk_rows import detached
from signal_log.conf import conf
from signal_log.event import DATABASE, INCOMPLETE, MASK, UNKNOWN, Changes, Event
from signal_log.interruption import let_interruption_pass
from signal_log.models import GuardedTable, PastWrite
from signal_log.rows import labels_of_row
from signal_log.seal.canonical import SALT_BYTES
from signal_log.store.append import append
from signal_log.store.row import TABLE
from signal_log.tail import doorbell
from signal_log.vendor import vendor_of

AT_ONCE: Final = 500
"""How many rows become events in one transaction."""
TRUNCATE: Final = "truncate"
NOT_UTF8: Final = "not UTF-8"
"""The label that names columns with text that is none: what could not be read is replaced."""
REPLACED: Final = "\ufffd"
_SIGNALS: Final = {"insert": "silent_insert", "update": "silent_update", "delete": "silent_delete"}
_LITERAL: Final = re.compile(
    r"(?P<null>NULL)|T'(?P<bytes>[0-9A-Fa-f]*)'|X'(?P<blob>[0-9A-Fa-f]*)'|'(?P<text>(?:[^']|'')*)'|(?P<number>[^,']+)"
)
_TRANSACTION_IDS: Final = 2**32  # a row's xmin is the lower half


def collect() -> int:
    """Make events of all that is written down by now; returns how many."""
    made = 0
    while (some := collect_some()) is not None:
        made += some
    return made


def may_come() -> bool:
    """Whether there may be something to make events of soon: a table is guarded."""
    return GuardedTable.objects.exists()


def collect_some() -> int | None:
    """Make events of the oldest rows, in one transaction; None if there are none. Raises ``RecordingError``."""
    connection = connections[conf.DATABASE]
    if not PastWrite.objects.using(conf.DATABASE).exists():  # on SQLite, a transaction would wait for writers
        return None
    with transaction.atomic(using=conf.DATABASE):
        rows = PastWrite.objects.using(conf.DATABASE).order_by("id")
        if vendor_of(connection) == "postgresql":  # another process may be at it, too
            rows = rows.select_for_update(skip_locked=True)
        with by_us(connection):
            taken = list(rows[:AT_ONCE])
            if not taken:
                return None
            events = list(_Making(connection).events(taken))
            if events:
                append(events, connection)
            PastWrite.objects.using(conf.DATABASE).filter(pk__in=[row.pk for row in taken]).delete()
        transaction.on_commit(doorbell.ring, using=conf.DATABASE)
    return len(events)


class _Making:
    """Makes the events of one batch."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self._plans: dict[str, tuple[Plan, RowReader] | None] = {}

    def events(self, rows: Sequence[PastWrite]) -> Iterator[Event]:
        """An event for each row, those of a transaction in one trace; none where Django's recorder had made one."""
        made = [(row, self._event(row)) for row in rows]
        own = self._recorded([(row, event) for row, event in made if row.transaction])
        traces: dict[tuple[str, str], tuple[str, int]] = {}
        for row, event in made:
            if row.pk in own:
                continue
            work = (row.transaction, "" if row.transaction else row.written_at)
            trace, position = traces.get(work, (str(uuid.uuid4()), 0))
            traces[work] = trace, position + 1
            yield event._replace(trace_id=trace, position=position + 1, operation=position + 1)

    def _event(self, row: PastWrite) -> Event:
        event = Event(
            signal=_SIGNALS.get(row.verb, "silent_delete"), sender=row.label, using=conf.DATABASE, trace_id="",
            position=1, operation=1, source=DATABASE, occurred_at=_moment(row.written_at),
            process=f"{vendor_of(self.connection)}:{_program(row).get('process', '')}".rstrip(":"),
            origin={"model": row.label, "rows": 1}, salt=os.urandom(SALT_BYTES), **_who(row),
        )  # fmt: skip
        if row.verb == TRUNCATE:
            return event._replace(
                origin={"model": row.label, "rows": None, "statement": "TRUNCATE"}, object_repr="rows"
            )
        try:
            return event._replace(**self._told(row))
        except BaseException as error:  # noqa: BLE001  a field of the host's may raise anything
            let_interruption_pass(error)
            return event._replace(error=f"{INCOMPLETE}: {error_text(error)}", object_repr="1 row")

    def _told(self, row: PastWrite) -> dict[str, Any]:
        known = self._plan(row.label)
        if known is None:
            return {"object_repr": "1 row", "error": f"{INCOMPLETE}: there is no model {row.label} any more."}
        plan, reader = known
        before, after = self._read(reader, row, row.old), self._read(reader, row, row.new)
        unread = sorted(name for name, text in self._texts(row) if REPLACED in text)
        changes = self._changes(plan, reader, before, after) | _hidden(plan, json.loads(row.hidden or "{}"))
        return {
            "object_pk": plan.key(self._instance(plan, reader, before or after or ())),
            "object_repr": repr_of(plan, self._instance(plan, reader, after or before or ())),
            "created": True if row.verb == "insert" else None,
            "changes": changes,
            **(
                {"labels": {**(_who(row)["labels"] or {}), NOT_UTF8: ", ".join(dict.fromkeys(unread))}}
                if unread
                else {}
            ),
        }

    def _texts(self, row: PastWrite) -> Iterator[tuple[str, str]]:
        """On SQLite, what was written down of each column that is a text."""
        if vendor_of(self.connection) != "sqlite":
            return
        for told in filter(None, (row.old, row.new)):
            for name, value in zip(json.loads(row.columns), literals(told), strict=False):
                if isinstance(value, str):
                    yield name, value

    def _instance(self, plan: Plan, reader: RowReader, raw: Raw) -> models.Model:
        """An object with what was written down of the row; the rest is deferred."""
        secret = may_be_secret(plan)
        held = {
            column.attname: None if value is None else reader.value(at, value, self.connection)
            for at, (column, value) in enumerate(zip(reader.columns, raw, strict=False))
            if column.attname not in secret
        }
        return detached(plan.model, held, conf.DATABASE)

    def _changes(self, plan: Plan, reader: RowReader, before: Raw | None, after: Raw | None) -> Changes:
        if after is None:
            return {} if before is None else row_deleted(plan, reader, self.connection, before, None).changes
        return dict(row_written(plan, reader, self.connection, before, after, None, {}, {}).changes)

    def _plan(self, label: str) -> tuple[Plan, RowReader] | None:
        if label not in self._plans:
            try:
                plan = Plan(apps.get_model(label))
                self._plans[label] = plan, own_reader(plan, self.connection)
            except (LookupError, ValueError):
                self._plans[label] = None
        return self._plans[label]

    def _read(self, reader: RowReader, row: PastWrite, told: str) -> Raw | None:
        """A row as the recorder would have read it: the database converts and cuts what the trigger wrote down."""
        if not told:
            return None
        part = reader.parts[0]
        if not reader.on_sqlite:
            record = f"jsonb_populate_record(NULL::{part.table}, %s::jsonb)"
            return reader.in_utc(self._fetched(f"SELECT {part.shown} FROM {record} AS {part.table}", told))[0]  # noqa: S608
        held = dict(zip(json.loads(row.columns), literals(told), strict=False))
        names = [str(column.field.column) for column in reader.columns]
        quoted = ", ".join(f"? AS {self.connection.ops.quote_name(name)}" for name in names)
        sql = f"SELECT {part.shown} FROM (SELECT {quoted}) AS {part.table}"  # noqa: S608  quoted names
        return run_on_sqlite(self.connection, sql, [held.get(name) for name in names])[0]

    def _fetched(self, sql: str, told: str) -> list[Raw]:
        """On PostgreSQL, below Django's cursors; what cannot be converted must not end our transaction."""
        from psycopg.rows import tuple_row

        raw: Any = self.connection.connection
        with raw.transaction(), raw.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(sql, (told,))
            rows: list[Raw] = cursor.fetchall()
        return rows

    def _recorded(self, made: Sequence[tuple[PastWrite, Event]]) -> set[int]:
        """The rows of transactions that wrote events of the same objects.

        A pooler may have given Django a connection to PostgreSQL that lacks the mark of the recorder.
        """
        asked = [
            (row.pk, sender, key, str(int(row.transaction) % _TRANSACTION_IDS))
            for row, event in made
            for sender in {row.label, *labels_of_row(row.label)}
            for key in {event.object_pk, ""}
        ]
        if not asked:
            return set()
        with self.connection.cursor() as cursor:
            cursor.execute(
                f"SELECT DISTINCT row FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) "  # noqa: S608
                f"AS asked (row, sender, key, number) WHERE EXISTS (SELECT FROM {TABLE} AS event "
                f"WHERE event.sender = asked.sender AND event.object_pk = asked.key "
                f"AND event.xmin::text = asked.number)",
                [list(column) for column in zip(*asked, strict=True)],
            )
            return {row for (row,) in cursor.fetchall()}


def literals(text: str) -> list[Any]:
    """The values of a list of SQLite's literals, as ``quote()`` writes them."""
    values: list[Any] = []
    at = 0
    while at < len(text):
        found = _LITERAL.match(text, at)
        if found is None:
            raise ValueError("what a trigger wrote down is no list of literals")
        at = found.end() + 1
        if found["bytes"] is not None:
            values.append(bytes.fromhex(found["bytes"]).decode(errors="replace"))
        elif found["blob"] is not None:
            values.append(bytes.fromhex(found["blob"]))
        elif found["text"] is not None:
            values.append(found["text"].replace("''", "'"))
        elif found["number"] is not None:
            number = found["number"]
            values.append(int(number) if number.lstrip("-").isdigit() else float(number.replace("Inf", "inf")))
        else:
            values.append(None)
    return values


def _hidden(plan: Plan, told: dict[str, list[Any]]) -> Changes:
    """The changes of columns whose values were not written down: masked, or unknown where they may be no secret."""
    changes: Changes = {}
    for column in plan.columns:
        pair = told.get(str(column.field.column))
        if pair is not None:
            stands = MASK if column.masked else UNKNOWN
            changes[column.name] = [stands if is_there else None for is_there in pair]
    return changes


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return clock.now()


def _program(row: PastWrite) -> dict[str, Any]:
    try:
        found = json.loads(row.program or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _who(row: PastWrite) -> dict[str, Any]:
    """Who wrote it, as the database knows."""
    told = {name: str(value) for name, value in _program(row).items() if value not in (None, "") and name != "process"}
    address = told.pop("address", "")
    return {"labels": told or None, "remote_addr": address[:64]}
