"""A thread that asks the log's database for the event loop: never the one that all requests share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Concatenate, Final, ParamSpec, TypeVar

from signal_log import clock
from signal_log.store.follow import Follower

INTERRUPT_EVERY: Final = 0.2
"""Seconds between two attempts to cancel a statement whose answer nobody waits for."""

P = ParamSpec("P")
R = TypeVar("R")


class LogThread:
    """One thread with one connection that is kept."""

    def __init__(self, name: str) -> None:
        self.log = Follower()
        self._executor = ThreadPoolExecutor(1, f"signal_log-{name}")
        self._asked_at: float | None = None

    async def ask(self, question: Callable[Concatenate[Follower, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The answer to a question about the log; raises ``LogUnavailable`` when the database fails."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._answer, lambda: question(self.log, *args, **kwargs))

    def silent_for(self) -> float:
        """For how many seconds the database has not answered a query."""
        asked_at = self._asked_at
        return 0.0 if asked_at is None else clock.monotonic() - asked_at

    def _answer(self, question: Callable[[], R]) -> R:
        self._asked_at = clock.monotonic()
        try:
            return question()
        finally:
            self._asked_at = None

    def close(self) -> None:
        """Close the connection as soon as the thread has finished its work; nobody waits for an answer any more."""
        self._executor.submit(self.log.close)
        self._executor.shutdown(wait=False)
        if self._asked_at is not None:  # perhaps for a lock: each reload of the page would leave a waiting connection
            Thread(target=self._interrupt, name="signal_log-interrupt", daemon=True).start()

    def _interrupt(self) -> None:
        """Cancel the running statement, repeatedly: a cancel that arrives between two statements has no effect."""
        while self._asked_at is not None:
            self.log.interrupt()
            time.sleep(INTERRUPT_EVERY)
