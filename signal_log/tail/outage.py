"""When the database fails or hangs: what clients are told, and what is held back until permissions were rechecked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from signal_log.capture.model.error_text import error_text
from signal_log.errors import LogUnavailable

logger = logging.getLogger(__name__)

RETRY_AFTER: Final = 1.0
MAX_SILENCE: Final = 5.0
"""Seconds for which a query may go unanswered (a lock, a stalled machine) before clients are told."""


class Outage:
    """Whether the database of one hub works, and what follows when it does not."""

    def __init__(
        self,
        send_error: Callable[[str, str], object],
        send_heartbeat: Callable[[], object],
        check_permissions: Callable[[], Awaitable[object]],
    ) -> None:
        self.works = True
        self._send_error = send_error
        self._send_heartbeat = send_heartbeat
        self._check_permissions = check_permissions
        self._unchecked = False
        self._checking = asyncio.Lock()

    async def failed(self, problem: LogUnavailable) -> None:
        """Tell all clients once, and wait before the next attempt."""
        self._begin(
            f"The log cannot be read ({error_text(problem.__cause__ or problem)}); retrying every second.",
            "The database does not answer.",
        )
        await asyncio.sleep(RETRY_AFTER)

    def unanswered(self, seconds: float) -> None:
        """Tell all clients when a query has been waiting for too long; it goes on waiting."""
        if seconds >= MAX_SILENCE:
            said = f"The database has not answered for {MAX_SILENCE:.0f} s."
            self._begin(f"{said} It hangs, or the log's table is locked; waiting.", said)

    async def recheck(self) -> None:
        """After an outage, close the sockets of those who lost their permission meanwhile."""
        async with self._checking:
            while self._unchecked:
                try:
                    await self._check_permissions()
                    self._unchecked = False
                except LogUnavailable as problem:
                    await self.failed(problem)

    def over(self) -> None:
        """The log was read: tell those who had been told otherwise."""
        if not self.works:
            self.works = True
            logger.info("The log can be read again.")
            self._send_heartbeat()

    def _begin(self, logged: str, told: str) -> None:
        self._unchecked = True
        if self.works:
            self.works = False
            logger.warning(logged)
            self._send_error("database_unavailable", f"{told} Nothing is lost; retrying.")
