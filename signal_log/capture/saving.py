"""One save, from its pre signal to its two events.

The post event is built when the row has been written, from what the database tells: in autocommit by its statement,
which commits both events with it, in a block when Django is done with the table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from operator import is_
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.faults import faults
from signal_log.capture.model import loaded
from signal_log.capture.model.actual_row import UNTOLD, Raw
from signal_log.capture.model.error_text import error_text
from signal_log.capture.model.loaded import Belief
from signal_log.capture.model.object_text import repr_of
from signal_log.capture.model.plan import Plan, Values
from signal_log.capture.model.row_diff import row_written, seen_after
from signal_log.capture.model.row_sql import concrete
from signal_log.capture.model.snapshot import PLAIN, text_of
from signal_log.capture.row_statement import RowStatement
from signal_log.capture.trace.draft import Draft
from signal_log.capture.trace.opening import open_event, open_scene
from signal_log.capture.transaction.recording import record, record_undone
from signal_log.capture.transaction.window import window_of
from signal_log.event import POST_SAVE, PRE_SAVE, UNKNOWN
from signal_log.interruption import let_interruption_pass


class Save:
    """A save of one instance on one connection."""

    __slots__ = ("believed", "connection", "done", "instance", "plan", "post", "pre", "raw", "statement", "values")

    def __init__(self, connection: BaseDatabaseWrapper, plan: Plan, instance: models.Model, *, raw: bool) -> None:
        self.connection = connection
        self.plan = plan
        self.instance = instance
        self.raw = raw
        self.pre: Draft | None = None
        self.post: Draft | None = None
        self.believed: Belief | None = None
        self.values: Values = {}
        self.statement: RowStatement | None = None
        self.done = False

    # -- its signals -----------------------------------------------------------------------------------

    def event_of(self, signal: str, named: Any) -> Draft | None:
        """The event of a signal that is sent for this save's instance; None if it is not one of this save's own."""
        if named.get("instance") is not self.instance:
            return None
        if signal == PRE_SAVE and self.pre is None:
            return self._open(named)
        if signal != POST_SAVE or self.pre is None:
            return None
        if not self.done:
            self._complete_unseen(self.pre, created=bool(named.get("created")))
        post, self.post = self.post, None
        return post

    def _open(self, named: Any) -> Draft:
        plan, instance = self.plan, self.instance
        scene = open_scene(plan.label, self.connection.alias)
        scene.raw = self.raw
        only = named.get("update_fields")
        if only is not None:
            scene.update_fields = sorted(map(text_of, only))
        pre = self.pre = open_event(scene, PRE_SAVE)
        pre.object_pk = plan.key(instance)
        try:
            self._tell_belief(pre)
        except BaseException as error:  # noqa: BLE001  ours or the host's own methods'
            let_interruption_pass(error)
            faults.note(pre, error)
        return pre

    def _tell_belief(self, pre: Draft) -> None:
        """What the instance believes and is about to change; a new object believes in nothing."""
        plan, instance = self.plan, self.instance
        self.values = plan.values(instance)
        if plan.hiding:
            pre.scene.trace.gathered.note_secrets(plan.secret_values(self.values))
        if plan.unlogged:
            pre.scene.trace.gathered.note_hidden(plan.unlogged_values(instance.__dict__))
        self.believed = loaded.belief(plan, instance, self.connection.alias)
        now = plan.own_values(self.values) if self.raw else self.values
        old: Values = self.believed.values if self.believed is not None else {}
        if plan.hiding and old:
            pre.scene.trace.gathered.note_secrets(plan.secret_values(old))
        missing: object = None
        if not instance._state.adding and instance.pk is not None:  # from nowhere: only its key is known to be there
            missing = UNKNOWN
            old = {**{name: now[name] for name in plan.key_attnames if name in now}, **old}
        pre.changes = plan.judged(plan.diff(old, now, pre.scene.update_fields, missing), self.values, old)
        pre.object_repr = repr_of(plan, instance)

    # -- its row ---------------------------------------------------------------------------------------

    def save_table(
        self, original: Callable[..., bool], raw: bool, cls: type[models.Model] | None, *args: Any, **kwargs: Any
    ) -> bool:
        """``Model._save_table`` for one of the row's tables; the last is the model's own, and completes the save."""
        if self.pre is None:
            return original(self.instance, raw, cls, *args, **kwargs)  # an automatic through model sends no signals
        statement = self.statement
        if statement is None:
            statement = self.statement = self._statement()
        wrappers = self.connection.execute_wrappers
        outer = wrappers.count(statement)
        try:  # twice, for an interruption may come at the end of the first, too
            try:
                wrappers.append(statement)  # at the end: the innermost
                updated = original(self.instance, raw, cls, *args, **kwargs)
                is_own = concrete(cls or type(self.instance)) is concrete(self.plan.model)
                # If a statement has failed and the host made nothing of it: see `_complete_unseen`.
                if is_own and not self.done and not statement.has_failed():
                    self._complete(self.pre, statement, created=not updated)
            finally:
                if wrappers.count(statement) > outer:
                    wrappers.remove(statement)
        finally:
            if wrappers.count(statement) > outer:
                wrappers.remove(statement)
        return updated

    def _statement(self) -> RowStatement:
        return RowStatement(self.connection, self.plan, self.instance, self._complete_now, raw=self.raw)

    def _complete_now(self, created: bool) -> None:
        """The row's statement has run in our transaction, which ends here."""
        if self.pre is not None and self.statement is not None:
            self._complete(self.pre, self.statement, created=created)

    def _complete(self, pre: Draft, statement: RowStatement, *, created: bool) -> None:
        """Build the post event from what was written, and store or hold both events."""
        after = statement.row_after()
        post = open_event(pre.scene, POST_SAVE, pre.operation)
        post.created = created
        post.object_pk = self.plan.key(self.instance)
        learned: tuple[Values | None, Raw | None] = None, None
        try:
            learned = self._tell(pre, post, statement, after)
        except BaseException as error:  # noqa: BLE001  ours or the host's own methods'
            let_interruption_pass(error)
            faults.note(post, error)
        self._store(pre, post, statement, learned)

    def _complete_unseen(self, pre: Draft, *, created: bool) -> None:
        """``Model._save_table`` did not write the row, or the host made nothing of its error: tell what is there."""
        post = open_event(pre.scene, POST_SAVE, pre.operation)
        post.created, post.object_pk = created, self.plan.key(self.instance)
        statement = self._statement()
        learned: tuple[Values | None, Raw | None] = None, None
        try:
            if statement.row_now() is None:
                post.object_repr = repr_of(self.plan, self.instance)
            else:
                learned = self._tell(pre, post, statement, UNTOLD)
        except BaseException as error:  # noqa: BLE001  ours or the host's own methods'
            let_interruption_pass(error)
            faults.note(post, error)
        self._store(pre, post, statement, learned)

    def _tell(
        self, pre: Draft, post: Draft, statement: RowStatement, after: Raw | None
    ) -> tuple[Values | None, Raw | None]:
        """What the row held and holds; where the database does not tell, what the instance believes.

        Returns what the instance believes from now on: its values, and the row as it has seen it.
        """
        plan, instance, believed, reader = self.plan, self.instance, self.believed, statement.reader
        now, only = plan.values(instance), pre.scene.update_fields
        if plan.unlogged:
            post.scene.trace.gathered.note_hidden(plan.unlogged_values(instance.__dict__))
        unchanged = not post.created and _same_values(now, self.values, plan.auto_now)
        post.object_repr = pre.object_repr if unchanged else repr_of(plan, instance)
        seen: Raw | None = None
        if after is UNTOLD or after is None or reader is None:
            faults.untold(plan.label)
            old: Values = believed.values if believed is not None and not post.created else {}
            post.changes = plan.judged(plan.diff(old, now, None if post.created else only), now, old)
        else:
            before = None if post.created and len(reader.parts) == 1 else statement.before
            diff = row_written(plan, reader, self.connection, before, after, believed, now, pre.changes)
            post.changes, post.overwrote = diff.changes, diff.overwrote
            if plan.hiding:
                rows = [reader.some(row, plan.hiding) for row in (before, after) if row is not None]
                post.scene.trace.gathered.note_secrets(plan.secret_values(now, *rows))
                plan.judged(post.changes, *rows)
            if not self.raw:
                seen = seen_after(reader, diff, believed, only, now)
        return _values_after(plan, believed, now, only), seen

    def _store(
        self, pre: Draft, post: Draft, statement: RowStatement, learned: tuple[Values | None, Raw | None]
    ) -> None:
        window, state = statement.window, self.instance._state
        if window is not None:
            window.drafts += (pre, post)
            try:
                window.commit()
            finally:
                if window.fate.undone is False:
                    statement.window, self.post, self.done = None, post, True
            loaded.set_belief(state, *learned)
            window.settle()
            return
        if (outer := window_of(self.connection)) is not None:
            outer.drafts += (pre, post)
            fate = outer.fate
        else:
            fate = record((pre, post), self.connection)
        loaded.set_belief(state, *learned, fate=fate)
        self.post, self.done = post, True

    def failed(self, error: BaseException) -> None:
        """The save raised: its pre event becomes a failed one, unless both its events stand already."""
        pre = self.pre
        if pre is not None and not self.done:
            secrets = pre.scene.trace.gathered.secrets
            pre.fail(self.plan.error_without_secrets(error_text(error, secrets), self.instance))
            record_undone((pre,), self.connection)


def _same_values(now: Values, before: Values, but: Collection[str]) -> bool:
    """Whether the values are the very same objects, but for the moments that each save sets."""
    if now.keys() != before.keys():
        return False
    same = sum(map(is_, now.values(), before.values()))
    return same == len(now) or same + sum(name in now and now[name] is not before[name] for name in but) == len(now)


def _values_after(plan: Plan, believed: Belief | None, now: Values, only: Collection[str] | None) -> Values:
    """The values that the instance believes its row to hold after the save, without those set to an expression."""
    before = believed.values if believed is not None else None
    written = now
    if only is not None:
        saved = [c.attname for c in plan.columns if c.name in only or c.attname in only]
        written = {name: now[name] for name in saved if name in now}
    if not PLAIN.issuperset(map(type, written.values())):
        unknown = {name for name, value in written.items() if hasattr(value, "resolve_expression")}
        written = {name: value for name, value in written.items() if name not in unknown}
        before = {name: value for name, value in (before or {}).items() if name not in unknown}
    written = plan.frozen(written)
    return written if before is None or len(written) == len(plan.columns) else {**before, **written}
