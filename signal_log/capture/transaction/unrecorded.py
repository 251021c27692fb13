"""Events that could not be written: counted all, told of in at most one line a minute."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from threading import Lock
from typing import Final

logger = logging.getLogger("signal_log")

QUIET_SECONDS: Final = 60.0


class Unrecorded:
    """The count of one process."""

    def __init__(self) -> None:
        self.total = 0
        self.since: datetime | None = None
        self._told = 0
        self._next_line = float("-inf")
        self._lock = Lock()

    def add(self, events: int, error: BaseException) -> None:
        """So many more were not written, because of this; says so, unless it did within the last minute."""
        with self._lock:
            self.total += events
            self.since = self.since or datetime.now(UTC)
            now = time.monotonic()
            if now < self._next_line:
                return
            self._next_line = now + QUIET_SECONDS
            untold, self._told = self.total - self._told, self.total
        # The database's own words; the store's speak of a change that was refused.
        why = error.__cause__ or error
        logger.error("%d events were not recorded, and work goes on without them: %s", untold, why)


unrecorded: Final = Unrecorded()
