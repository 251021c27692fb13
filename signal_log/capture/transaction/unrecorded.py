"""Counts the events that could not be written, and logs them at most once a minute."""

from __future__ import annotations

import logging
from datetime import datetime
from threading import Lock
from typing import Final

from django.db import DatabaseError

from signal_log import clock
from signal_log.capture.model.error_text import error_text
from signal_log.errors import LIKELY_CAUSES

logger = logging.getLogger("signal_log")

LOG_INTERVAL: Final = 60.0


class Unrecorded:
    """This process's count."""

    def __init__(self) -> None:
        self.total = self.undone = 0
        self.since: datetime | None = None
        self._reported = self._undone_reported = 0
        self._next_line = float("-inf")
        self._lock = Lock()

    def add(self, events: int, error: BaseException, *, undone: int = 0) -> None:
        """Count events that were lost to ``error``, and log them unless a line was logged within the last minute.

        ``undone`` of them are of changes that failed or were rolled back.
        """
        with self._lock:
            self.total += events
            self.undone += undone
            self.since = self.since or clock.now()
            now = clock.monotonic()
            if now < self._next_line:
                return
            self._next_line = now + LOG_INTERVAL
            lost, self._reported = self.total - self._reported, self.total
            undone, self._undone_reported = self.undone - self._undone_reported, self.undone
        # The database's message; the store's message says that the change was refused.
        why = error.__cause__ or error
        likely = f" {LIKELY_CAUSES}" if isinstance(why, DatabaseError) else ""
        logger.error("%s: %s%s", _told(lost, undone), error_text(why).removesuffix(".") + "." * bool(likely), likely)


def _told(lost: int, undone: int) -> str:
    events, was = ("event", "was") if lost == 1 else ("events", "were")
    if not undone:
        return f"{lost} {events} {was} not recorded, and the host's changes went ahead without them"
    if undone == lost:
        return f"{lost} {events} of work that failed or was rolled back {was} not recorded"
    kinds = f"{undone} of work that failed or was rolled back, {lost - undone} of changes that stay"
    return f"{lost} events were not recorded: {kinds}"


unrecorded: Final = Unrecorded()
