"""The row's own statement in a save: reads the row around it and, in autocommit, is our transaction.

It is an execute wrapper, and the innermost one while a table of the row is written: nothing of the host's runs between
our BEGIN, our reads, the statement, both events and our COMMIT. Whatever the host does next in this save finds the row
committed, as Django's autocommit would have it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from django.db import DatabaseError, models
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.faults import faults
from signal_log.capture.model import one_message
from signal_log.capture.model.actual_row import UNTOLD, Raw, RowReader, reader_of
from signal_log.capture.model.one_message import Message
from signal_log.capture.model.plan import Plan
from signal_log.capture.model.returned import returned_rows
from signal_log.capture.model.row_lock import Lock, Updating
from signal_log.capture.model.row_sql import UntoldError
from signal_log.capture.transaction.recording import has_written, note_written
from signal_log.capture.transaction.state import is_doomed, may_begin
from signal_log.capture.transaction.window import Window, open_window, window_of
from signal_log.interruption import let_interruption_pass

expected_write: ContextVar[str | None] = ContextVar("signal_log_expected_write", default=None)
"""The quoted table whose writes are expected in this context, and so not silent; ``""`` matches every statement."""


def expecting(table: str | None, run: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run something whose writes to this table are expected."""
    outer = expected_write.get()
    try:  # twice, for an interruption may come at the end of the first, too
        try:
            expected_write.set(table)
            return run(*args, **kwargs)
        finally:
            expected_write.set(outer)
    finally:
        expected_write.set(outer)


_UNREAD: Final[Any] = object()
_MISSING: Final[Any] = object()


