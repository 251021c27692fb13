"""Holds events on their connection until the outcome of their transaction is known.

Events are written right before COMMIT; those that a rollback undid are written afterwards, as rolled back. A
statement that mentions the log flushes the buffer first, so that it reads its own transaction's events.
``signal_log.capture.transaction.connection`` reports what happens to the transaction.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from threading import get_ident
from typing import Any, Final

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.model.snapshot import error_text
from signal_log.capture.sink import sink
from signal_log.capture.trace.draft import Draft
from signal_log.capture.transaction.state import in_transaction, is_doomed, test_blocks
from signal_log.capture.transaction.writing import announce, store, store_after, store_elsewhere, store_on_copy
from signal_log.conf import conf
from signal_log.event import COMMITTED, FAILED, ROLLED_BACK

HELD: Final = "signal_log_held"
MAX_UNWRITTEN: Final = 1_000
"""At most this many events are buffered in memory; then they are written, still inside the transaction."""
MAX_FIXTURE: Final = 50_000
"""The same for events of a fixture: it may bring the log's own rows along, whose ids must be free until then."""
MAX_KEPT: Final = 1_000
"""At most this many written events are kept, to be rewritten if the transaction rolls back."""
MAX_WAITING: Final = 1_000
"""At most this many events wait for a block on the log's connection to end; more go through a separate connection."""
DOOMED: Final = "An earlier statement had failed, so PostgreSQL turned this COMMIT into a ROLLBACK without an error."


def record(drafts: Sequence[Draft], connection: BaseDatabaseWrapper) -> None:
    """Hold decided events until the connection's transaction ends; in autocommit, write them now."""
    connection = _own(connection)
    held = held_on(connection)
    for draft in drafts:
        held.add(draft)
    if in_transaction(connection):
        return
    try:
        held.write()
    finally:
        drafts = held.end()
    settle(drafts)


def record_undone(drafts: Sequence[Draft], connection: BaseDatabaseWrapper) -> None:
    """The same for events of work that failed; their transaction may be broken, so nothing is written into it."""
    connection = _own(connection)
    if not in_transaction(connection):
        settle_undone(drafts, connection)
        return
    held = held_on(connection)
    held.drafts += drafts
    held.unwritten += len(drafts)


