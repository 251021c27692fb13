"""Counts the telemetry that was lost, and logs it at most once a minute: nobody is ever stopped for its sake."""

from __future__ import annotations

import logging
from threading import Lock
from typing import Final

from signal_log import clock

logger = logging.getLogger("signal_log")

LOG_INTERVAL: Final = 60.0


class Lost:
    """This process's counts."""

    def __init__(self) -> None:
        self.traces = 0
        self.calls = 0
        self._reported = (0, 0)
        self._next_line = float("-inf")
        self._lock = Lock()

    def add(self, traces: int, calls: int, why: str) -> None:
        """Count traces and receivers' calls that were not kept, and log them unless that was done a minute ago."""
        if not traces and not calls:
            return
        with self._lock:
            self.traces += traces
            self.calls += calls
            now = clock.monotonic()
            if now < self._next_line:
                return
            self._next_line = now + LOG_INTERVAL
            new = self.traces - self._reported[0], self.calls - self._reported[1]
            self._reported = self.traces, self.calls
        logger.warning(
            "Telemetry of %d trace(s) and %d receiver call(s) was lost (the log itself is complete): %s",
            *new,
            why,
        )


lost: Final = Lost()
