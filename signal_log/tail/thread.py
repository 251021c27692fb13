"""A thread that asks the log's database for the event loop: never the one that all requests share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, ParamSpec, TypeVar

from signal_log.store.follow import Follower

P = ParamSpec("P")
R = TypeVar("R")


class LogThread:
    """One thread with one connection that is kept."""

    def __init__(self, name: str) -> None:
        self.log = Follower()
        self._executor = ThreadPoolExecutor(1, f"signal_log-{name}")

    async def ask(self, question: Callable[Concatenate[Follower, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The answer to a question about the log; raises ``LogUnavailable`` when the database is away."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: question(self.log, *args, **kwargs))

    def close(self) -> None:
        """Give the connection back as soon as the thread has finished its work."""
        self._executor.submit(self.log.close)
        self._executor.shutdown(wait=False)
