"""Tells the watcher of silent writes which of Django's own statements are none.

A save and a delete have signals of their own; a flush and the schema editor are no change of anybody's data.
"""

from __future__ import annotations

from functools import partial, wraps
from typing import Any, Final

from django.db import models
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import RunSQL
from django.db.models.sql import DeleteQuery
from django.db.models.sql.compiler import SQLDeleteCompiler, SQLInsertCompiler, SQLUpdateCompiler

from signal_log.capture.model.loaded import LOADED
from signal_log.capture.model.registry import plan_of
from signal_log.capture.silent.statements import DELETE, INSERT, UPDATE
from signal_log.capture.silent.watch import accounted_for, compiled, quoted

COMPILERS: Final = {INSERT: SQLInsertCompiler, UPDATE: SQLUpdateCompiler, DELETE: SQLDeleteCompiler}
_DATA_MIGRATION: Final = "\0RunSQL"  # in no statement
_UNWRAPPED: Final[list[tuple[type, str, Any]]] = []


def wrap() -> None:
    """Wrap where Django writes by itself, and where its ORM writes for the host."""
    if _UNWRAPPED:
        return
    _replace(models.Model, "_save_table", _save_table)
    _replace(DeleteQuery, "delete_batch", _delete_batch)
    _replace(BaseDatabaseOperations, "execute_sql_flush", _every_statement)
    _replace(BaseDatabaseSchemaEditor, "execute", _schema_work)
    _replace(RunSQL, "_run_sql", _run_sql)
    _replace(models.QuerySet, "bulk_update", _bulk_update)
    for verb, compiler in COMPILERS.items():
        _replace(compiler, "execute_sql", partial(compiled, verb))


def unwrap() -> None:
    """Undo ``wrap``."""
    while _UNWRAPPED:
        owner, name, own = _UNWRAPPED.pop()
        if own is None:
            delattr(owner, name)
        else:
            setattr(owner, name, own)


def _replace(owner: Any, name: str, wrapper: Any) -> None:
    _UNWRAPPED.append((owner, name, owner.__dict__.get(name)))
    original = getattr(owner, name)
    setattr(owner, name, wraps(original)(wrapper(original)))


def _save_table(original: Any) -> Any:
    def save_table(self: models.Model, raw: bool = False, cls: Any = None, *args: Any, **kwargs: Any) -> Any:
        token = accounted_for.set(quoted(cls or type(self)))
        try:
            return original(self, raw, cls, *args, **kwargs)
        finally:
            accounted_for.reset(token)

    return save_table


def _delete_batch(original: Any) -> Any:
    """The rows a delete collector has sent signals for; it sends none for link rows that Django made up."""

    def delete_batch(self: DeleteQuery, pk_list: Any, using: str) -> Any:
        model = self.get_meta().model
        token = accounted_for.set(None if model._meta.auto_created else quoted(model))
        try:
            return original(self, pk_list, using)
        finally:
            accounted_for.reset(token)

    return delete_batch


def _every_statement(original: Any) -> Any:
    def quiet(self: Any, *args: Any, **kwargs: Any) -> Any:
        token = accounted_for.set("")
        try:
            return original(self, *args, **kwargs)
        finally:
            accounted_for.reset(token)

    return quiet


def _schema_work(original: Any) -> Any:
    """The schema editor's own statements; those that a migration's author wrote are looked at."""
    quiet = _every_statement(original)

    def execute(self: Any, *args: Any, **kwargs: Any) -> Any:
        return (original if accounted_for.get() == _DATA_MIGRATION else quiet)(self, *args, **kwargs)

    return execute


def _run_sql(original: Any) -> Any:
    def run_sql(self: RunSQL, *args: Any, **kwargs: Any) -> Any:
        token = accounted_for.set(_DATA_MIGRATION)
        try:
            return original(self, *args, **kwargs)
        finally:
            accounted_for.reset(token)

    return run_sql


def _bulk_update(original: Any) -> Any:
    """It writes what objects hold and leaves them as loaded: their next save must not be compared with that."""

    def bulk_update(self: models.QuerySet[Any], objs: Any, *args: Any, **kwargs: Any) -> int:
        objs = tuple(objs)
        for instance in objs:
            if plan_of(type(instance)) is not None:
                vars(instance._state).pop(LOADED, None)
        rows: int = original(self, objs, *args, **kwargs)
        return rows

    return bulk_update
