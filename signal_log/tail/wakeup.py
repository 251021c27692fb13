"""Wakes a hub: any thread may call, and only the call that finds the hub asleep costs more than setting a flag."""

from __future__ import annotations

import asyncio
import logging

logger = logging.getLogger(__name__)


class Wakeup:
    """Like ``asyncio.Event``, for threads: no call is lost, however it interleaves with ``clear`` and ``wait``."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._called = self._asleep = False

    def wake(self) -> None:
        """There is news; from any thread."""
        self._called = True  # before ``_asleep`` is read, as ``wait`` sets that before it reads this
        if self._asleep:
            self._asleep = False
            try:
                self._loop.call_soon_threadsafe(self._event.set)
            except RuntimeError:
                logger.debug("The event loop of a hub was closed before its sockets were.")

    def clear(self) -> None:
        """Whoever called until now will find its news in the read that follows."""
        self._called = False
        self._event.clear()

    async def wait(self, seconds: float) -> bool:
        """Sleep until a call, or so long; whether one came."""
        self._asleep = True
        try:
            if not self._called:
                await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return False
        finally:
            self._asleep = False
        return True
