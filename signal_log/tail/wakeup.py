"""What wakes a hub: any thread may ring, and only the ring that finds it asleep costs more than a flag."""

from __future__ import annotations

import asyncio
import logging

logger = logging.getLogger(__name__)


class Bell:
    """A ring is never lost between two looks, however the threads interleave."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._rung = self._asleep = False

    def ring(self) -> None:
        """There is news; from any thread."""
        self._rung = True  # before the look at ``_asleep``, as ``within`` falls asleep before its look at this
        if self._asleep:
            self._asleep = False
            try:
                self._loop.call_soon_threadsafe(self._event.set)
            except RuntimeError:
                logger.debug("The event loop of a hub was closed before its sockets were.")

    def heard(self) -> None:
        """Whoever rang before will find in the next read what it rang for."""
        self._rung = False
        self._event.clear()

    async def within(self, seconds: float) -> bool:
        """Sleep until a ring, or so long; whether one came."""
        self._asleep = True
        try:
            if not self._rung:
                await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return False
        finally:
            self._asleep = False
        return True
