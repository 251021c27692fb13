"""Reading the table for one client: its subscription, its backfill, and what it missed, until the hub takes over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from signal_log import clock
from signal_log.errors import LogUnavailable
from signal_log.filters import Filters
from signal_log.seal.canonical import timestamp
from signal_log.store.follow import Follower
from signal_log.tail import wire
from signal_log.tail.cursor import Token
from signal_log.tail.feed import Feed
from signal_log.tail.outbox import Outbox
from signal_log.tail.position import Position
from signal_log.tail.window import Window
from signal_log.tail.wire import Encoded, Subscribe

logger = logging.getLogger(__name__)

Rows = list[dict[str, Any]]
Reset = tuple[str, int]
"""Why a cursor cannot be continued, and the oldest id there is."""

MAX_ROWS: Final = 500


class CatchUp:
    """The one task of a client that reads the database."""

    def __init__(
        self,
        feed: Feed,
        position: Position,
        window: Window,
        outbox: Outbox,
        subscribed: Callable[[Filters], object],
    ) -> None:
        self._feed = feed
        self._position = position
        self._window = window
        self._outbox = outbox
        self._subscribed = subscribed
        self._task: asyncio.Task[None] | None = None
        self._filters = Filters()
        self._requested: Subscribe | None = None
        self._requested_backfill = 0
        self._reset: Reset | None = None
        self._backfill = 0
        self._mean_size = 0
        """The mean bytes of an event of the last read, so that no more is read than may be sent."""

    def subscribe(self, request: Subscribe) -> None:
        """Take up a subscription, the first or another one."""
        self._requested = request
        self._requested_backfill = request.backfill
        self.go()

    def restart(self, reason: str, oldest: int) -> None:
        """Start afresh in another log, with the filters and the backfill requested last."""
        self._requested = self._requested or Subscribe(None, self._requested_backfill, self._filters)
        self._reset = (reason, oldest)
        self.go()

    def go(self) -> None:
        """Start the task, unless it is already running."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
            self._task.add_done_callback(self._ended)

    def stop(self) -> None:
        """Cancel the task; the socket is closed."""
        if self._task is not None:
            self._task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (problem := task.exception()) is not None:
            logger.error("A client's catch-up failed; its socket is closed, so that it reconnects.", exc_info=problem)
            self._outbox.close(wire.INTERNAL_ERROR)

    async def _run(self) -> None:
        await self._feed.started.wait()
        while not self._outbox.closing.done():
            try:
                if self._requested is not None:
                    await self._begin(self._requested)
                elif not self._position.begun or not self._window.open:
                    return
                elif self._backfill:
                    await self._send_backfill(self._backfill)
                elif self._position.live:
                    return
                else:
                    await self._read_on()
            except LogUnavailable as problem:
                await self._feed.outage.failed(problem)

    # --- subscribing ------------------------------------------------------------------------------
    async def _begin(self, request: Subscribe) -> None:
        reset, self._reset = self._reset, None
        if reset is None and request.after is not None:
            reset = await self._feed.queries.ask(check_cursor, request.after, self._feed.frontier.epoch)
        if self._requested is not request or self._reset is not None:
            return  # overtaken by another request, or by another log
        self._requested = None
        self._backfill = request.backfill if request.after is None or reset is not None else 0
        self._filters = request.filters
        self._take_position(request.after, reset)
        self._subscribed(request.filters)
        self._outbox.put(wire.ready(self._cursor(), timestamp(clock.now()), self._feed.health()))

    def _take_position(self, after: Token | None, reset: Reset | None) -> None:
        frontier = self._feed.frontier
        if reset is not None:
            self._outbox.put(wire.reset(*reset))
            self._position.began(frontier)
        elif after is not None:
            self._position.resumed(after.anchor)
        elif self._position.begun:
            self._position.filters_changed(frontier)
        else:
            self._position.began(frontier)

    # --- reading ----------------------------------------------------------------------------------
    async def _send_backfill(self, count: int) -> None:
        up_to, filters = self._position.backfill_read(), self._filters
        rows = await self._read_table(lambda log: log.last(count, up_to, filters))
        if rows is None:
            return
        self._backfill = 0
        wanted = self._position.wanted_backfill(rows, self._feed.frontier)
        sent, unsent = self._split(wanted)
        self._position.backfill_returned(rows, sent, unsent)
        self._send(sent)

    async def _read_on(self) -> None:
        feed, position, filters = self._feed, self._position, self._filters
        read = position.next_read(feed.frontier)
        if read is None:
            return
        limit = min(MAX_ROWS, self._window.room(self._mean_size or feed.recent.mean_size))
        rows: list[Encoded] | None = None
        if feed.outage.works:  # else permissions have to be checked first
            rows = feed.recent.read(read.above, read.ranges, limit, up_to=read.up_to.id)
        if rows is None:
            rows = await self._read_table(
                lambda log: log.read(read.above, read.ranges, limit, up_to=read.up_to.id, filters=filters)
            )
        if rows is None:
            return
        self._mean_size = sum(row.size for row in rows) // len(rows) if rows else 0
        wanted = [row for row in position.wanted(rows, feed.frontier) if filters.matches(row.event)]
        sent, unsent = self._split(wanted)
        position.read_returned(read, rows, unsent, complete=len(rows) < limit)
        self._send(sent)

    async def _read_table(self, read: Callable[[Follower], Rows]) -> list[Encoded] | None:
        """The rows of a read, encoded; None when the log was replaced meanwhile."""
        feed, position = self._feed, self._position
        generation = feed.generation
        try:
            rows = await feed.queries.ask(lambda log: [wire.encode(row) for row in read(log)])
            await feed.outage.recheck()
        except LogUnavailable:
            position.read_failed()
            raise
        if feed.generation != generation:
            position.log_replaced()
            return None
        return rows

    def _split(self, events: Sequence[Encoded]) -> tuple[Sequence[Encoded], Sequence[Encoded]]:
        """The events that the window takes now, and the rest."""
        count = len(self._window.fitting(wire.chunks(events)))
        return events[:count], events[count:]

    def _send(self, events: Sequence[Encoded]) -> None:
        cursor = self._cursor()
        for frame in wire.frames(events, cursor.epoch, cursor.anchor):
            self._outbox.put_events(frame)

    def _cursor(self) -> Token:
        frontier = self._feed.frontier
        return Token(frontier.epoch, self._position.cursor(frontier))


def check_cursor(log: Follower, token: Token, epoch: str) -> Reset | None:
    """Why a cursor cannot be continued, or None when it can."""
    number = token.anchor.id
    if token.epoch == epoch and (number == 0 or log.mark(number) == token.anchor.mark):
        return None
    oldest = log.extent().oldest
    if token.epoch != epoch:
        return "foreign", oldest
    return ("expired" if number < oldest else "rewound"), oldest
