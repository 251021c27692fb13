"""When the database fails or hangs: what clients are told, and what is held back until it is certain who may stay."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from signal_log.errors import LogUnavailable
from signal_log.tail.connections import Guests
from signal_log.tail.thread import LogThread

logger = logging.getLogger(__name__)

RETRY_AFTER: Final = 1.0
LONGEST_SILENCE: Final = 5.0
"""Seconds for which a question may go unanswered (a lock, a machine that stands still) before clients are told."""


class Outage:
    """What a hub knows of its database."""

    def __init__(self, guests: Guests, library: LogThread) -> None:
        self.works = True
        self._guests = guests
        self._library = library
        self._unchecked = False
        self._checking = asyncio.Lock()

    async def failed(self, problem: LogUnavailable) -> None:
        """Tell everybody once, and wait a moment before the next attempt."""
        self._begin(f"The log cannot be read ({problem}); trying again once a second.", "The database does not answer.")
        await asyncio.sleep(RETRY_AFTER)

    def look_at(self, thread: LogThread) -> None:
        """Tell everybody when a question has been waiting for its answer for too long; it goes on waiting."""
        if thread.silent_for() >= LONGEST_SILENCE:
            said = f"The database has not answered for {LONGEST_SILENCE:.0f} s."
            self._begin(f"{said} It hangs, or the log's table is locked; waiting.", said)

    async def cleared(self) -> None:
        """After an outage: return when those who lost the right to stay meanwhile have been sent away."""
        async with self._checking:
            while self._unchecked:
                try:
                    await self._guests.check(self._library)
                    self._unchecked = False
                except LogUnavailable as problem:
                    await self.failed(problem)

    def over(self) -> None:
        """The log was read: tell those who had been told otherwise."""
        if not self.works:
            self.works = True
            logger.info("The log can be read again.")
            self._guests.beat()

    def _begin(self, logged: str, told: str) -> None:
        self._unchecked = True
        if self.works:
            self.works = False
            logger.warning(logged)
            self._guests.tell("database_unavailable", f"{told} Nothing is lost; trying again.")
