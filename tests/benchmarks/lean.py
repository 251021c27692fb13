"""The leanest recorder that writes the same two rows with the same guarantees; what ours costs above it is to explain.

It knows one model in one table. In autocommit the row's statement, reads of the row before and after it, and both
events are one transaction below Django's flags, committed before ``post_save``; in a block the events wait for COMMIT.
It has no failed and rolled back events, savepoints, silent writes, receivers, requests, masks and limits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final
from unittest.mock import patch

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.event import UNKNOWN
from tests.benchmarks.lean_table import Trace, write

HELD: Final = "lean_held"
KNOWN: Final = "lean_known"
PLAIN: Final = frozenset({str, int, bool, type(None)})
NOTHING: Final = object()


class Plan:
    """What is known of the model."""

    def __init__(self, model: type[models.Model]) -> None:
        connection = connections["default"]
        fields = model._meta.concrete_fields
        mark = "?" if connection.vendor == "sqlite" else "%s"
        table, key = f'"{model._meta.db_table}"', f'"{model._meta.pk.column}"'
        # An expression has no declared type, whose converter sqlite3 would call for every value that it reads.
        sign = "+" if connection.vendor == "sqlite" else ""
        columns = ", ".join(f'{sign}{table}."{field.column}" AS "{field.column}"' for field in fields)
        self.label = model._meta.label
        self.key = model._meta.pk.attname
        self.attnames = [field.attname for field in fields]
        self.names = {field.attname: field.name for field in fields}
        self.columns = [
            (at, field.attname, field.name, _converter(field, connection)) for at, field in enumerate(fields)
        ]
        self.update = f"UPDATE {table} SET "  # noqa: S608
        self.select = f"SELECT {columns} FROM {table} WHERE {table}.{key} = {mark}"  # noqa: S608  our own names
        sequence = f"{model._meta.db_table}_{model._meta.pk.column}_seq"
        self.newest = self.select.replace("%s", f"(SELECT currval('{sequence}'))")


def _converter(field: Any, connection: BaseDatabaseWrapper) -> Callable[[Any], Any]:
    """What makes a value as logged of one as the driver gives it."""
    column = field.get_col(field.model._meta.db_table)
    steps = connection.ops.get_db_converters(column) + field.get_db_converters(connection)
    if not steps:
        return logged

    def convert(value: Any) -> Any:
        for step in steps:
            value = step(value, column, connection)
        return logged(value)

    return convert


def logged(value: Any) -> Any:
    """A value as it is logged."""
    if type(value) in PLAIN:
        return value
    return value.isoformat() if type(value) is datetime else str(value)


class Save:
    """A save and both its events; it is made when the first of them opens."""

    __slots__ = (
        "after", "before", "believed", "changes", "connection", "created", "instance", "known", "moments", "only",
        "operation", "overwrote", "own", "pk", "plan", "position", "text", "trace", "values",
    )  # fmt: skip

    def __init__(
        self, plan: Plan, instance: models.Model, connection: BaseDatabaseWrapper, trace: Trace, only: Any
    ) -> None:
        held, state = instance.__dict__, instance._state
        self.plan, self.instance, self.connection, self.trace = plan, instance, connection, trace
        self.operation, self.moments = trace.next(), (datetime.now(UTC),)
        self.own, self.before, self.after = False, None, None
        self.only = None if only is None else sorted(only)
        self.known, seen = state.__dict__.get(KNOWN, ({}, None))
        if type(self.known) is not dict:
            self.known = dict(zip(self.known, seen, strict=True))
            seen = None
        self.values = values = {name: held[name] for name in plan.attnames if name in held}
        missing, known, names = None if state.adding else UNKNOWN, self.known, plan.names
        self.believed = {
            names[name]: [logged(old) if old is not UNKNOWN else old, logged(value)]
            for name, value in values.items()
            if (old := known.get(name, missing)) is not value and old != value
            if only is None or name in only or names[name] in only
        }
        self.known = known, seen
        self.pk, self.text = (held[plan.key],), (str(instance),)

    def around(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        """Run the row's statement, an execute wrapper: between two reads of the row, after our BEGIN in autocommit."""
        connection, plan = self.connection, self.plan
        begins = connection.autocommit and not self.own
        self.own = self.own or begins
        updates = sql.startswith(plan.update)
        if connection.vendor == "sqlite":
            raw = connection.connection
            if begins:
                raw.execute("BEGIN IMMEDIATE")
            if not updates:
                return execute(sql, params, many, context)
            key = self.pk
            self.before = raw.execute(plan.select, key).fetchone()
            result = execute(sql, params, many, context)
            self.after = raw.execute(plan.select, key).fetchone()
            return result
        cursor = context["cursor"].cursor
        message = [sql, plan.select if updates else plan.newest]
        if updates:
            message.insert(0, f"{plan.select} FOR NO KEY UPDATE")
            params = (*self.pk, *params, *self.pk)
        if begins:
            message.insert(0, "BEGIN")
        last = len(message) - 1
        with connection.wrap_database_errors:
            cursor.execute(";\n".join(message), params)
            if updates:
                self.before = cursor.set_result(last - 2).fetchone()
            self.after = cursor.set_result(last).fetchone()
            cursor.set_result(last - 1)
        return cursor

    def complete(self, *, created: bool) -> None:
        """Open the second event, from what the row held and holds; in autocommit, write both and commit."""
        plan, connection, instance = self.plan, self.connection, self.instance
        held, before = instance.__dict__, self.before
        pk = held[plan.key]
        if self.after is None:
            self.after = connection.connection.execute(plan.select, (pk,)).fetchone()
        after = self.after
        self.position, self.moments = self.trace.next(), (*self.moments, datetime.now(UTC))
        self.created, self.pk, self.text = created, (*self.pk, pk), (*self.text, str(instance))
        known, seen = self.known
        changes: dict[str, list[Any]] = {}
        overwrote = []
        for at, attname, name, convert in plan.columns:
            new = after[at]
            if before is None:
                if new is not None:
                    changes[name] = [None, convert(new)]
                continue
            old = before[at]
            if old == new:
                continue
            changes[name] = pair = [None if old is None else convert(old), None if new is None else convert(new)]
            if pair[0] != logged(known.get(attname, NOTHING)) if seen is None else seen[at] != old:
                overwrote.append(name)
        self.changes, self.overwrote = changes, overwrote
        values = {name: held[name] for name in plan.attnames if name in held}
        instance._state.__dict__[KNOWN] = (values if self.only is None else {**known, **values}), after
        if self.own:
            write([self], connection, commit=True)
            self.own = False
        else:
            connection.__dict__.setdefault(HELD, []).append(self)


