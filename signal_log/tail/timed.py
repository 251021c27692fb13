"""The clients that filter by time: what the hub hands out reaches them when the trace it belongs to is over.

They have a feed and subscriptions of their own, in which the events of traces that are not over are gaps
(``tail.untimed``). It starts with the first of them and stops after the last; nobody else pays for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from signal_log import clock
from signal_log.capture.model.error_text import traceback_text
from signal_log.errors import LogUnavailable
from signal_log.filters import Filters
from signal_log.store.ended_traces import Ends, Unended
from signal_log.store.follow import Follower
from signal_log.tail.cursor import Anchor, Frontier
from signal_log.tail.feed import Feed
from signal_log.tail.subscriptions import Subscription, Subscriptions
from signal_log.tail.untimed import Untimed, Waiting
from signal_log.tail.wire import INTERNAL_ERROR, Encoded, encode

logger = logging.getLogger(__name__)

LOOK_EVERY: Final = 0.5
AT_ONCE: Final = 500
"""So many events are read and handed out in one step."""
IDLE: Final = 10.0
"""Seconds for which it goes on after the last client."""
ACCOUNT: Final = "times"
"""Its turn among the accounts that ask the database."""


class Timed:
    """The feed of those who filter by time."""

    def __init__(self, main: Feed) -> None:
        self.feed = Feed(main.queries, main.outage, keeps_recent=False)
        self.subscriptions = Subscriptions()
        self._main = main
        self._untimed = Untimed()
        self._arrived: list[tuple[Sequence[Encoded], Frontier]] | None = None
        """While it starts: what the hub has handed out since."""
        self._ends: Ends | None = None
        self._task: asyncio.Task[None] | None = None
        self._used_at = 0.0

    def go(self) -> Feed:
        """Its feed, which is started unless it runs."""
        self._used_at = clock.monotonic()
        if self._task is None:
            self._task = asyncio.create_task(self._run())
            self._task.add_done_callback(self._ended)
        return self.feed

    def stop(self) -> None:
        """Nobody filters by time any more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        self.feed.forget()

    def handed_out(self, events: Sequence[Encoded], before: Frontier) -> None:
        """The hub has handed out a batch; ``before`` is its frontier without it."""
        if self._arrived is not None:
            self._arrived.append((events, before))
        if self.feed.started.is_set():
            self._note(events, before)
            self.feed.advance(self._untimed.frontier(self._main.frontier), ())

    def log_replaced(self) -> None:
        """The log is another one than before."""
        self._arrived = None
        self.feed.forget()

    def _note(self, events: Sequence[Encoded], before: Frontier) -> None:
        waiting = [Waiting(e.anchor, e.event["trace_id"], e.event["occurred_at"]) for e in events]
        self._untimed.note(waiting, before, clock.monotonic())

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (problem := task.exception()) is not None:
            logger.error("The times of traces cannot be followed.\n%s", traceback_text(problem))
            self._task = None
            self.feed.forget()
            for subscription in self.subscriptions:
                for client in list(subscription.clients):
                    client.close(INTERNAL_ERROR)

    async def _run(self) -> None:
        while self._is_used():
            try:
                if not self.feed.started.is_set():
                    await self._start()
                else:
                    await self._look()
            except LogUnavailable as problem:
                await self.feed.outage.failed(problem)
            await asyncio.sleep(LOOK_EVERY)
        self._task = None
        self.feed.forget()

    def _is_used(self) -> bool:
        if self.subscriptions:
            self._used_at = clock.monotonic()
        return clock.monotonic() - self._used_at < IDLE

    async def _start(self) -> None:
        self._arrived = []
        main, generation = self._main, self._main.generation
        beginning = main.frontier
        ends, (below, unended) = await main.queries.ask(ACCOUNT, _begin, beginning.top.id)
        if main.generation != generation or self._arrived is None:
            return  # the log was replaced meanwhile: once more
        arrived, self._arrived = self._arrived, None
        self._ends, self._untimed = ends, Untimed()
        under = Frontier(beginning.epoch, Anchor(*below), Anchor(*below), beginning.gaps)
        found = [Waiting(Anchor(one.id, one.mark), one.trace, one.at) for one in unended]
        self._untimed.note((one for one in found if one.anchor.id not in beginning.gaps), under, clock.monotonic())
        for events, before in arrived:
            self._note(events, before)
        self.feed.start(self._untimed.frontier(main.frontier))

    async def _look(self) -> None:
        ends, untimed, generation = self._ends, self._untimed, self.feed.generation
        if ends is None:
            return
        again = untimed.again()
        ended = await self.feed.queries.ask(ACCOUNT, _look, ends, again)
        if self.feed.generation != generation:
            return
        late = untimed.ended(ended)
        untimed.overdue(clock.monotonic())
        while ids := untimed.ready(AT_ONCE):
            await self._hand_out(ids, late=False)
        for at in range(0, len(late), AT_ONCE):
            await self._hand_out(late[at : at + AT_ONCE], late=True)

    async def _hand_out(self, ids: list[int], *, late: bool) -> None:
        """Offer these events to those whose filters they match; nobody subscribes between the reading and that."""
        generation = self.feed.generation
        found: dict[Subscription, list[Encoded]] = {}
        while missing := [one for one in self.subscriptions if one not in found]:
            for one in missing:
                rows = await self.feed.queries.ask(ACCOUNT, _read, ids, one.filters)
                # Events that came too late were judged before, without times: those that matched were handed out.
                found[one] = [row for row in rows if not (late and one.filters.matches(row.event))]
            await self.feed.outage.recheck()
            if self.feed.generation != generation:
                return
        before = self.feed.frontier
        if not late:
            self._untimed.released(len(ids))
        after = self._untimed.frontier(self._main.frontier)
        self.feed.advance(after, ())
        for subscription in list(self.subscriptions):
            subscription.publish(found[subscription], before, after)


def _begin(log: Follower, up_to: int) -> tuple[Ends, tuple[tuple[int, str], list[Unended]]]:
    ends = Ends(log.alias)
    return ends, log.borrow(lambda: ends.begin(up_to))


def _look(log: Follower, ends: Ends, again: Sequence[str]) -> dict[str, str]:
    return log.borrow(lambda: ends.look(again))


def _read(log: Follower, ids: Sequence[int], filters: Filters) -> list[Encoded]:
    return [encode(row) for row in log.among(ids, filters)]
