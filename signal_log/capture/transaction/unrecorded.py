"""Counts the events that could not be written, and logs them at most once a minute."""

from __future__ import annotations

import logging
from datetime import datetime
from threading import Lock
from typing import Final

from signal_log import clock
from signal_log.capture.model.error_text import error_text

logger = logging.getLogger("signal_log")

LOG_INTERVAL: Final = 60.0


class Unrecorded:
    """This process's count."""

    def __init__(self) -> None:
        self.total = 0
        self.since: datetime | None = None
        self._reported = 0
        self._next_line = float("-inf")
        self._lock = Lock()

    def add(self, events: int, error: BaseException) -> None:
        """Count events that were lost to ``error``, and log them unless a line was logged within the last minute."""
        with self._lock:
            self.total += events
            self.since = self.since or clock.now()
            now = clock.monotonic()
            if now < self._next_line:
                return
            self._next_line = now + LOG_INTERVAL
            unreported, self._reported = self.total - self._reported, self.total
        # The database's message; the store's message says that the change was refused.
        why = error.__cause__ or error
        logger.error(
            "%d events were not recorded, and the host's changes went ahead without them: %s",
            unreported,
            error_text(why),
        )


unrecorded: Final = Unrecorded()
