"""The recorder's own transaction in autocommit: one statement of a save, with its two events.

It begins at the statement and is committed before Django goes on, below Django's flags and cursors: the connection
stays "in autocommit" for everybody else, so ``on_commit``, ``durable`` and ``in_atomic_block`` are as without the app,
and nothing of the host's runs inside it.
"""

from __future__ import annotations

from typing import Final

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.model.loaded import Fate
from signal_log.capture.trace.draft import Draft
from signal_log.capture.transaction.held import settle
from signal_log.capture.transaction.state import WINDOW, is_open
from signal_log.capture.transaction.writing import announce, store
from signal_log.conf import conf
from signal_log.unfinished import is_refusal
from signal_log.vendor import vendor_of

# On SQLite a savepoint, because a transaction that begins with one is refused while a statement of the host's is under
# way, whose end would commit it. Like a lone statement, it waits for the lock when it writes: who reads first takes it.
_BEGIN: Final = {"sqlite": "SAVEPOINT signal_log_window", "postgresql": "BEGIN"}


class Window:
    """An open transaction of ours on a connection in autocommit."""

    __slots__ = ("connection", "drafts", "fate")

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.drafts: list[Draft] = []
        self.fate = Fate()

    def commit(self) -> None:
        """Write the events and commit; raises what a failed COMMIT or, by ``ON_ERROR``, a failed write raises."""
        connection, drafts = self.connection, self.drafts
        here = connection.alias == conf.DATABASE
        try:
            if drafts and here:
                store(drafts, connection, last=True)
            _end(connection, "COMMIT")
        except BaseException as error:
            # What a signal handler raises while the COMMIT waits arrives after it: then the transaction is over.
            if isinstance(error, (Error, connection.Database.Error)) or is_open(connection):  # type: ignore[attr-defined]
                self.undo()
            else:
                self._committed()
            with connection.wrap_database_errors:
                raise
        self._committed()

    def _committed(self) -> None:
        self.connection.__dict__.pop(WINDOW, None)
        self.fate.undone = False

    def settle(self) -> None:
        """After the commit: write what is owed to a log in another database, and notify readers."""
        if self.drafts and self.connection.alias == conf.DATABASE:
            announce(self.drafts)
        elif self.drafts:
            settle(self.drafts)

    def undo(self) -> None:
        """Roll back, without hiding the exception that is being raised."""
        connection = self.connection
        connection.__dict__.pop(WINDOW, None)
        self.fate.undone = True
        try:
            _end(connection, "ROLLBACK")
        except Exception:  # noqa: BLE001  the connection is lost, and the transaction with it
            connection.errors_occurred = True


def open_window(connection: BaseDatabaseWrapper, *, begin: bool = True) -> Window | None:
    """Begin our transaction; None if this connection already has one open, whose events are then written together.

    None also where a statement of the host's that writes is still under way on SQLite.
    Without ``begin``, the statement itself brings the BEGIN along.
    """
    if WINDOW in connection.__dict__:
        return None
    window = Window(connection)
    try:
        connection.__dict__[WINDOW] = window
        if begin:
            connection.connection.execute(_BEGIN[vendor_of(connection)])
    except BaseException as error:
        window.undo()  # what a signal handler raises while the BEGIN waits arrives after it
        if is_refusal(error):
            return None
        with connection.wrap_database_errors:
            raise
    return window


def window_of(connection: BaseDatabaseWrapper) -> Window | None:
    """The connection's open window."""
    return connection.__dict__.get(WINDOW)


def _end(connection: BaseDatabaseWrapper, verb: str) -> None:
    if is_open(connection):  # the COMMIT may have gone with the events, or SQLite have rolled back by itself
        connection.connection.execute(verb)
