"""One save or delete: pairs its pre and post events, and marks it as failed when it raises.

``Model.save_base`` and ``Collector.delete`` are wrapped (see ``patches``). In autocommit, a save of an observed
model is made atomic with its receivers and its events; Django already makes deletes atomic.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from django.db import connections, models, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.deletion import Collector

from signal_log.capture.model import loaded
from signal_log.capture.model.plan import Values
from signal_log.capture.model.registry import plan_of
from signal_log.capture.model.snapshot import error_text
from signal_log.capture.pausing import paused
from signal_log.capture.trace.context import default_context
from signal_log.capture.trace.trace import Draft, Trace, current_trace, end_trace, ensure_trace
from signal_log.capture.transaction.held import settle_autocommit
from signal_log.capture.transaction.state import in_transaction
from signal_log.conf import conf
from signal_log.event import FAILED, POST_DELETE, POST_SAVE


class Operation:
    """A save of one instance, or one run of a delete collector, with the pre events still awaiting their post event."""

    __slots__ = ("awaiting", "connection", "force_insert", "instance", "may_insert", "old_values", "values")

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        instance: models.Model | None = None,
        *,
        force_insert: bool = False,
        may_insert: bool = False,
    ) -> None:
        self.connection = connection
        self.instance = instance
        self.force_insert = force_insert
        self.may_insert = may_insert
        self.old_values: Values = {}
        self.values: Values = {}
        self.awaiting: dict[int, Draft] = {}

    def add_pre(
        self, draft: Draft, instance: models.Model, old: Values | None = None, new: Values | None = None
    ) -> None:
        """Register a pre event; for a save, also the row's and the instance's values at that point."""
        self.old_values, self.values = old or {}, new or {}
        self.awaiting[id(instance)] = draft

    def take_pre(self, signal: str, instance: models.Model) -> Draft | None:
        """Remove and return the pre event that this post signal completes."""
        return self.awaiting.pop(id(instance), None) if signal in (POST_SAVE, POST_DELETE) else None

    def failed(self, error: BaseException) -> None:
        """Mark pre events without a post event as failed, because the operation raised ``error``."""
        for draft in self.awaiting.values():
            draft.awaits_post, draft.outcome, draft.error = False, FAILED, error_text(error)
            draft.trace.gathered.failed += 1


current_operation: ContextVar[Operation | None] = ContextVar("signal_log_operation", default=None)


def _run(operation: Operation, original: Any, *args: Any) -> Any:
    """Run Django's method within this operation, and record a failure before the rollback that it causes."""
    token = current_operation.set(operation)
    try:
        return original(*args)
    except BaseException as error:
        operation.failed(error)
        raise
    finally:
        current_operation.reset(token)


def save_base(original: Any) -> Any:
    """Wrap ``Model.save_base``: a save of an observed model is an operation and, in autocommit, a transaction."""

    def save_base(
        self: models.Model,
        raw: bool = False,
        force_insert: Any = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Any = None,
    ) -> None:
        if plan_of(type(self)) is None:
            original(self, raw, force_insert, force_update, using, update_fields)
            return
        if paused.get():
            loaded.set_values(self._state, None)  # the row's values are unknown from here on
            original(self, raw, force_insert, force_update, using, update_fields)
            return
        using = using or router.db_for_write(type(self), instance=self)
        connection = connections[using]
        operation = Operation(connection, self, force_insert=bool(force_insert), may_insert=not (raw or force_update))
        arguments = (self, raw, force_insert, force_update, using, update_fields)
        lone = Trace(default_context()) if current_trace.get() is None else None
        token = current_trace.set(lone) if lone is not None else None
        try:
            if in_transaction(connection):
                _run(operation, original, *arguments)
            elif conf.ATOMIC:
                with transaction.atomic(using=using, savepoint=False):
                    _run(operation, original, *arguments)
            else:
                _save_without_transaction(operation, original, *arguments)
        except BaseException as error:
            if lone is not None:
                lone.gathered.raised(error)
            raise
        finally:
            if lone is not None and token is not None:
                current_trace.reset(token)
                end_trace(lone)

    return save_base


def _save_without_transaction(operation: Operation, original: Any, *args: Any) -> None:
    """Save in autocommit with ``ATOMIC`` off: the events are written after the row is committed."""
    try:
        _run(operation, original, *args)
    finally:
        if current_operation.get() is None:
            settle_autocommit(operation.connection.alias)


def delete(original: Any) -> Any:
    """Wrap ``Collector.delete``: each run of a delete collector is an operation."""

    def delete(self: Collector) -> Any:
        with ensure_trace(default_context):
            return _run(Operation(connections[self.using]), original, self)

    return delete
