"""The rows of a bulk write: their values before it, and those that the database reports as written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from django.db import connections, models
from django.db.models import Q, QuerySet, Value
from django.db.models.base import ModelState
from django.db.models.sql import Query

from signal_log.capture.model.plan import Plan, Values
from signal_log.capture.model.row_sql import concrete
from signal_log.capture.silent.event import close_draft
from signal_log.capture.silent.known_names import shown_statement
from signal_log.capture.trace.draft import Draft
from signal_log.vendor import vendor_of

CHUNK: Final = 200
"""Rows looked up per query: SQLite rejects conditions of more than 1,000 terms."""
NEW_KEY: Final = "signal_log_new_key_"


def local_columns(model: type[models.Model]) -> Sequence[models.Field[Any, Any]]:
    """The columns of the model's own table, without those of its parents."""
    return concrete(model)._meta.local_concrete_fields


class Returning:
    """An execute wrapper that appends ``RETURNING`` to one statement, to get the rows it writes."""

    def __init__(self, verb: str, plan: Plan, compiler: Any, theirs: int) -> None:
        meta = compiler.query.model._meta
        self.plan = plan
        self.compiler = compiler
        self.theirs = theirs
        self.fields = local_columns(compiler.query.model)
        self.verb = verb.upper()
        quote = compiler.connection.ops.quote_name
        self.table = quote(meta.db_table)
        own = [(field, f"{self.table}.{quote(field.column)}") for field in self.fields]
        columns = ", ".join(field.select_format(compiler, column, ())[0] for field, column in own)
        # If Django requests columns itself, ours are appended to them.
        self.clause = f", {columns}" if theirs else f" RETURNING {columns}"
        # SQLite returns a number as it was given, and stores it as the column wants it.
        on_sqlite = vendor_of(compiler.connection) == "sqlite"
        self._reals = [
            at for at, field in enumerate(self.fields) if on_sqlite and field.db_type(compiler.connection) == "real"
        ]
        self.text = ""
        self._fetched: list[Any] = []

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Install the wrapper for the block as the outermost one, which sees the statement as the compiler made it."""
        wrappers = self.compiler.connection.execute_wrappers
        wrappers.insert(0, self)
        try:
            yield
        finally:
            wrappers.remove(self)

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        """Execute any statement unchanged, except the one to extend, whose rows are fetched."""
        if self.text or type(sql) is not str or not sql.startswith(self.verb) or self.table not in sql[:200]:
            return execute(sql, params, many, context)
        self.text = sql
        result = execute(sql + self.clause, params, many, context)
        if not self.theirs:
            self._fetched = context["cursor"].fetchall()  # SQLite's row count is valid only after this
        return result

    def rows(self, result: Any) -> tuple[Any, list[Any]]:
        """Split the compiler's result into what Django expects and our rows."""
        if not self.theirs:
            return result, self._fetched
        return [row[: self.theirs] for row in result], [row[self.theirs :] for row in result]

    def values(self, rows: list[Any]) -> Iterator[Values]:
        """The rows as dicts of Python values, by attname."""
        names = [field.attname for field in self.fields]
        for at in self._reals:
            rows = [(*row[:at], float(row[at]), *row[at + 1 :]) if type(row[at]) is int else row for row in rows]
        converters = self.compiler.get_converters([f.get_col(f.model._meta.db_table) for f in self.fields])
        found = self.compiler.apply_converters(rows, converters) if converters else rows
        return (dict(zip(names, row, strict=True)) for row in found)

    def complete(self, draft: Draft, rows: int) -> None:
        """Fill in the event's row count and statement."""
        close_draft(draft, rows)
        if draft.origin is not None:
            draft.origin["statement"] = shown_statement(self.plan, self.text)


def old_by_new_key(compiler: Any, plan: Plan, names: Sequence[str]) -> dict[Any, Values]:
    """The old values of an update's rows in these columns, locked, by the key that each row will have afterwards."""
    model = plan.model
    keys = [field.attname for field in model._meta.pk_fields]
    assigned = {field.attname: _expression(field, value) for field, _, value in compiler.query.values}
    new_keys = {f"{NEW_KEY}{i}": assigned[key] for i, key in enumerate(keys) if key in assigned}
    named = list(dict.fromkeys([*keys, *names]))
    found = _locked(model, compiler.using).filter(pk__in=_keys_of(compiler.query)).annotate(**new_keys)
    old: dict[Any, Values] = {}
    for row in found.order_by("pk").values(*named, *new_keys):
        moved = [row.pop(f"{NEW_KEY}{i}", row[key]) for i, key in enumerate(keys)]
        old[tuple(moved)] = row
    return old


def old_by_unique_fields(compiler: Any) -> dict[Any, Values]:
    """The rows that an upsert will conflict with, locked, by their key."""
    query = compiler.query
    model = query.model
    keys = [field.attname for field in model._meta.pk_fields]
    names = [field.attname for field in local_columns(model)]
    unique = [field.attname for field in query.unique_fields]
    given = [{name: getattr(obj, name) for name in unique} for obj in query.objs]
    wanted = [values for values in given if None not in values.values()]  # null never conflicts
    old: dict[Any, Values] = {}
    for at in range(0, len(wanted), CHUNK):
        conflicting = Q(*(Q(**values) for values in wanted[at : at + CHUNK]), _connector=Q.OR)
        for row in _locked(model, compiler.using).filter(conflicting).order_by("pk").values(*names):
            old[tuple(row[key] for key in keys)] = row
    return old


def detached(model: type[models.Model], values: Values, using: str) -> models.Model:
    """An instance for a row, to derive its key and text; it bypasses ``__init__`` and its signals."""
    instance = model.__new__(model)
    instance._state = ModelState()
    instance._state.db = using
    instance._state.adding = False
    instance.__dict__.update(values)
    return instance


def _locked(model: type[models.Model], using: str) -> QuerySet[Any]:
    """All rows, bypassing the host's managers, locked as an update locks them if the database supports it."""
    found: QuerySet[Any] = QuerySet(model=model, using=using)
    if connections[using].get_autocommit():
        return found  # a transaction that the host began by SQL, in which Django refuses to lock
    return found.select_for_update(no_key=connections[using].features.has_select_for_no_key_update)


def _keys_of(query: Any) -> Query:
    """A query for the keys of an update's rows, built as Django builds it where it needs one."""
    inner: Any = query.chain(klass=Query)
    inner.select_related = False
    inner.clear_ordering(force=True)
    inner.extra = {}
    inner.select = ()
    inner.add_fields([query.get_meta().pk.name])
    return inner


def _expression(field: models.Field[Any, Any], value: Any) -> Any:
    """The value assigned to a key, as an expression."""
    if isinstance(value, models.Model):
        value = value.pk
    return value if hasattr(value, "resolve_expression") else Value(value, output_field=field)
