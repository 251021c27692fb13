"""Records bulk writes row by row, within ``signal_log.observed_bulk()``.

A ``RETURNING`` clause with all of the table's columns is appended to the statement, so the database reports the rows
written. Old values of an update are read, and locked, right before it; a delete returns them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from functools import partial
from typing import Any, Final, NamedTuple

from django.db import connections, models, transaction
from django.db.models.constants import OnConflict

from signal_log.capture.model.object_text import repr_of
from signal_log.capture.model.plan import Plan, Values
from signal_log.capture.model.row_sql import concrete
from signal_log.capture.model.unlogged import unlogged
from signal_log.capture.silent.bulk_rows import (
    Returning,
    detached,
    local_columns,
    old_by_new_key,
    old_by_unique_fields,
)
from signal_log.capture.silent.event import SilentWrite, hold_failed, open_draft
from signal_log.capture.silent.statements import DELETE, INSERT, UPDATE
from signal_log.capture.trace.context import default_context
from signal_log.capture.trace.draft import Draft
from signal_log.capture.trace.opening import open_event
from signal_log.capture.trace.trace import ensure_trace
from signal_log.capture.transaction.recording import record
from signal_log.capture.transaction.state import in_transaction, is_open
from signal_log.event import Changes


class _Scope(NamedTuple):
    """What an ``observed_bulk`` block covers: these models (none: all), on this database (None: all)."""

    models: tuple[type[models.Model], ...]
    using: str | None

    def covers(self, plan: Plan, using: str) -> bool:
        """Whether the model's writes are covered: a child includes its parents, a proxy is its concrete model."""
        return self.using in (None, using) and (
            not self.models or any(issubclass(model, concrete(plan.model)) for model in self.models)
        )


_scopes: Final[ContextVar[tuple[_Scope, ...]]] = ContextVar("signal_log_observed_bulk", default=())


@contextmanager
def recorded_by_row(given: tuple[type[models.Model], ...], using: str | None) -> Iterator[None]:
    """Record these models row by row in the block, in addition to what enclosing blocks cover."""
    token = _scopes.set((*_scopes.get(), _Scope(given, using)))
    try:
        yield
    finally:
        _scopes.reset(token)


class Bulk(NamedTuple):
    """A running ORM write that can be recorded row by row."""

    verb: str
    plan: Plan
    compiler: Any

    @property
    def applies(self) -> bool:
        """Whether an ``observed_bulk`` block covers it and its rows can be determined."""
        query = self.compiler.query
        if not any(scope.covers(self.plan, self.compiler.using) for scope in _scopes.get()):
            return False
        if concrete(query.model) is not concrete(self.plan.model):
            return False  # another class on an observed table: its columns may have other names
        if not connections[self.compiler.using].features.can_return_rows_from_bulk_insert:
            return False  # SQLite before 3.35 has no RETURNING
        # The rows an upsert may conflict with are looked up by value, and an expression has no value yet.
        return not (self._is_upsert and any(_has_expression(obj, query.unique_fields) for obj in query.objs))

    @property
    def _assigned(self) -> list[str]:
        """The columns that an update sets, and generated columns."""
        given = {field.attname for field, _, _ in self.compiler.query.values}
        return [f.attname for f in local_columns(self.plan.model) if f.attname in given or f.generated]

    @property
    def _is_upsert(self) -> bool:
        return self.verb == INSERT and self.compiler.query.on_conflict == OnConflict.UPDATE

    def run(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run the statement and buffer an event for each row written, in one transaction."""
        if self.verb == UPDATE and not self.compiler.query.values:
            return original(self.compiler, *args, **kwargs)  # only the parents of a child model are updated
        using = self.compiler.using
        alone = not (in_transaction(connections[using]) or is_open(connections[using]))
        with ensure_trace(default_context), transaction.atomic(using, savepoint=False) if alone else nullcontext():
            returning = kwargs.get("returning_fields", args[0] if args else None) if self.verb == INSERT else None
            return self._run(partial(original, self.compiler, *args, **kwargs), len(returning or ()))

    def _run(self, original: Callable[[], Any], theirs: int) -> Any:
        connection = connections[self.compiler.using]
        write = SilentWrite(self.verb, self.plan, True, self.compiler.query)
        first = open_draft(write, connection, "")
        statement = Returning(self.verb, self.plan, self.compiler, theirs)
        try:
            with unlogged(connection):
                old = self._old()
            with statement.installed():
                result = original()
        except BaseException as error:
            statement.complete(first, 0)
            hold_failed([first], [write], error, connection)
            raise
        result, rows = statement.rows(result)
        statement.complete(first, len(rows))
        self._hold(first, statement.values(rows), old)
        return result

    def _old(self) -> dict[Any, Values]:
        """The rows before the statement, by the key they will have after it."""
        if self.verb == UPDATE:
            return old_by_new_key(self.compiler, self.plan, self._assigned)
        return old_by_unique_fields(self.compiler) if self._is_upsert else {}

    def _hold(self, first: Draft, rows: Iterator[Values], old: dict[Any, Values]) -> None:
        keys = [field.attname for field in self.plan.model._meta.pk_fields]
        connection = connections[self.compiler.using]
        draft: Draft | None = None
        for new in rows:
            before = old.pop(tuple(new[key] for key in keys), None)
            draft = first if draft is None else open_event(first.scene, first.signal)
            draft.origin, draft.occurred_at = first.origin, first.occurred_at
            draft.created = True if self.verb == INSERT and before is None else None
            draft.signal = f"silent_{UPDATE if self._is_upsert and before is not None else self.verb}"
            draft.changes = self.plan.judged(self._changes(before, new), new, before or {})
            if self.plan.hiding:
                draft.scene.trace.gathered.note_secrets(self.plan.secret_values(new, before or {}))
            shown = detached(self.plan.model, new, self.compiler.using)
            draft.object_repr = repr_of(self.plan, shown)
            keyed = shown if before is None else detached(self.plan.model, {**new, **before}, self.compiler.using)
            draft.object_pk = self.plan.key(keyed)
            record((draft,), connection)

    def _changes(self, before: Values | None, new: Values) -> Changes:
        if self.verb == DELETE:
            return self.plan.deletion(new)
        if self.verb == INSERT:
            return self.plan.diff(before or {}, new)
        # A row that started to match after the read: its old values are unknown.
        known = before if before is not None else dict.fromkeys(self._assigned)
        return self.plan.diff(known, {name: new[name] for name in known if name in new})


def _has_expression(obj: models.Model, fields: Any) -> bool:
    return any(hasattr(getattr(obj, field.attname), "resolve_expression") for field in fields)
