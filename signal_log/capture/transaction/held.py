"""Holds events on their connection until the outcome of their transaction is known.

Events are written right before COMMIT; those that a rollback undid are written afterwards, as rolled back. A
statement that mentions the log flushes the buffer first, so that it reads its own transaction's events. In a
transaction that the host began by SQL, whose end may pass unseen, they are written at once and held as well.
``signal_log.capture.transaction.connection`` and ``by_sql`` report what happens to the transaction.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.model.row_sql import forget_readable
from signal_log.capture.sink import sink
from signal_log.capture.trace.draft import Draft
from signal_log.capture.transaction.buffer import Buffer
from signal_log.capture.transaction.state import (
    WINDOW,
    begun_by_sql,
    in_pipeline,
    in_transaction,
    is_doomed,
    is_open,
    test_blocks,
)
from signal_log.capture.transaction.writing import announce, store, store_after, store_elsewhere, store_on_copy
from signal_log.conf import conf
from signal_log.event import COMMITTED
from signal_log.vendor import vendor_of

HELD: Final = "signal_log_held"
MAX_UNWRITTEN: Final = 1_000
"""At most this many events are buffered in memory; then they are written, still inside the transaction."""
MAX_FIXTURE: Final = 50_000
"""The same for events of a fixture: it may bring the log's own rows along, whose ids must be free until then."""
MAX_WAITING: Final = 1_000
"""At most this many events wait for a block on the log's connection to end; more go through a separate connection."""
SECONDS_TO_CONNECT: Final = 3
"""How long the record of a connection that was lost waits for a new one, unless the project says."""
DOOMED: Final = "An earlier statement had failed, so PostgreSQL turned this COMMIT into a ROLLBACK without an error."


def held_on(connection: BaseDatabaseWrapper) -> Held:
    """The connection's buffer, created with the first event of a transaction."""
    held: Held | None = connection.__dict__.get(HELD)
    if held is None:
        held = connection.__dict__[HELD] = Held(connection)
    return held


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


