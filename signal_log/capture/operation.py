"""One save or delete: pairs its pre and its post event, and knows when it failed.

``Model.save_base`` and ``Collector.delete`` are replaced (``patches``). In autocommit an observed
save is made atomic with its receivers and its events; a delete is atomic already.
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
from signal_log.capture.trace.context import default_scene
from signal_log.capture.trace.trace import Draft, Trace, current_trace, trace_of
from signal_log.capture.transaction.held import settle_loose
from signal_log.capture.transaction.state import in_transaction
from signal_log.conf import conf
from signal_log.event import FAILED, POST_DELETE, POST_SAVE


class Operation:
    """A save of one instance, or one run of a delete collector, with the pre events that await their post."""

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

    def opened(
        self, draft: Draft, instance: models.Model, old: Values | None = None, new: Values | None = None
    ) -> None:
        """A pre event of this operation; of a save also what the row holds and what the instance holds then."""
        self.old_values, self.values = old or {}, new or {}
        self.awaiting[id(instance)] = draft

    def take_pre(self, signal: str, instance: models.Model) -> Draft | None:
        """The pre event that this post signal completes."""
        return self.awaiting.pop(id(instance), None) if signal in (POST_SAVE, POST_DELETE) else None

    def failed(self, error: BaseException) -> None:
        """It ended with an exception: what awaits its post event never finished."""
        for draft in self.awaiting.values():
            draft.awaits_post, draft.outcome, draft.error = False, FAILED, error_text(error)


current_operation: ContextVar[Operation | None] = ContextVar("signal_log_operation", default=None)


def _run(operation: Operation, original: Any, *args: Any) -> Any:
    """Django's own method as this operation; a failure is known before the rollback it leads to."""
    token = current_operation.set(operation)
    try:
        return original(*args)
    except BaseException as error:
        operation.failed(error)
        raise
    finally:
        current_operation.reset(token)


def save_base(original: Any) -> Any:
    """``Model.save_base``: a save of an observed model is an operation, in autocommit a transaction too."""

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
            loaded.keep(self._state, None)  # what the row holds from here on, nobody has seen
            original(self, raw, force_insert, force_update, using, update_fields)
            return
        using = using or router.db_for_write(type(self), instance=self)
        connection = connections[using]
        operation = Operation(connection, self, force_insert=bool(force_insert), may_insert=not (raw or force_update))
        arguments = (self, raw, force_insert, force_update, using, update_fields)
        begun = None if current_trace.get() is not None else current_trace.set(Trace(default_scene()))
        try:
            if in_transaction(connection):
                _run(operation, original, *arguments)
            elif conf.ATOMIC:
                with transaction.atomic(using=using, savepoint=False):
                    _run(operation, original, *arguments)
            else:
                _save_loose(operation, original, *arguments)
        finally:
            if begun is not None:
                current_trace.reset(begun)

    return save_base


def _save_loose(operation: Operation, original: Any, *args: Any) -> None:
    """In autocommit without ``ATOMIC``: the events follow the row."""
    try:
        _run(operation, original, *args)
    finally:
        if current_operation.get() is None:
            settle_loose(operation.connection.alias)


def delete(original: Any) -> Any:
    """``Collector.delete``: a run of a delete collector is an operation."""

    def delete(self: Collector) -> Any:
        with trace_of(default_scene):
            return _run(Operation(connections[self.using]), original, self)

    return delete
