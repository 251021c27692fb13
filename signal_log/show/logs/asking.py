"""Asks other logs, all at once and for a few seconds; whatever is wrong with one becomes a sentence about it.

Each is read by a thread of its own: a database that hangs keeps that thread and no page. One that has failed is left
alone for a while, and has no more than a few threads at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock, Thread
from typing import Final, Generic, TypeVar

from django.db import Error, ProgrammingError, connections

from signal_log import clock
from signal_log.models import LogIdentity, ReceiverCall, SealTree, SignalEvent, SignalTrace
from signal_log.show.logs.known import Known, known
from signal_log.show.logs.named import Log
from signal_log.show.logs.sound import UnsoundRowError
from signal_log.show.words.text import visible
from signal_log.store.reading import reading_from
from signal_log.store.tables import lacking
from signal_log.vendor import vendor_of

logger = logging.getLogger(__name__)

SECONDS: Final = 4.0
"""How long a page waits for other logs."""
LEFT_ALONE: Final = 10.0
"""Seconds in which a log that failed is not asked again."""
AT_ONCE: Final = 4
"""So many pages of a process read one log at a time."""
LONGEST_NAME: Final = 200
"""So many characters of what another database says that its log is called."""
READ: Final = (SignalEvent, LogIdentity, SealTree, SignalTrace, ReceiverCall)
"""The tables that a role must be allowed to read, and no others."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What was read of a log, or why nothing was."""

    log: Log
    found: T | None = None
    problem: str = ""
    known: Known | None = None


_lock: Final = Lock()
_free: Final[dict[str, BoundedSemaphore]] = {}
_failed: Final[dict[str, tuple[float, str]]] = {}
"""By alias: when it was, and the sentence."""


def begin(logs: Sequence[Log], read: Callable[[Log], T]) -> Callable[[], list[Answer[T]]]:
    """Begin to read these logs; what is returned waits for their answers, which are in the same order."""
    deadline = clock.monotonic() + SECONDS
    asked = [_Reading(log, read) for log in logs]
    return lambda: [one.answer(deadline) for one in asked]


class _Reading(Generic[T]):
    """A log that is being read."""

    def __init__(self, log: Log, read: Callable[[Log], T]) -> None:
        self._log, self._read = log, read
        self._answer: Answer[T] | None = self._refusal()
        self._thread: Thread | None = None
        if self._answer is None:
            self._thread = Thread(target=self._run, name=f"signal_log {log.alias}", daemon=True)
            self._thread.start()

    def answer(self, deadline: float) -> Answer[T]:
        """What it has answered by then."""
        if self._thread is not None:
            self._thread.join(max(deadline - clock.monotonic(), 0))
        return self._answer or self._failed(f"did not answer within {SECONDS:.0f} seconds")

    def _refusal(self) -> Answer[T] | None:
        """The answer, if it is not asked now."""
        with _lock:
            free = _free.setdefault(self._log.alias, BoundedSemaphore(AT_ONCE))
        failed_at, why = _failed.get(self._log.alias, (None, ""))
        if failed_at is not None and clock.monotonic() - failed_at < LEFT_ALONE:
            return Answer(self._log, problem=why)
        if not free.acquire(blocking=False):
            return Answer(self._log, problem=f"{self._log.origin} is being read by others, and has not answered yet.")
        return None

    def _run(self) -> None:
        try:
            with reading_from(self._log.alias):
                found = known()
                if found.is_called(self._log.origin):
                    self._answer = Answer(self._log, self._read(self._log), known=found)
                else:
                    self._answer = Answer(self._log, problem=_of_another(self._log, found))
            _failed.pop(self._log.alias, None)
        except Exception as error:  # noqa: BLE001  whatever it is, the page shows the other logs
            said = visible(" ".join(str(error).split()))  # a line, whatever the server at the other end has sent
            logger.warning("The log %s in the database %r was not read: %s", self._log.origin, self._log.alias, said)
            self._answer = self._failed(_why(self._log.alias, error))
        finally:
            _close(self._log.alias)
            _free[self._log.alias].release()

    def _failed(self, why: str) -> Answer[T]:
        sentence = f"{self._log.origin} {why}."
        _failed[self._log.alias] = clock.monotonic(), sentence
        return Answer(self._log, problem=sentence)


def _of_another(log: Log, found: Known) -> str:
    called = f", called {found.origin[:LONGEST_NAME]}" if found.origin else ", which was never given a name"
    return f"{log.origin} is not shown: its database {log.alias!r} holds another log{called}."


def _why(alias: str, error: Exception) -> str:
    """What is wrong, without the driver's words, which may name hosts and accounts; the server's log has them."""
    if isinstance(error, UnsoundRowError):
        return str(error)
    if getattr(error.__cause__, "sqlstate", None) == "42501":  # insufficient_privilege
        needed = ", ".join(model._meta.db_table for model in READ)
        return f"may not be read: the role of {alias!r} needs SELECT on {needed}"
    if isinstance(error, ProgrammingError) or vendor_of(connections[alias]) == "sqlite":
        try:
            missing = lacking(connections[alias], READ)
        except Error:
            missing = ""
        if missing:
            return (
                f"cannot be read: its database {alias!r} lacks {missing}, so it has no log, or one of another version "
                "of signal_log. Bring both installations to the same"
            )
    if isinstance(error, ProgrammingError):
        return f"cannot be read: its database {alias!r} refused the query. The server's log says more"
    return f"does not answer: its database {alias!r} cannot be reached or read. The server's log says more"


def _close(alias: str) -> None:
    try:
        connections[alias].close()
    except Exception as error:  # noqa: BLE001  what was read is read
        logger.debug("The connection to %r was not closed: %s", alias, error)