class Held(Buffer):
    """The buffered events of one transaction on one connection."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        super().__init__()
        self.connection = connection
        self.has_written = False
        self.rights_changed = False
        self.by_sql = False
        """Whether the host began the transaction by SQL of its own."""
        self._refused = False
        self._may_be_committed = False
        self.test_blocks = self._added_within = test_blocks(connection)

    def add(self, draft: Draft) -> None:
        """Buffer one event, and write the buffer if it is full."""
        self.append(draft)
        if self.test_blocks:
            self._added_within = test_blocks(self.connection)
        limit = MAX_FIXTURE if draft.scene.raw else MAX_UNWRITTEN
        if self.unwritten >= limit and in_transaction(self.connection):
            self.write()

    # -- what happens to the transaction ---------------------------------------------------------------

    def commit(self, original: Callable[[], None], *, by_sql: bool = False) -> None:
        """Its COMMIT, by the connection's ``commit`` or ``by_sql``: the events go in right before it."""
        try:
            if self.connection.in_atomic_block and not by_sql:
                original()  # Django raises
                return
            if is_doomed(self.connection) and not self._refused:
                self.rollback(original, DOOMED, by_sql=by_sql)
                return
            # The host's log of statements has its COMMIT, too, and a pipeline takes one statement at a time.
            unseen = not self.connection.queries_logged and not in_pipeline(self.connection.connection)
            self._may_be_committed = True
            self.write(last=unseen and not by_sql)
            original()
        except BaseException as error:
            if by_sql and not is_open(self.connection):  # Django's own is followed by a ROLLBACK
                self.rollback(_nothing, by_sql=True)
            elif not by_sql and not isinstance(error, Error):
                self._interrupted()
            raise
        self._committed()

    def _interrupted(self) -> None:
        """An interruption came while we wrote, or with the COMMIT, which is then done.

        Django makes nothing of it, and would leave a transaction open that it takes for ended.
        """
        if is_open(self.connection):
            with suppress(Error):
                self.connection.rollback()
        else:
            self._committed()

    def _committed(self) -> None:
        for draft in self.drafts:
            draft.outcome = draft.outcome or COMMITTED
        drafts = self.end()
        if in_transaction(self.connection):
            settle_committed(drafts, self.connection)
        elif drafts:
            settle(drafts)

    def rollback(self, original: Callable[[], None], why: str = "", *, by_sql: bool = False) -> None:
        """Its ROLLBACK: undone events are written afterwards, as rolled back."""
        failed = None
        try:
            original()
        except Error as error:  # the connection is lost, and the server has rolled back
            failed = error
        finally:
            self.undone(why)
            self.note_dropped()
            drafts = self.end()
        if failed is not None:
            if not self._may_be_committed:
                self._settle_apart(drafts)
            raise failed
        # What a test case rolls back it would not have committed.
        if test_blocks(self.connection) == (0 if by_sql else self.test_blocks):
            settle_undone(drafts, self.connection)

    def close(self, original: Callable[[], None]) -> None:
        """The connection's ``close``: an open transaction is lost, and is recorded through a new connection."""
        by_sql = begun_by_sql(self.connection)
        original()
        if not self.connection.closed_in_transaction and not by_sql:
            return
        self.undone()
        self._settle_apart(self.end())

    def _settle_apart(self, drafts: Sequence[Draft]) -> None:
        """Record rolled-back work through a new connection, for this one is gone."""
        if test_blocks(self.connection) == self.test_blocks == 0:
            fresh = self.connection.copy()
            if vendor_of(fresh) == "postgresql":
                options = {"connect_timeout": SECONDS_TO_CONNECT, **fresh.settings_dict["OPTIONS"]}
                fresh.settings_dict["OPTIONS"] = {name: options[name] for name in options if name != "pool"}
            try:
                settle_undone(drafts, fresh)
            finally:
                fresh.close()

    def savepoint(self, original: Callable[[], None], name: str) -> None:
        """A SAVEPOINT."""
        original()
        self.mark(name)

    def savepoint_release(self, original: Callable[[], None], name: str) -> None:
        """A RELEASE; on SQLite that of the outermost one may be the COMMIT."""
        original()
        self.release(name)
        self.leave_ended()

    def savepoint_rollback(self, original: Callable[[], None], name: str) -> None:
        """A ROLLBACK TO SAVEPOINT: events after it are undone."""
        original()
        self._refused = False
        if self.rights_changed:
            forget_readable(self.connection)
        within = test_blocks(self.connection)
        self.go_back_to(name, forget=within < self._added_within)  # a TestCase cleans up after itself
        self._added_within = min(self._added_within, within)

    def leave_ended(self) -> None:
        """If the host's own transaction has ended without our seeing how, its events have gone with it, or stay."""
        if (self.by_sql or not in_transaction(self.connection)) and not begun_by_sql(self.connection):
            self._committed()

    # -- writing ---------------------------------------------------------------------------------------

    def write(self, *, last: bool = False) -> None:
        """Write unwritten events in the current transaction; ``last`` means that the COMMIT follows immediately."""
        if self.connection.alias != conf.DATABASE:
            return
        due = self.due()
        if not due:
            return
        self._refused = True
        store(due, self.connection, last=last)
        self._refused = False
        self.note_written(due, self.connection.alias)

    def write_before_reading(self, sql: str) -> None:
        """Flush the buffer before a statement that reads the log inside the transaction."""
        # Nothing can be written in a broken transaction; Django will reject the host's statement itself.
        if self.unwritten and not self.connection.needs_rollback and sink().mentions_log(sql):
            self.write()

    def end(self) -> list[Draft]:
        """Detach the buffer from the connection, because the transaction is over, and return its drafts."""
        self.connection.__dict__.pop(HELD, None)
        if self.rights_changed:
            forget_readable(self.connection)
        self.settled()
        drafts, self.drafts = self.drafts, []
        return drafts


def _nothing() -> None:
    pass


def _leave_to_parent() -> None:
    """In a forked process: what its parent holds is the parent's to write."""
    for connection in connections.all(initialized_only=True):
        for name in (HELD, WINDOW):
            connection.__dict__.pop(name, None)


os.register_at_fork(after_in_child=_leave_to_parent)
