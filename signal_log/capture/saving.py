"""One save, from its pre signal to its two events.

The row's own statement is where it happens: an execute wrapper, the innermost one, reads the row before it and, in
autocommit, opens the transaction in which the statement and both events are committed, before ``post_save`` is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from django.db import DatabaseError, models
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.faults import faults
from signal_log.capture.model import loaded
from signal_log.capture.model.actual_row import Raw, RowReader, reader_of
from signal_log.capture.model.loaded import Belief
from signal_log.capture.model.object_text import repr_of
from signal_log.capture.model.plan import Plan, Values
from signal_log.capture.model.row_diff import row_written, seen_after
from signal_log.capture.model.row_sql import UntoldError, concrete
from signal_log.capture.model.snapshot import PLAIN, error_text, text_of
from signal_log.capture.trace.draft import Draft
from signal_log.capture.trace.opening import open_event, open_scene
from signal_log.capture.transaction.held import record, record_undone
from signal_log.capture.transaction.state import in_transaction, is_doomed
from signal_log.capture.transaction.window import Window, open_window, window_of
from signal_log.event import POST_SAVE, PRE_SAVE, UNKNOWN

_UNREAD: Final[Any] = object()
_UNTOLD: Final[Any] = object()


class Save:
    """A save of one instance on one connection."""

    __slots__ = (
        "before", "believed", "connection", "done", "inserting", "instance", "learned", "plan", "post", "pre", "raw",
        "reader", "values", "window",
    )  # fmt: skip

    def __init__(self, connection: BaseDatabaseWrapper, plan: Plan, instance: models.Model, *, raw: bool) -> None:
        self.connection = connection
        self.plan = plan
        self.instance = instance
        self.raw = raw
        self.pre: Draft | None = None
        self.post: Draft | None = None
        self.believed: Belief | None = None
        self.values: Values = {}
        self.before: Raw | None = _UNREAD
        self.reader: RowReader | None = None
        self.window: Window | None = None
        self.inserting: dict[str, Any] | None = None
        """The instance's attributes before its INSERT."""
        self.learned: tuple[Values | None, Raw | None] = None, None
        """What the instance believes from now on, if the save is committed."""
        self.done = False

    # -- its signals -----------------------------------------------------------------------------------

    def event_of(self, signal: str, named: Any) -> Draft | None:
        """The event of a signal that is sent for this save's instance; None if it is not one of this save's own."""
        if named["instance"] is not self.instance:
            return None
        if signal == PRE_SAVE and self.pre is None:
            return self._open(named)
        if signal == POST_SAVE and self.post is not None:
            post, self.post = self.post, None
            return post
        return None

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
        except Exception as error:  # noqa: BLE001  ours or the host's own methods'
            faults.note(pre, error)
        return pre

    def _tell_belief(self, pre: Draft) -> None:
        """What the instance believes and is about to change; a new object believes in nothing."""
        plan, instance = self.plan, self.instance
        self.believed = loaded.belief(plan, instance, self.connection.alias)
        self.values = plan.values(instance)
        now = plan.own_values(self.values) if self.raw else self.values
        old: Values = self.believed.values if self.believed is not None else {}
        missing: object = None
        if not instance._state.adding:  # an object from nowhere: only its key is known to be there already
            missing = UNKNOWN
            old = {**{name: now[name] for name in plan.key_attnames if name in now}, **old}
        pre.changes = plan.diff(old, now, pre.scene.update_fields, missing)
        pre.object_repr = repr_of(plan, instance)

    # -- its row ---------------------------------------------------------------------------------------

    def save_table(
        self, original: Callable[..., bool], raw: bool, cls: type[models.Model] | None, *args: Any, **kwargs: Any
    ) -> bool:
        """``Model._save_table`` for one of the row's tables; the last is the model's own, and completes the save."""
        if self.pre is None:
            return original(self.instance, raw, cls, *args, **kwargs)  # an automatic through model sends no signals
        wrappers = self.connection.execute_wrappers
        statement = self._run_statement
        wrappers.append(statement)  # at the end: nothing of the host's runs inside of it
        try:
            updated = original(self.instance, raw, cls, *args, **kwargs)
        except BaseException:
            self._undo()
            raise
        finally:
            wrappers.remove(statement)
        if concrete(cls or type(self.instance)) is concrete(self.plan.model):
            self._complete(created=not updated)
        return updated

    def _run_statement(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        """An execute wrapper: reads the row before its first statement, in autocommit within our own transaction."""
        connection = self.connection
        if self.before is not _UNREAD or context["connection"] is not connection or type(sql) is not str:
            return execute(sql, params, many, context)
        if self.reader is None:
            self._find_reader()
        reader = self.reader
        if reader is None:
            return execute(sql, params, many, context)
        updates = sql.startswith(reader.updates)
        if not updates and not sql.startswith(reader.inserts):
            return execute(sql, params, many, context)
        if connection.needs_rollback or is_doomed(connection):
            return execute(sql, params, many, context)  # which will raise
        if self.window is None and not in_transaction(connection):
            self.window = open_window(connection)
        if updates or len(reader.parts) > 1:
            self.before = self._row(before=True)
        else:
            self.before = None
            self.inserting = dict(self.instance.__dict__)
        result = execute(sql, params, many, context)
        if updates and self.window is not None and context["cursor"].rowcount == 0 and "RETURNING" not in sql:
            # Django goes on with an INSERT, for which fields may run code of the host's first.
            self._undo()
            self.before = _UNREAD
        return result

    def _find_reader(self) -> None:
        try:
            self.reader = reader_of(self.plan, self.connection, own_only=self.raw)
        except Exception as error:  # noqa: BLE001  a field of the host's may raise anything
            self.before = _UNTOLD
            if self.pre is not None and not isinstance(error, UntoldError):
                faults.note(self.pre, error)

    def _row(self, *, before: bool) -> Raw | None:
        reader = self.reader
        if reader is None:
            return _UNTOLD
        try:
            if before and self.window is None and self.connection.vendor == "sqlite":
                reader.take_write_lock(self.connection)
            return reader.read(self.connection, self.instance, lock=before)
        except UntoldError:
            return _UNTOLD
        except DatabaseError:
            raise  # a lock that the host's own statement would not get either
        except Exception as error:  # noqa: BLE001  a field of the host's may raise anything
            if self.pre is not None:
                faults.note(self.pre, error)
            return _UNTOLD

    def _complete(self, *, created: bool) -> None:
        """Build the post event from what was written, and store or hold both events."""
        pre, plan, instance = self.pre, self.plan, self.instance
        if pre is None:
            return
        post = self.post = open_event(pre.scene, POST_SAVE, pre.operation)
        post.created = created
        post.object_pk = plan.key(instance)
        try:
            after = _UNTOLD if self.before in (_UNREAD, _UNTOLD) else self._row(before=False)
        except BaseException:
            self._undo()
            raise
        try:
            self._tell_row(pre, post, after)
        except Exception as error:  # noqa: BLE001  ours or the host's own methods'
            faults.note(post, error)
        self._store(pre, post)

    def _tell_row(self, pre: Draft, post: Draft, after: Raw | None) -> None:
        """What the row held and holds; where the database does not tell, what the instance believes."""
        plan, instance, believed = self.plan, self.instance, self.believed
        now, only = plan.values(instance), pre.scene.update_fields
        unchanged = not post.created and _same_values(now, self.values)
        post.object_repr = pre.object_repr if unchanged else repr_of(plan, instance)
        reader = self.reader
        if after is _UNTOLD or after is None or reader is None:
            faults.untold(plan.label)
            old: Values = believed.values if believed is not None and not post.created else {}
            post.changes = plan.diff(old, now, None if post.created else only)
            seen = None
        else:
            before = None if post.created and len(reader.parts) == 1 else self.before
            diff = row_written(plan, reader, self.connection, before, after, believed, now)
            post.changes, post.overwrote = diff.changes, diff.overwrote
            seen = None if self.raw else seen_after(reader, after, diff, believed, only, now)
        values = _values_after(plan, believed, now, only)
        if self.window is None:
            loaded.set_belief(instance._state, values, seen, until=post)
        else:
            self.learned = values, seen

    def _store(self, pre: Draft, post: Draft) -> None:
        connection, window = self.connection, self.window
        if window is not None:
            self.window = None
            window.drafts += (pre, post)
            try:
                window.commit()
            except BaseException:
                self.post = None
                self._restore()
                raise
            self.done = True
            loaded.set_belief(self.instance._state, *self.learned)
            window.settle()
        elif (outer := window_of(connection)) is not None:
            outer.drafts += (pre, post)
        else:
            record((pre, post), connection)
        self.done = True

    def _undo(self) -> None:
        if self.window is not None:
            window, self.window = self.window, None
            window.undo()
            self._restore()

    def _restore(self) -> None:
        """After a failed INSERT, take back the key that Django gave the instance: in autocommit it would have none."""
        if self.inserting is None:
            return
        held = self.instance.__dict__
        for name in (*self.plan.key_attnames, *self.plan.returned):
            if name in self.inserting:
                held[name] = self.inserting[name]

    def failed(self, error: BaseException) -> None:
        """The save raised: its pre event becomes a failed one, unless both its events stand already."""
        pre = self.pre
        if pre is not None and not self.done:
            pre.fail(self.plan.without_secrets(error_text(error), self.instance))
            record_undone((pre,), self.connection)


def _same_values(now: Values, before: Values) -> bool:
    return now.keys() == before.keys() and all(value is before[name] for name, value in now.items())


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