class RowStatement:
    """Finds the first statement on the instance's row; ``before`` is the row as it was then, None if there was none.

    In autocommit, ``complete`` is called as soon as it has run, with whether it was an INSERT, to commit ``window``.
    """

    __slots__ = (
        "_after", "_complete", "_insert_failed", "_is_waiting", "before", "connection", "instance", "plan", "reader",
        "window",
    )  # fmt: skip

    def __init__(
        self, connection: BaseDatabaseWrapper, plan: Plan, instance: models.Model, complete: Callable[[bool], None],
        *, raw: bool,
    ) -> None:  # fmt: skip
        self._complete = complete
        self.connection = connection
        self.plan = plan
        self.instance = instance
        self.window: Window | None = None
        self.before: Raw | None = _UNREAD
        self._after: Raw | None = _UNREAD
        self._is_waiting = True
        self._insert_failed = False
        self.reader: RowReader | None = None
        try:
            self.reader = reader_of(plan, connection, own_only=raw)
        except UntoldError:
            pass
        except BaseException as error:  # noqa: BLE001  a field of the host's may raise anything
            let_interruption_pass(error)
            faults.report(plan.label, error)

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        """Run a statement; around the row's first one, do our work."""
        reader, connection = self.reader, self.connection
        if not self._is_waiting or reader is None or type(sql) is not str:
            return execute(sql, params, many, context)
        updates = sql.startswith(reader.updates)
        if not updates and not sql.startswith(reader.inserts):
            return execute(sql, params, many, context)
        if connection.execute_wrappers[-1] is not self:  # a field saves something else while its value is taken
            return execute(sql, params, many, context)
        if context["connection"] is not connection or connection.needs_rollback:
            return execute(sql, params, many, context)
        if not reader.on_sqlite and is_doomed(connection):
            return execute(sql, params, many, context)
        if updates and not self._is_own(reader, sql, params):
            return execute(sql, params, many, context)
        alone = not reader.on_sqlite and one_message.fits(reader, connection, sql, params, context["cursor"].cursor)
        run = self._in_one_message if alone else self._one_by_one
        outer = window_of(connection)
        self._is_waiting = self._insert_failed = False
        try:
            result = run(execute, updates, sql, params, many, context)
            if self.window is not None:
                self._end(updates, sql, context["cursor"])
        except BaseException:
            self._undo(outer)
            self._is_waiting, self._insert_failed = True, not updates  # the host may try again
            raise
        return result

    def _is_own(self, reader: RowReader, sql: str, params: Any) -> bool:
        """Whether an UPDATE of the table is of this row: a method of the model's may update other rows first."""
        if len(reader.parts) > 1 or len(reader.parts[0].keys) > 1 or type(params) not in (tuple, list):
            return True
        column = reader.parts[0].key_columns
        at = sql.find(f"{column} = %s")
        if at < 0:
            return column in sql
        place, key = sql.count("%s", 0, at), reader.parts[0].key(self.instance, self.connection)
        if key is None or place >= len(params):
            return True
        return params[place] is key[0] or str(params[place]) == str(key[0])

    def row_after(self) -> Raw | None:
        """The row as the statement left it; ``UNTOLD`` where the database does not tell."""
        if self.before is _UNREAD and self.reader is not None and self.reader.is_only_key:
            self.before = self._after = self._read(before=False)  # Django has only looked whether it is there
            return self._after
        if self.before is UNTOLD or self.before is _UNREAD:
            return UNTOLD
        if self._after is not _UNREAD and self._is_ours(self._after):
            return self._after
        return self._read(before=False)

    def has_failed(self) -> bool:
        """Whether a statement has failed, and so there is no row, or the host's transaction is of no more use."""
        return self._insert_failed or is_doomed(self.connection)

    def row_now(self) -> Raw | None:
        """The row as it is, whatever became of the statement; ``UNTOLD`` where the database does not tell."""
        if self.connection.connection is None or self.connection.needs_rollback or is_doomed(self.connection):
            return UNTOLD
        return self._read(before=False)

    # -- in autocommit ---------------------------------------------------------------------------------

    def _end(self, updates: bool, sql: str, cursor: Any) -> None:
        """The statement has run: have the save completed and committed, as the instance will be after it."""
        returned = returned_rows(cursor, self.connection, sql)
        hit = cursor.rowcount != 0 if returned is None else bool(returned.rows)
        if not hit and (updates or returned is not None):
            self._found_none()
            return
        held = self.instance.__dict__
        told = returned.values(self.reader, self.plan, self.connection) if returned is not None else {}
        before = {name: held.get(name, _MISSING) for name in told}
        held.update(told)
        try:
            self._complete(not updates)
        finally:
            for name, value in before.items():  # Django sets what it is told itself, after the host's wrappers
                if value is _MISSING:
                    held.pop(name, None)
                else:
                    held[name] = value
        expected_write.set(None)  # what else the host writes in this save is not the save's own

    def _undo(self, outer: Window | None) -> None:
        """Roll back our transaction, if one is open that was not there before."""
        window, self.window = self.window or window_of(self.connection), None  # an interruption may have lost it
        self._after = _UNREAD
        if window is not None and window is not outer:
            window.undo()

    # -- one by one ------------------------------------------------------------------------------------

    def _one_by_one(
        self, execute: Callable[..., Any], updates: bool, sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        connection = self.connection
        if self.window is None and may_begin(connection):
            self.window = open_window(connection)
        lock = Updating(sql, params, self.instance)
        self.before = self._read(before=True, lock=lock) if updates or self._is_in_parts() else None
        return execute(sql, params, many, context)

    def _is_in_parts(self) -> bool:
        return self.reader is not None and len(self.reader.parts) > 1

    def _read(self, *, before: bool, lock: Lock | None = None) -> Raw | None:
        reader, connection = self.reader, self.connection
        if reader is None:
            return UNTOLD
        try:
            if before and reader.on_sqlite:
                self._take_write_lock(reader)
            return reader.read(connection, self.instance, lock=lock)
        except UntoldError:
            return UNTOLD
        except DatabaseError:
            raise  # a lock that the host's own statement would not get either
        except BaseException as error:  # noqa: BLE001  a field of the host's may raise anything
            let_interruption_pass(error)
            faults.report(self.plan.label, error)
            return UNTOLD

    def _take_write_lock(self, reader: RowReader) -> None:
        if self.window is not None:
            reader.take_write_lock(self.connection)
        elif not has_written(self.connection):
            reader.take_write_lock(self.connection)
            note_written(self.connection)

    def _found_none(self) -> None:
        """An UPDATE reports no row: Django goes on with an INSERT, before which fields may run code of the host's.

        What it did nevertheless, through triggers, stays, as without us.
        """
        window, self.window = self.window, None
        if window is not None:
            window.commit()
            self.before = self._after = _UNREAD
            self._is_waiting = True

    # -- in one message --------------------------------------------------------------------------------

    def _in_one_message(
        self, execute: Callable[..., Any], updates: bool, sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        reader = self.reader
        message = self._message(updates, sql, params)
        if message is None or reader is None:
            return self._one_by_one(execute, updates, sql, params, many, context)
        connection, cursor = self.connection, context["cursor"].cursor
        if message.before[:1] == (one_message.BEGIN,):
            self.window = open_window(connection, begin=False)
        try:
            rows = one_message.send(message, connection, cursor)
        except DatabaseError as error:
            if not one_message.may_be_ours(error):
                raise
            one_message.forget(reader, connection)
            if self.window is None:
                raise
            self._undo(None)
            self.before = UNTOLD
            return execute(sql, params, many, context)  # alone: if it fails, then as it would without us
        if not rows.are_told:
            self.before = UNTOLD
        else:
            self.before = reader.in_utc(rows.before)[0] if rows.before else None
            self._after = reader.in_utc(rows.after)[0] if rows.after else None
        return cursor

    def _message(self, updates: bool, sql: str, params: Any) -> Message | None:
        reader, connection = self.reader, self.connection
        if reader is None:
            return None
        begin = self.window is None and may_begin(connection) and window_of(connection) is None
        key = reader.parts[0].key(self.instance, connection)
        if not updates:
            return one_message.insert(reader, connection, sql, params, key, begin=begin)
        return None if key is None else one_message.update(reader, connection, sql, params, key, begin=begin)

    def _is_ours(self, after: Raw | None) -> bool:
        """Whether the row that was read with an INSERT is the instance's: a trigger may have taken other keys."""
        if after is None or self.reader is None:
            return False
        name = self.plan.key_attname
        at = self.reader.at.get(name or "")
        return at is not None and after[at] == self.instance.__dict__.get(name or "")
