"""Errors of the recorder itself: they never reach the host, and never pass unseen.

Whatever fails while an event is built is logged with where it came from, once a minute, and counted; the event is
recorded nevertheless and says so. (What fails while events are *stored* is another matter: ``ON_ERROR`` decides.)
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from threading import Lock
from typing import Any, Final

from signal_log import clock
from signal_log.capture.model.error_text import traceback_text
from signal_log.capture.trace.draft import Draft
from signal_log.capture.trace.trace import current_trace
from signal_log.event import INCOMPLETE

logger = logging.getLogger("signal_log")

LOG_INTERVAL: Final = 60.0


class Faults:
    """This process's count."""

    def __init__(self) -> None:
        self.total = 0
        self.untold_models: dict[str, int] = {}
        self._next_line = float("-inf")
        self._lock = Lock()

    def note(self, draft: Draft, error: BaseException) -> None:
        """Count a failure to build this event, log it, and have the event say that it is incomplete."""
        self.report(f"a {draft.signal} of {draft.scene.sender}", error, draft.scene.trace.gathered.secrets)
        if INCOMPLETE not in draft.error:
            # Only the class: a message may quote the very value that must not reach the log.
            draft.error = f"{draft.error} {INCOMPLETE}: {type(error).__name__}, see the server's log.".strip()

    def report(self, what: str, error: BaseException, secrets: Iterable[Any] = ()) -> None:
        """Count a failure of the recorder, and log where it came from, unless one was logged in the last minute.

        The traceback is text of ours, not ``exc_info``: that would show the message, and what reports errors elsewhere
        would take the values of local variables along.
        """
        with self._lock:
            self.total += 1
            now = clock.monotonic()
            if now < self._next_line:
                return
            self._next_line = now + LOG_INTERVAL
        logger.error(
            "signal_log could not record all of %s, and the host went on; %d time(s) in this process. "
            "This is a fault of signal_log, or of a model's own methods that it called; please report it.\n%s",
            what,
            self.total,
            traceback_text(error, secrets or _secrets_now()),
        )

    def untold(self, label: str) -> None:
        """Count an event that holds believed values, because the database did not tell; say so once for each model."""
        with self._lock:
            known = self.untold_models.get(label, 0)
            self.untold_models[label] = known + 1
        if not known:
            logger.warning(
                "signal_log cannot read the rows of %s (no right to, a view, or a statement it does not know), so its "
                "events hold what the instances believed, and `overwrote` is null.",
                label,
            )


def _secrets_now() -> Iterable[Any]:
    trace = current_trace.get()
    return trace.gathered.secrets if trace is not None else ()


faults: Final = Faults()