current_trace: ContextVar[Trace | None] = ContextVar("lean_trace", default=None)
current_save: ContextVar[Save | None] = ContextVar("lean_save", default=None)


@contextmanager
def recording(model: type[models.Model]) -> Iterator[None]:
    """Record this model's saves in the block."""
    plan = Plan(model)
    save_base, save_table, from_db = models.Model.save_base, models.Model._save_table, model.from_db.__func__
    commit, rollback = BaseDatabaseWrapper.commit, BaseDatabaseWrapper.rollback

    def recorded_save_base(
        self: models.Model, raw: bool = False, force_insert: Any = False, force_update: bool = False,
        using: str = "default", update_fields: Any = None,
    ) -> None:  # fmt: skip
        trace = current_trace.get()
        trace_token = current_trace.set(trace := Trace()) if trace is None else None
        save_token = current_save.set(Save(plan, self, connections[using], trace, update_fields))
        try:
            save_base(self, raw, force_insert, force_update, using, update_fields)
        finally:
            current_save.reset(save_token)
            if trace_token is not None:
                current_trace.reset(trace_token)

    def recorded_save_table(self: models.Model, *args: Any, **kwargs: Any) -> bool:
        save = current_save.get()
        if save is None or save.instance is not self:
            return save_table(self, *args, **kwargs)
        around, connection = save.around, save.connection
        connection.execute_wrappers.append(around)
        try:
            updated = save_table(self, *args, **kwargs)
            save.complete(created=not updated)
        except BaseException:
            if save.own:
                connection.connection.rollback()
            raise
        finally:
            connection.execute_wrappers.remove(around)
        return updated

    def recorded_from_db(cls: Any, db: str, field_names: Any, values: Any) -> models.Model:
        instance = from_db(cls, db, field_names, values)
        instance._state.__dict__[KNOWN] = field_names, values
        return instance

    def recorded_commit(self: BaseDatabaseWrapper) -> None:
        held = self.__dict__.pop(HELD, None)
        if held is not None:
            write(held, self, commit=self.vendor == "postgresql")
        commit(self)

    def recorded_rollback(self: BaseDatabaseWrapper) -> None:
        self.__dict__.pop(HELD, None)
        rollback(self)

    with ExitStack() as patches:
        for owner, name, function in (
            (model, "save_base", recorded_save_base), (model, "_save_table", recorded_save_table),
            (model, "from_db", classmethod(recorded_from_db)),
            (BaseDatabaseWrapper, "commit", recorded_commit), (BaseDatabaseWrapper, "rollback", recorded_rollback),
        ):  # fmt: skip
            patches.enter_context(patch.object(owner, name, function))
        yield
