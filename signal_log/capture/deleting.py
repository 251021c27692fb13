"""One run of a delete collector: the events of every object it deletes, with what their rows really held.

Django makes each run atomic, so the events are held until its COMMIT. Rows are read right before their DELETE, after
every ``pre_delete`` receiver has run.
"""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, models
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.faults import faults
from signal_log.capture.model import loaded
from signal_log.capture.model.actual_row import UNTOLD, Raw, RowReader, reader_of
from signal_log.capture.model.error_text import error_text
from signal_log.capture.model.loaded import Belief
from signal_log.capture.model.object_text import repr_of
from signal_log.capture.model.plan import Plan
from signal_log.capture.model.registry import plan_of
from signal_log.capture.model.row_diff import row_deleted
from signal_log.capture.model.row_sql import UntoldError
from signal_log.capture.origin import origin_of
from signal_log.capture.trace.draft import Draft
from signal_log.capture.trace.opening import open_event, open_scene
from signal_log.capture.transaction.recording import record
from signal_log.capture.transaction.state import in_transaction, is_doomed
from signal_log.event import POST_DELETE, PRE_DELETE, UNKNOWN
from signal_log.interruption import let_interruption_pass


class Doomed:
    """An object that is being deleted: its pre event, what its instance believes, and its row."""

    __slots__ = ("believed", "instance", "plan", "pre", "reader", "row")

    def __init__(self, plan: Plan, instance: models.Model, pre: Draft) -> None:
        self.plan = plan
        self.instance = instance
        self.pre = pre
        self.believed: Belief | None = None
        self.reader: RowReader | None = None
        self.row: Raw | None = UNTOLD


class Delete:
    """A run of a delete collector on one connection."""

    __slots__ = ("connection", "waiting")

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.waiting: dict[int, Doomed] = {}

    def event_of(self, signal: str, named: Any) -> Draft | None:
        """The event of a signal that this run sends; None if it is not one of its own."""
        instance: models.Model = named.get("instance")
        if signal == PRE_DELETE and in_transaction(self.connection):
            plan = plan_of(type(instance))
            return None if plan is None else self._open(plan, instance, named)
        if signal == POST_DELETE and (doomed := self.waiting.pop(id(instance), None)) is not None:
            return self._complete(doomed)
        return None

    def _open(self, plan: Plan, instance: models.Model, named: Any) -> Draft:
        pre = open_event(open_scene(plan.label, self.connection.alias), PRE_DELETE)
        doomed = self.waiting[id(instance)] = Doomed(plan, instance, pre)
        pre.object_pk, pre.awaits_post = plan.key(instance), True
        try:
            pre.origin = origin_of(named.get("origin"))
            pre.object_repr = repr_of(plan, instance)
            doomed.believed = loaded.belief(plan, instance, self.connection.alias)
            known = doomed.believed.values if doomed.believed is not None else {}
            values = plan.values(instance)
            if plan.hiding:
                pre.scene.trace.gathered.note_secrets(plan.secret_values(values, known))
            if plan.unlogged:
                pre.scene.trace.gathered.note_hidden(plan.unlogged_values(instance.__dict__))
            pre.changes = plan.judged(plan.deletion({**values, **known}, UNKNOWN), values, known)
        except BaseException as error:  # noqa: BLE001  ours or the host's own methods'
            let_interruption_pass(error)
            faults.note(pre, error)
        record((pre,), self.connection)
        return pre

    def read_rows(self, model: type[models.Model]) -> None:
        """Read the rows of this class that are about to be deleted."""
        doomed = [each for each in self.waiting.values() if type(each.instance) is model]
        if not doomed or self.connection.needs_rollback or is_doomed(self.connection):
            return
        try:
            reader = reader_of(doomed[0].plan, self.connection)
            if reader.on_sqlite:
                reader.take_write_lock(self.connection, deletes=True)
            rows = reader.read_many(self.connection, [each.instance for each in doomed])
        except UntoldError:
            return
        except DatabaseError:
            raise  # a lock that the host's own statement would not get either
        except BaseException as error:  # noqa: BLE001  a field of the host's may raise anything
            let_interruption_pass(error)
            faults.note(doomed[0].pre, error)
            return
        for each, row in zip(doomed, rows, strict=True):
            each.reader, each.row = reader, row

    def _complete(self, doomed: Doomed) -> Draft:
        pre = doomed.pre
        pre.awaits_post = False
        post = open_event(pre.scene, POST_DELETE, pre.operation)
        post.object_pk, post.object_repr, post.origin = pre.object_pk, pre.object_repr, pre.origin
        try:
            if doomed.row is UNTOLD or doomed.reader is None:
                faults.untold(doomed.plan.label)
                post.changes = pre.changes
            elif doomed.row is None:  # somebody else was faster
                post.changes, post.overwrote = {}, []
            else:
                diff = row_deleted(doomed.plan, doomed.reader, self.connection, doomed.row, doomed.believed)
                post.changes, post.overwrote = diff.changes, diff.overwrote
                if hiding := doomed.plan.hiding:
                    row = doomed.reader.some(doomed.row, hiding)
                    post.scene.trace.gathered.note_secrets(doomed.plan.secret_values(row))
                    doomed.plan.judged(post.changes, row)
        except BaseException as error:  # noqa: BLE001  ours or the host's own methods'
            let_interruption_pass(error)
            faults.note(post, error)
        record((post,), self.connection)
        return post

    def failed(self, error: BaseException) -> None:
        """The run raised: the pre events without a post event become failed ones."""
        for doomed in self.waiting.values():
            secrets = doomed.pre.scene.trace.gathered.secrets
            doomed.pre.fail(doomed.plan.error_without_secrets(error_text(error, secrets), doomed.instance))
