"""Marks Django's own statements as expected writes, so that they are not recorded as silent.

Saves and deletes have their own signals; a flush and the schema editor change nobody's data.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import models
from django.db.migrations.operations import RunSQL
from django.db.models.sql import DeleteQuery

from signal_log.capture.model import loaded
from signal_log.capture.model.registry import plan_of
from signal_log.capture.operation import before_delete, write_table
from signal_log.capture.row_statement import expected_write, expecting
from signal_log.capture.silent.watch import quoted
from signal_log.capture.transaction.recording import fate_now

_DATA_MIGRATION: Final = "\0RunSQL"  # in no statement


def save_table(original: Any) -> Any:
    """Wrap ``Model._save_table``, whose writes to the table are expected."""

    def save_table(self: models.Model, raw: bool = False, cls: Any = None, *args: Any, **kwargs: Any) -> Any:
        outer = expected_write.get()
        try:  # as `expecting` does, but without a frame, which would take from the host's recursion
            try:
                expected_write.set(quoted(cls or type(self)))
                return write_table(self, original, raw, cls, *args, **kwargs)
            finally:
                expected_write.set(outer)
        finally:
            expected_write.set(outer)

    return save_table


def delete_batch(original: Any) -> Any:
    """Wrap ``DeleteQuery.delete_batch``: expected, except for auto-created through models, which get no signals."""

    def delete_batch(self: DeleteQuery, pk_list: Any, using: str) -> Any:
        model = self.get_meta().model
        before_delete(model)
        return expecting(None if model._meta.auto_created else quoted(model), original, self, pk_list, using)

    return delete_batch


def expect_all(original: Any) -> Any:
    """Wrap a function all of whose statements are expected writes."""

    def quiet(self: Any, *args: Any, **kwargs: Any) -> Any:
        return expecting("", original, self, *args, **kwargs)

    return quiet


def schema_execute(original: Any) -> Any:
    """Wrap the schema editor's ``execute``: its own statements are expected, those of ``RunSQL`` are not."""
    quiet = expect_all(original)

    def execute(self: Any, *args: Any, **kwargs: Any) -> Any:
        return (original if expected_write.get() == _DATA_MIGRATION else quiet)(self, *args, **kwargs)

    return execute


def run_sql(original: Any) -> Any:
    """Wrap ``RunSQL._run_sql``, whose statements come from the migration's author."""

    def run_sql(self: RunSQL, *args: Any, **kwargs: Any) -> Any:
        return expecting(_DATA_MIGRATION, original, self, *args, **kwargs)

    return run_sql


def bulk_update(original: Any) -> Any:
    """Wrap ``bulk_update``, after which the objects know the values that they wrote."""

    def bulk_update(self: models.QuerySet[Any], objs: Any, fields: Any, *args: Any, **kwargs: Any) -> int:
        if fields is None:
            return original(self, objs, fields, *args, **kwargs)  # Django raises
        objs, fields = tuple(objs), tuple(fields)
        rows: int = original(self, objs, fields, *args, **kwargs)
        for instance in objs:
            plan = plan_of(type(instance))
            if plan is not None:
                loaded.note_written(plan, instance, fields, fate_now(instance._state.db or ""))
        return rows

    return bulk_update


def bulk_create(original: Any) -> Any:
    """Wrap ``bulk_create``, after which the objects know the rows that they made."""

    def bulk_create(
        self: models.QuerySet[Any], objs: Any, batch_size: Any = None, ignore_conflicts: Any = False,
        update_conflicts: Any = False, *args: Any, **kwargs: Any,
    ) -> list[Any]:  # fmt: skip
        made: list[Any] = original(self, objs, batch_size, ignore_conflicts, update_conflicts, *args, **kwargs)
        plan = plan_of(self.model)
        if plan is not None and not (ignore_conflicts or update_conflicts):  # or other rows may stand in their place
            fate = fate_now(self.db)
            for instance in made:
                if type(instance) is self.model and instance.pk is not None:
                    loaded.note_created(plan, instance, fate)
        return made

    return bulk_create
