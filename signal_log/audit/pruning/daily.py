"""Prunes by itself, once a day in each server process, where ``RETENTION_DAYS`` says so; without an archive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from signal_log import clock
from signal_log.audit.pruning.prune import OvertakenError, Run
from signal_log.audit.pruning.retention import configured
from signal_log.conf import conf

FIRST: Final = 600.0
"""Seconds after the start of a process: not while a deploy is under way."""
EVERY: Final = 86_400.0
AGAIN: Final = 600.0
"""After a failure, such as a database that is busy."""


class DailyPrune:
    """When this process prunes; for one thread, which calls ``step`` while ``due``."""

    def __init__(self) -> None:
        self.next_at = clock.monotonic() + FIRST
        self._steps: Iterator[None] | None = None

    @property
    def under_way(self) -> bool:
        """Whether there are batches left of a run."""
        return self._steps is not None

    def due(self) -> bool:
        """Whether there is something to do now."""
        return conf.RETENTION_DAYS is not None and clock.monotonic() >= self.next_at

    def step(self) -> bool:
        """Remove one batch of events; whether there may be more. What it raises is tried again later."""
        if self._steps is None:
            self._steps = Run(configured(), why="RETENTION_DAYS").steps()
        try:
            next(self._steps)
        except (StopIteration, OvertakenError):  # another process is at it
            self._done(EVERY)
            return False
        except BaseException:
            self._done(AGAIN)
            raise
        return True

    def _done(self, seconds: float) -> None:
        self._steps = None
        self.next_at = clock.monotonic() + seconds
