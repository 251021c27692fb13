"""Tells the watcher of silent writes which of Django's own statements are none.

A save and a delete have signals of their own; a flush and the schema editor are no change of anybody's data.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import models
from django.db.migrations.operations import RunSQL
from django.db.models.sql import DeleteQuery

from signal_log.capture.model.loaded import LOADED
from signal_log.capture.model.registry import plan_of
from signal_log.capture.silent.watch import expected_write, quoted

_DATA_MIGRATION: Final = "\0RunSQL"  # in no statement


def save_table(original: Any) -> Any:
    """``Model._save_table``, whose statements a save has announced."""

    def save_table(self: models.Model, raw: bool = False, cls: Any = None, *args: Any, **kwargs: Any) -> Any:
        token = expected_write.set(quoted(cls or type(self)))
        try:
            return original(self, raw, cls, *args, **kwargs)
        finally:
            expected_write.reset(token)

    return save_table


def delete_batch(original: Any) -> Any:
    """The rows a delete collector has sent signals for; it sends none for link rows that Django made up."""

    def delete_batch(self: DeleteQuery, pk_list: Any, using: str) -> Any:
        model = self.get_meta().model
        token = expected_write.set(None if model._meta.auto_created else quoted(model))
        try:
            return original(self, pk_list, using)
        finally:
            expected_write.reset(token)

    return delete_batch


def every_statement(original: Any) -> Any:
    """A function none of whose statements is a silent write."""

    def quiet(self: Any, *args: Any, **kwargs: Any) -> Any:
        token = expected_write.set("")
        try:
            return original(self, *args, **kwargs)
        finally:
            expected_write.reset(token)

    return quiet


def schema_work(original: Any) -> Any:
    """The schema editor's own statements; those that a migration's author wrote are looked at."""
    quiet = every_statement(original)

    def execute(self: Any, *args: Any, **kwargs: Any) -> Any:
        return (original if expected_write.get() == _DATA_MIGRATION else quiet)(self, *args, **kwargs)

    return execute


def run_sql(original: Any) -> Any:
    """``RunSQL._run_sql``, whose statements a migration's author wrote."""

    def run_sql(self: RunSQL, *args: Any, **kwargs: Any) -> Any:
        token = expected_write.set(_DATA_MIGRATION)
        try:
            return original(self, *args, **kwargs)
        finally:
            expected_write.reset(token)

    return run_sql


def bulk_update(original: Any) -> Any:
    """It writes what objects hold and leaves them as loaded: their next save must not be compared with that."""

    def bulk_update(self: models.QuerySet[Any], objs: Any, *args: Any, **kwargs: Any) -> int:
        objs = tuple(objs)
        for instance in objs:
            if plan_of(type(instance)) is not None:
                vars(instance._state).pop(LOADED, None)
        rows: int = original(self, objs, *args, **kwargs)
        return rows

    return bulk_update
