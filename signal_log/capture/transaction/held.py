"""Events wait on their connection until the fate of their transaction is known.

The events are written right before COMMIT, and those that a rollback undid are written afterwards, as rolled
back. A statement that mentions the log writes what is held first, so that it reads its own transaction's events.
(``signal_log.capture.transaction.connection`` tells what happens to the transaction.)
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from threading import get_ident
from typing import Any, Final

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.model import loaded
from signal_log.capture.model.snapshot import error_text
from signal_log.capture.sink import sink
from signal_log.capture.trace.trace import Draft
from signal_log.capture.transaction.state import in_transaction, is_doomed, test_blocks
from signal_log.capture.transaction.writing import announce, store, store_alone, store_beside, store_elsewhere
from signal_log.conf import conf
from signal_log.event import COMMITTED, FAILED, ROLLED_BACK

HELD: Final = "signal_log_held"
MOST_UNWRITTEN: Final = 1_000
"""So many events wait in memory at most; then they are written, still inside the transaction."""
MOST_KEPT: Final = 1_000
"""So many written events are kept whole, to be written again should the transaction roll back."""
MOST_WAITING: Final = 1_000
"""So many events wait for a block on the log's connection to end; what is more goes through a connection of its own."""
DOOMED: Final = "A statement before this COMMIT had failed, so PostgreSQL made a ROLLBACK of it without a word."


def hold(draft: Draft, connection: BaseDatabaseWrapper | None = None) -> None:
    """Keep a draft until its transaction ends; outside a transaction until ``settle_loose``.

    ``connection`` is a guess that saves looking it up: it must be this thread's and of the draft's database.
    """
    if connection is None or connection.alias != draft.using or connection._thread_ident != get_ident():  # type: ignore[attr-defined]
        connection = connections[draft.using]
    held_on(connection).add(draft)


def held_on(connection: BaseDatabaseWrapper) -> Held:
    """What the connection holds; made with the first event of a transaction."""
    held: Held | None = connection.__dict__.get(HELD)
    if held is None:
        held = connection.__dict__[HELD] = Held(connection)
    return held


def write_before_reading(connection: BaseDatabaseWrapper, sql: str) -> None:
    """Whoever reads the log inside the transaction finds its events there."""
    held: Held | None = connection.__dict__.get(HELD)
    # In a broken transaction nothing can be written, and Django refuses the host's statement in its own words.
    if held is not None and held.unwritten and not connection.needs_rollback and sink().mentions_log(sql):
        held.write()


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


def settle(drafts: Sequence[Draft]) -> None:
    """The change is committed: write what the log in another database is still owed, and tell the readers."""
    owed = [draft for draft in drafts if draft.written_at is None]
    if owed and _left_to_the_log(owed):
        return
    if owed:
        store_elsewhere(owed)
    announce(drafts)


def settle_committed(drafts: Sequence[Draft], connection: BaseDatabaseWrapper) -> None:
    """The same within the connection's ``commit``: there an error would cost the host its ``on_commit`` hooks."""
    try:
        settle(drafts)
    except Error as error:
        last: Any = (set(), partial(_raise, error), False)
        connection.run_on_commit.append(last)


def _raise(error: Error) -> None:
    raise error


def settle_undone(drafts: Sequence[Draft], connection: BaseDatabaseWrapper) -> None:
    """Record rolled-back work in a transaction of its own; never in the way of the exception under way."""
    if not drafts or (connection.alias != conf.DATABASE and _left_to_the_log(drafts)):
        return
    with suppress(Error):
        if connection.alias == conf.DATABASE:
            store_alone(drafts, connection)
        else:
            store_elsewhere(drafts)
    announce(drafts)


def _left_to_the_log(drafts: Sequence[Draft]) -> bool:
    """Whether the log's connection is in a block: it then writes them at its end, so that its rollback undoes none."""
    connection = connections[conf.DATABASE]
    if not connection.in_atomic_block and (connection.connection is None or connection.autocommit):
        return False
    held = held_on(connection)
    if len(held.drafts) >= MOST_WAITING and not held.test_blocks and store_beside(drafts, connection):
        announce(drafts)
        return True
    for draft in drafts:
        draft.outcome = draft.outcome or COMMITTED
        held.add(draft)
    return True


