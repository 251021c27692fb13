"""Where Django saves and deletes: each call becomes an operation that its signals find, and that sees it fail.

``Model.save_base`` and ``Collector.delete`` are wrapped (see ``patches``); what becomes of the rows is in ``saving``
and ``deleting``.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from django.db import connections, models, router
from django.db.models.deletion import Collector

from signal_log.capture.deleting import Delete
from signal_log.capture.model import loaded
from signal_log.capture.model.registry import plan_of
from signal_log.capture.pausing import paused
from signal_log.capture.refusing import refusing
from signal_log.capture.saving import Save
from signal_log.capture.trace.context import default_context
from signal_log.capture.trace.trace import current_trace, end_trace, ensure_trace, lone_trace

Operation = Save | Delete

current_operation: ContextVar[Operation | None] = ContextVar("signal_log_operation", default=None)


def save_base(original: Any) -> Any:
    """Wrap ``Model.save_base``: a save of an observed model is an operation."""

    def save_base(
        self: models.Model,
        raw: bool = False,
        force_insert: Any = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Any = None,
    ) -> None:
        plan = plan_of(type(self))
        if plan is None:
            original(self, raw, force_insert, force_update, using, update_fields)
            return
        if (refuse := refusing.get()) is not None:
            refuse(type(self))
        if paused.get():
            loaded.set_belief(self._state, None)  # the row's values are unknown from here on
            original(self, raw, force_insert, force_update, using, update_fields)
            return
        using = using or router.db_for_write(type(self), instance=self)
        save = Save(connections[using], plan, self, raw=bool(raw))
        lone = lone_trace(default_context()) if current_trace.get() is None else None
        outer = current_operation.get()
        try:  # twice, for an interruption may come at the end of the first, too
            try:
                if lone is not None:
                    current_trace.set(lone)
                current_operation.set(save)
                original(self, raw, force_insert, force_update, using, update_fields)
            except BaseException as error:
                save.failed(error)
                if lone is not None:
                    lone.gathered.raised(error)
                raise
            finally:
                if lone is not None:
                    current_trace.set(None)
                current_operation.set(outer)
        finally:
            current_operation.set(outer)
            save.statement = None  # a cycle, which would keep the instance until a garbage collection
            if lone is not None:
                current_trace.set(None)
                end_trace(lone)

    return save_base


def write_table(instance: models.Model, original: Any, raw: bool, cls: Any, *args: Any, **kwargs: Any) -> Any:
    """Run ``Model._save_table``: within its operation, if the instance is being saved by one."""
    save = current_operation.get()
    if type(save) is Save and save.instance is instance and not save.done:
        return save.save_table(original, raw, cls, *args, **kwargs)
    return original(instance, raw, cls, *args, **kwargs)


def before_delete(model: type[models.Model]) -> None:
    """Rows of this class are about to be deleted: a running delete reads its own."""
    run = current_operation.get()
    if type(run) is Delete:
        run.read_rows(model)


def delete(original: Any) -> Any:
    """Wrap ``Collector.delete``: each run of a delete collector is an operation."""

    def delete(self: Collector) -> Any:
        if (refuse := refusing.get()) is not None:
            for model in (*self.data, *(rows.model for rows in self.fast_deletes)):
                refuse(model)
        run = Delete(connections[self.using])
        with ensure_trace(default_context):
            outer = current_operation.get()
            try:  # twice: see above
                try:
                    current_operation.set(run)
                    return original(self)
                except BaseException as error:
                    run.failed(error)
                    raise
                finally:
                    current_operation.set(outer)
            finally:
                current_operation.set(outer)

    return delete
