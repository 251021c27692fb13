"""Events wait on their connection until the fate of their transaction is known.

While a transaction holds events, five methods of its connection object are shadowed, and put back at
its end: the events are written right before COMMIT, and those that a rollback undid are written
afterwards, as rolled back. A statement that mentions the log writes what is held first, so that it
reads its own transaction's events.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Any, Final

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.sink import sink
from signal_log.capture.storing import frozen, settle, store, store_undone
from signal_log.capture.trace import Draft
from signal_log.conf import conf
from signal_log.event import FAILED, ROLLED_BACK

HELD: Final = "signal_log_held"
MOST_UNWRITTEN: Final = 1_000
"""So many events wait in memory at most; then they are written, still inside the transaction."""
MOST_KEPT: Final = 1_000
"""So many written events are kept whole, to be written again should the transaction roll back."""

SHADOWED: Final = ("commit", "rollback", "savepoint", "savepoint_rollback", "close")


def hold(draft: Draft) -> None:
    """Keep a draft until its transaction ends; outside a transaction until ``settle_loose``."""
    held_on(connections[draft.using]).add(draft)


def held_on(connection: BaseDatabaseWrapper) -> Held:
    """What the connection holds; made, and its methods shadowed, with the first event of a transaction."""
    held: Held | None = connection.__dict__.get(HELD)
    if held is None:
        held = Held(connection)
        connection.__dict__[HELD] = held
        held.watch()
    return held


def settle_loose(using: str) -> None:
    """Write what was held outside any transaction, in autocommit; called when its operation is over."""
    connection = connections[using]
    held: Held | None = connection.__dict__.get(HELD)
    if held is not None and not in_transaction(connection):
        settle(held.end())


def in_progress(using: str) -> Iterator[Draft]:
    """The pre events of the transaction under way that still await their post, innermost first."""
    held: Held | None = connections[using].__dict__.get(HELD)
    return (draft for draft in reversed(held.drafts if held else ()) if draft.awaits_post and draft.outcome is None)


def in_transaction(connection: BaseDatabaseWrapper) -> bool:
    """Whether a COMMIT or ROLLBACK is still to come."""
    return connection.in_atomic_block or not connection.get_autocommit()


class Held:
    """The events of one transaction on one connection."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.drafts: list[Draft] = []
        self.marks: dict[str, tuple[int, int]] = {}
        self.clock = 1
        self.unwritten = 0
        self.forgotten = 0
        self.test_blocks = _test_blocks(connection)

    # -- what happens to the transaction -------------------------------------------------------------

    def add(self, draft: Draft) -> None:
        """Hold one more."""
        self.drafts.append(draft)
        self.unwritten += 1
        if self.unwritten >= MOST_UNWRITTEN and in_transaction(self.connection):
            self.write()

    def commit(self) -> None:
        """The connection's ``commit``: the events go in right before it."""
        self.write(final=True)
        self.original("commit")()
        settle(self.end())

    def rollback(self) -> None:
        """The connection's ``rollback``: what it undid is written afterwards, as rolled back."""
        try:
            self.original("rollback")()
        finally:
            self.undone(0)
            self.forgotten_is_said()
            drafts = self.end()
        if _test_blocks(self.connection) == self.test_blocks:
            store_undone(drafts, self.connection)

    def close(self) -> None:
        """The connection's ``close``: a transaction that was under way is lost, and recorded through another."""
        self.original("close")()
        if not self.connection.closed_in_transaction:
            return
        self.undone(0)
        drafts = self.end()
        if _test_blocks(self.connection) == self.test_blocks == 0:
            fresh = self.connection.copy()
            try:
                store_undone(drafts, fresh)
            finally:
                fresh.close()

    def savepoint(self) -> Any:
        """The connection's ``savepoint``: remembers what was held before it."""
        sid = self.original("savepoint")()
        if sid:
            self.clock += 1
            self.marks[sid] = (len(self.drafts), self.clock)
        return sid

    def savepoint_rollback(self, sid: str) -> None:
        """The connection's ``savepoint_rollback``: what came after the savepoint is undone."""
        self.original("savepoint_rollback")(sid)
        # A savepoint older than the first held event is not in the marks: all came after it.
        position, clock = self.marks.get(sid, (0, 0))
        if _test_blocks(self.connection) < self.test_blocks:
            del self.drafts[position:]  # a TestCase cleans up after itself
            return
        self.undone(position)
        for draft in self.drafts:
            if draft.written_at is not None and draft.written_at >= clock:
                draft.written_at = None
                self.unwritten += 1

    # -- what becomes of the events ------------------------------------------------------------------

    def undone(self, position: int) -> None:
        """Everything held from ``position`` on was rolled back."""
        error = error_text(sys.exc_info()[1])
        for draft in reversed(self.drafts[position:]):
            if draft.undo is not None:
                draft.undo()
                draft.undo = None
            if draft.outcome is None:
                draft.outcome = FAILED if draft.awaits_post else ROLLED_BACK
                draft.error = draft.error or error

    def write(self, *, final: bool = False) -> None:
        """Write what is decided and not yet written, in the transaction as it stands.

        A save under way has not decided its pre event yet (a delete that fails takes its block with it);
        before a commit (``final``) all is due.
        """
        if self.connection.alias != conf.DATABASE:
            return
        due = [d for d in self.drafts if d.written_at is None and (final or d.is_decided)]
        if not due:
            return
        store(frozen(due), self.connection)
        self.clock += 1
        for draft in due:
            draft.written_at = self.clock
        self.unwritten -= len(due)
        self.forget_written()

    def forget_written(self) -> None:
        """Bound the memory of a huge transaction: of its written events only the first are kept whole."""
        if len(self.drafts) <= MOST_KEPT:
            return
        kept = [i for i, draft in enumerate(self.drafts) if i < MOST_KEPT or draft.written_at is None]
        self.forgotten += len(self.drafts) - len(kept)
        self.marks = {sid: (bisect_left(kept, at), clock) for sid, (at, clock) in self.marks.items()}
        self.drafts = [self.drafts[i] for i in kept]

    def forgotten_is_said(self) -> None:
        """A rollback that undid more than is kept says how many events are missing from the record."""
        if self.forgotten and self.drafts:
            last = self.drafts[-1]
            last.error = f"{last.error} (and {self.forgotten} more events of this transaction)".strip()

    # -- watching the connection ---------------------------------------------------------------------

    def original(self, name: str) -> Callable[..., Any]:
        """The connection's own method, below the shadow."""
        method: Callable[..., Any] = getattr(type(self.connection), name).__get__(self.connection)
        return method

    def watch(self) -> None:
        """Shadow the methods that decide a transaction's fate, on this connection object only."""
        for name in SHADOWED:
            self.connection.__dict__[name] = getattr(self, name)
        if self.connection.alias == conf.DATABASE:
            # In front: Django's execute_wrapper() takes its own off the end.
            self.connection.execute_wrappers.insert(0, self.before_reading)

    def unwatch(self) -> None:
        """Undo ``watch``."""
        self.connection.__dict__.pop(HELD, None)
        for name in SHADOWED:
            self.connection.__dict__.pop(name, None)
        if self.before_reading in self.connection.execute_wrappers:
            self.connection.execute_wrappers.remove(self.before_reading)

    def before_reading(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        """An execute wrapper: whoever reads the log inside the transaction finds its events there."""
        # In a broken transaction nothing can be written, and Django refuses the host's statement in its own words.
        if self.unwritten and not self.connection.needs_rollback and sink().mentions_log(str(sql)):
            self.write()
        return execute(sql, params, many, context)

    def end(self) -> list[Draft]:
        """The transaction is over: give the connection back as it was, and its events."""
        self.unwatch()
        drafts, self.drafts = self.drafts, []
        return drafts


def error_text(error: BaseException | None) -> str:
    """The exception's class and message, in one line of at most 500 characters."""
    if error is None:
        return ""
    try:
        return f"{type(error).__name__}: {error}".split("\n")[0][:500]
    except Exception:  # noqa: BLE001  its __str__ may raise anything
        return type(error).__name__


def failed(draft: Draft, error: BaseException) -> None:
    """The operation of this pre event never finished."""
    draft.outcome = FAILED
    draft.error = error_text(error)


def _test_blocks(connection: BaseDatabaseWrapper) -> int:
    """How many of the open atomic blocks are a ``TestCase``'s own; their rollback is no event."""
    return sum(getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)