class Held:
    """The events of one transaction on one connection."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.drafts: list[Draft] = []
        self.marks: dict[str, tuple[int, int]] = {}
        self.clock = 1
        self.unwritten = 0
        self.forgotten = 0
        self.refused = False
        self.test_blocks = test_blocks(connection)

    # -- what happens to the transaction -------------------------------------------------------------

    def add(self, draft: Draft) -> None:
        """Hold one more."""
        self.drafts.append(draft)
        self.unwritten += 1
        if self.unwritten >= MOST_UNWRITTEN and in_transaction(self.connection):
            self.write()

    def commit(self, original: Callable[[], None]) -> None:
        """The connection's ``commit``: the events go in right before it."""
        if self.connection.in_atomic_block:
            original()  # Django refuses it
        elif is_doomed(self.connection) and not self.refused:
            self.rollback(original, DOOMED)
        else:
            self.write(final=True, last=True)
            original()
            settle_committed(self.end(), self.connection)

    def rollback(self, original: Callable[[], None], why: str = "") -> None:
        """The connection's ``rollback``: what it undid is written afterwards, as rolled back."""
        try:
            original()
        finally:
            self.undone(0, why)
            self.forgotten_is_said()
            drafts = self.end()
        if test_blocks(self.connection) == self.test_blocks:
            settle_undone(drafts, self.connection)

    def close(self, original: Callable[[], None]) -> None:
        """The connection's ``close``: a transaction that was under way is lost, and recorded through another."""
        original()
        if not self.connection.closed_in_transaction:
            return
        self.undone(0)
        drafts = self.end()
        if test_blocks(self.connection) == self.test_blocks == 0:
            fresh = self.connection.copy()
            try:
                settle_undone(drafts, fresh)
            finally:
                fresh.close()

    def savepoint(self, original: Callable[[], str | None]) -> str | None:
        """The connection's ``savepoint``: remembers what was held before it."""
        sid = original()
        if sid:
            self.clock += 1
            self.marks[sid] = (len(self.drafts), self.clock)
        return sid

    def savepoint_rollback(self, original: Callable[[str], None], sid: str) -> None:
        """The connection's ``savepoint_rollback``: what came after the savepoint is undone."""
        original(sid)
        self.refused = False
        # A savepoint older than the first held event is not in the marks: all came after it.
        position, clock = self.marks.get(sid, (0, 0))
        if test_blocks(self.connection) < self.test_blocks:
            del self.drafts[position:]  # a TestCase cleans up after itself
            return
        self.undone(position)
        for draft in self.drafts:
            if draft.written_at is not None and draft.written_at >= clock:
                draft.written_at = None
                self.unwritten += 1

    # -- what becomes of the events ------------------------------------------------------------------

    def undone(self, position: int, why: str = "") -> None:
        """Everything held from ``position`` on was rolled back; by the exception under way, if ``why`` is not told."""
        error = why or error_text(sys.exc_info()[1])
        undecided = [draft for draft in self.drafts[position:] if draft.outcome is None]
        for using in {draft.using for draft in undecided}:
            loaded.rolled_back(using)
        for draft in undecided:
            draft.outcome = FAILED if draft.awaits_post else ROLLED_BACK
            draft.error = draft.error or error

    def write(self, *, final: bool = False, last: bool = False) -> None:
        """Write what is decided and not yet written, in the transaction as it stands.

        A save under way has not decided its pre event yet (a delete that fails takes its block with it);
        before a commit (``final``) all is due. ``last`` says that the COMMIT follows at once.
        """
        if self.connection.alias != conf.DATABASE:
            return
        due = [d for d in self.drafts if d.written_at is None and (final or d.is_decided)]
        if not due:
            return
        self.refused = True
        store(due, self.connection, last=last)
        self.refused = False
        self.clock += 1
        for draft in due:
            draft.written_at = self.clock
        self.unwritten -= len(due)
        self.forget_written()

    def forget_written(self) -> None:
        """Bound the memory of a huge transaction: of its written events only the first are kept whole."""
        if len(self.drafts) <= MOST_KEPT:
            return
        alias = self.connection.alias
        # What belongs to a change in another database would not be undone with this transaction.
        kept = [i for i, d in enumerate(self.drafts) if i < MOST_KEPT or d.written_at is None or d.using != alias]
        self.forgotten += len(self.drafts) - len(kept)
        self.marks = {sid: (bisect_left(kept, at), clock) for sid, (at, clock) in self.marks.items()}
        self.drafts = [self.drafts[i] for i in kept]

    def forgotten_is_said(self) -> None:
        """A rollback that undid more than is kept says how many events are missing from the record."""
        if self.forgotten and self.drafts:
            last = self.drafts[-1]
            last.error = f"{last.error} (and {self.forgotten} more events of this transaction)".strip()

    def end(self) -> list[Draft]:
        """The transaction is over: the connection holds nothing any more."""
        self.connection.__dict__.pop(HELD, None)
        drafts, self.drafts = self.drafts, []
        return drafts