def _own(connection: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """This thread's connection: a coroutine may have come here from another one."""
    if connection._thread_ident == get_ident():  # type: ignore[attr-defined]
        return connection
    return connections[connection.alias]


def held_on(connection: BaseDatabaseWrapper) -> Held:
    """The connection's buffer, created with the first event of a transaction."""
    held: Held | None = connection.__dict__.get(HELD)
    if held is None:
        held = connection.__dict__[HELD] = Held(connection)
    return held


def has_written(connection: BaseDatabaseWrapper) -> bool:
    """Whether this transaction has written before, as far as we know, so that it holds SQLite's one lock."""
    held: Held | None = connection.__dict__.get(HELD)
    return held is not None and held.has_written


def note_written(connection: BaseDatabaseWrapper) -> None:
    """This transaction writes."""
    held_on(connection).has_written = True


def write_before_reading(connection: BaseDatabaseWrapper, sql: str) -> None:
    """Flush the buffer before a statement that reads the log inside the transaction."""
    held: Held | None = connection.__dict__.get(HELD)
    # Nothing can be written in a broken transaction; Django will reject the host's statement itself.
    if held is not None and held.unwritten and not connection.needs_rollback and sink().mentions_log(sql):
        held.write()


def settle(drafts: Sequence[Draft]) -> None:
    """After a commit: write events still owed to a log in another database, and notify readers."""
    owed = [draft for draft in drafts if draft.written_at is None]
    if owed and _deferred_to_log_connection(owed):
        return
    if owed:
        store_elsewhere(owed)
    announce(drafts)


def settle_committed(drafts: Sequence[Draft], connection: BaseDatabaseWrapper) -> None:
    """Call ``settle`` within the connection's ``commit``, where an error would skip the host's ``on_commit`` hooks."""
    try:
        settle(drafts)
    except Error as error:
        last: Any = (set(), partial(_raise, error), False)
        connection.run_on_commit.append(last)


def _raise(error: Error) -> None:
    raise error


def settle_undone(drafts: Sequence[Draft], connection: BaseDatabaseWrapper) -> None:
    """Record rolled-back work in its own transaction, without masking the exception being raised."""
    if not drafts or (connection.alias != conf.DATABASE and _deferred_to_log_connection(drafts)):
        return
    with suppress(Error):
        if connection.alias == conf.DATABASE:
            store_after(drafts, connection)
        else:
            store_elsewhere(drafts)
    announce(drafts)


def _deferred_to_log_connection(drafts: Sequence[Draft]) -> bool:
    """Whether the log's connection is in a block; if so, buffer the events there, decided, to survive its rollback."""
    connection = connections[conf.DATABASE]
    if not connection.in_atomic_block and (connection.connection is None or connection.autocommit):
        return False
    held = held_on(connection)
    if len(held.drafts) >= MAX_WAITING and not held.test_blocks and store_on_copy(drafts, connection):
        announce(drafts)
        return True
    for draft in drafts:
        draft.outcome = draft.outcome or COMMITTED
        held.add(draft)
    return True


class Held:
    """The buffered events of one transaction on one connection."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.drafts: list[Draft] = []
        self.marks: dict[str, tuple[int, int]] = {}
        self.clock = 1
        self.unwritten = 0
        self.dropped = 0
        self.has_written = False
        self.refused = False
        self.test_blocks = self.added_within = test_blocks(connection)

    # -- transaction callbacks -----------------------------------------------------------------------

    def add(self, draft: Draft) -> None:
        """Buffer one event."""
        self.drafts.append(draft)
        self.unwritten += 1
        if self.test_blocks:
            self.added_within = test_blocks(self.connection)
        limit = MAX_FIXTURE if draft.scene.raw else MAX_UNWRITTEN
        if self.unwritten >= limit and in_transaction(self.connection):
            self.write()

    def commit(self, original: Callable[[], None]) -> None:
        """The connection's ``commit``: the events go in right before it."""
        if self.connection.in_atomic_block:
            original()  # Django raises
        elif is_doomed(self.connection) and not self.refused:
            self.rollback(original, DOOMED)
        else:
            self.write(last=not self.connection.queries_logged)  # the host's log of statements has its COMMIT, too
            original()
            for draft in self.drafts:
                draft.outcome = draft.outcome or COMMITTED
            settle_committed(self.end(), self.connection)

    def rollback(self, original: Callable[[], None], why: str = "") -> None:
        """The connection's ``rollback``: undone events are written afterwards, as rolled back."""
        try:
            original()
        finally:
            self.undone(0, why)
            self.note_dropped()
            drafts = self.end()
        if test_blocks(self.connection) == self.test_blocks:
            settle_undone(drafts, self.connection)

    def close(self, original: Callable[[], None]) -> None:
        """The connection's ``close``: an open transaction is lost, and is recorded through a new connection."""
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
        """The connection's ``savepoint``: remembers the buffer's length."""
        sid = original()
        if sid:
            self.clock += 1
            self.marks[sid] = (len(self.drafts), self.clock)
        return sid

    def savepoint_rollback(self, original: Callable[[str], None], sid: str) -> None:
        """The connection's ``savepoint_rollback``: events after the savepoint are undone."""
        original(sid)
        self.refused = False
        # A savepoint older than the first buffered event has no mark: every event came after it.
        position, clock = self.marks.get(sid, (0, 0))
        if test_blocks(self.connection) < self.added_within:
            self.added_within = test_blocks(self.connection)
            del self.drafts[position:]  # a TestCase cleans up after itself
        else:
            self.undone(position)
        for draft in self.drafts:
            if draft.written_at is not None and draft.written_at >= clock:
                draft.written_at = None
        self.unwritten = sum(draft.written_at is None for draft in self.drafts)

    # -- writing ---------------------------------------------------------------------------------------

    def undone(self, position: int, why: str = "") -> None:
        """Mark events from ``position`` on as rolled back; ``why`` defaults to the exception being handled."""
        raised = sys.exc_info()[1]
        undecided = [draft for draft in self.drafts[position:] if draft.outcome is None]
        for draft in undecided:
            draft.outcome = FAILED if draft.awaits_post else ROLLED_BACK
            draft.scene.trace.gathered.failed += draft.awaits_post
            draft.error = draft.error or why or error_text(raised, draft.scene.trace.gathered.secrets)

    def write(self, *, last: bool = False) -> None:
        """Write unwritten events in the current transaction; ``last`` means that the COMMIT follows immediately."""
        if self.connection.alias != conf.DATABASE:
            return
        due = [draft for draft in self.drafts if draft.written_at is None]
        if not due:
            return
        self.refused = True
        store(due, self.connection, last=last)
        self.refused = False
        self.clock += 1
        for draft in due:
            draft.written_at = self.clock
        self.unwritten -= len(due)
        self.drop_written()

    def drop_written(self) -> None:
        """Bound the memory of a huge transaction: keep only the first of its written events."""
        if len(self.drafts) <= MAX_KEPT:
            return
        alias = self.connection.alias
        # Changes in another database are not rolled back with this transaction, so their events are kept.
        kept = [i for i, d in enumerate(self.drafts) if i < MAX_KEPT or d.written_at is None or d.using != alias]
        self.dropped += len(self.drafts) - len(kept)
        self.marks = {sid: (bisect_left(kept, at), clock) for sid, (at, clock) in self.marks.items()}
        self.drafts = [self.drafts[i] for i in kept]

    def note_dropped(self) -> None:
        """After a rollback, state how many events are missing because they were dropped."""
        if self.dropped and self.drafts:
            last = self.drafts[-1]
            last.error = f"{last.error} (and {self.dropped} more events of this transaction)".strip()

    def end(self) -> list[Draft]:
        """Detach the buffer from the connection, because the transaction is over, and return its drafts."""
        self.connection.__dict__.pop(HELD, None)
        drafts, self.drafts = self.drafts, []
        return drafts
