"""A thread for the log whose questions take turns by account: nobody waits for all that somebody else has asked."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from typing import Concatenate, ParamSpec, TypeVar

from signal_log.store.follow import Follower
from signal_log.tail.thread import LogThread

P = ParamSpec("P")
R = TypeVar("R")


class Turns:
    """Hands one question at a time to the thread; among the accounts that wait, the one served longest ago is next.

    So the first question of an account waits for the one being answered and for one question of each other account,
    however many sockets these have. Touched only on one event loop.
    """

    def __init__(self, thread: LogThread) -> None:
        self._thread = thread
        self._busy = False
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}
        """By account, in the order of their turns."""

    async def ask(
        self, account: Hashable, question: Callable[Concatenate[Follower, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """The answer to a question of an account; raises ``LogUnavailable`` when the database fails."""
        await self._turn_of(account)
        try:
            return await self._thread.ask(question, *args, **kwargs)
        finally:
            self._next()

    def close(self) -> None:
        """Close the thread; nobody waits for an answer any more."""
        self._thread.close()

    async def _turn_of(self, account: Hashable) -> None:
        if not self._busy:
            self._busy = True
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was this one's turn, and it does not take it
                self._next()
            raise

    def _next(self) -> None:
        while self._waiting:
            account = next(iter(self._waiting))
            turns = self._waiting.pop(account)
            turn = turns.popleft()
            if turns:
                self._waiting[account] = turns  # behind all others
            if not turn.done():
                turn.set_result(None)
                return
        self._busy = False
