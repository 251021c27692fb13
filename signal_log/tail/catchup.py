"""Reading the table for one client: its subscription, its backfill, and what it missed, until the hub takes over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from signal_log import clock
from signal_log.capture.model.error_text import traceback_text
from signal_log.errors import LogUnavailable
from signal_log.filters import Filters
from signal_log.moments import parse_moment
from signal_log.seal.canonical import timestamp
from signal_log.store.follow import DEEPEST_BACKFILL, Edge, Follower
from signal_log.tail import wire
from signal_log.tail.cursor import Anchor, Token
from signal_log.tail.feed import Feed
from signal_log.tail.outbox import Outbox
from signal_log.tail.pace import Pace
from signal_log.tail.position import Position, Read
from signal_log.tail.window import Window
from signal_log.tail.wire import Encoded, Subscribe

logger = logging.getLogger(__name__)

Rows = list[dict[str, Any]]
Reset = tuple[str, int]
"""Why a cursor cannot be continued, and the oldest id there is."""

MAX_ROWS: Final = 500
BACKFILL_SECONDS: Final = 2.0
"""For how long a backfill may search; it ends with what it has found, and ``/events/`` has the rest."""


class Found(NamedTuple):
    """What one read brought."""

    rows: list[Encoded]
    searched_to: Any
    """Where the read stopped looking."""
    seconds: float


class CatchUp:
    """The one task of a client that reads the database."""

    def __init__(
        self,
        feed: Feed,
        feed_of: Callable[[Filters], Feed],
        position: Position,
        window: Window,
        outbox: Outbox,
        subscribed: Callable[[Filters], object],
        account: Hashable,
    ) -> None:
        self.feed = feed
        self._feed_of = feed_of
        self._account = account
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
        self._pace = Pace()
        self._mean_size = 0
        """The mean bytes of an event of the last read, so that no more is read than may be sent."""

    def subscribe(self, request: Subscribe) -> None:
        """Take up a subscription, the first or another one."""
        self._requested = replace(request, filters=bounded(request.filters))
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
            logger.error(
                "A client's catch-up failed; its socket is closed, so that it reconnects.\n%s", traceback_text(problem)
            )
            self._outbox.close(wire.INTERNAL_ERROR)

    async def _run(self) -> None:
        await self.feed.started.wait()
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
                await self.feed.outage.failed(problem)

    # --- subscribing ------------------------------------------------------------------------------
    async def _begin(self, request: Subscribe) -> None:
        feed = self._feed_of(request.filters)
        await feed.started.wait()
        reset, self._reset = self._reset, None
        if reset is None and request.after is not None:
            reset = await feed.queries.ask(self._account, check_cursor, request.after, feed.frontier.epoch)
        if not feed.started.is_set() or self._requested is not request or self._reset is not None:
            return  # overtaken by another request, or by another log
        self._requested = None
        self.feed = feed
        self._backfill = request.backfill if request.after is None or reset is not None else 0
        self._filters = request.filters
        self._pace = Pace()
        self._take_position(request.after, reset)
        self._subscribed(request.filters)
        self._outbox.put(wire.ready(self._cursor(), timestamp(clock.now()), self.feed.health()))

    def _take_position(self, after: Token | None, reset: Reset | None) -> None:
        frontier = self.feed.frontier
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
        rows = await self._look_back(count, self._position.backfill_read())
        if rows is None:
            return
        self._backfill = 0
        wanted = self._position.wanted_backfill(rows, self.feed.frontier)
        sent, unsent = self._split(wanted)
        self._position.backfill_returned(rows, sent, unsent)
        self._send(sent)

    async def _look_back(self, count: int, up_to: int) -> list[Encoded] | None:
        """The newest matching rows, sought piece by piece; None when they are no longer wanted."""
        floor = max(up_to - DEEPEST_BACKFILL, 0)
        rows: list[Encoded] = []
        seconds = 0.0
        while len(rows) < count and up_to > floor and (seconds < BACKFILL_SECONDS or not self._filters):
            if self._requested is not None:
                self._position.read_failed()
                return None
            found = await self._look_below(up_to, floor, count - len(rows))
            if found is None:
                return None
            rows = found.rows + rows
            up_to = found.searched_to
            seconds += found.seconds
        return rows

    async def _look_below(self, up_to: int, floor: int, count: int) -> Found | None:
        filters, among = self._filters, self._pace.rows
        return await self._read_table(lambda log: log.last(count, up_to, filters, floor=floor, among=among))

    async def _read_on(self) -> None:
        feed, position, filters = self.feed, self._position, self._filters
        read = position.next_read(feed.frontier)
        if read is None:
            return
        limit = min(MAX_ROWS, self._window.room(self._mean_size or feed.recent.mean_size))
        rows: list[Encoded] | None = None
        if feed.outage.works:  # else permissions have to be checked first
            rows = feed.recent.read(read.above, read.ranges, limit, up_to=read.up_to.id)
        if rows is None:
            found = await self._look_above(read, limit)
            if found is None:
                return
            rows = found.rows
            if found.searched_to is not None:
                read = replace(read, up_to=Anchor(*found.searched_to))
        self._mean_size = sum(row.size for row in rows) // len(rows) if rows else 0
        wanted = [row for row in position.wanted(rows, feed.frontier) if filters.untimed.matches(row.event)]
        sent, unsent = self._split(wanted)
        position.read_returned(read, rows, unsent, complete=len(rows) < limit)
        self._send(sent)

    async def _look_above(self, read: Read, limit: int) -> Found | None:
        filters, among = self._filters, self._pace.rows
        return await self._read_table(lambda log: read_above(log, read, filters, limit=limit, among=among))

    async def _read_table(self, read: Callable[[Follower], tuple[Rows, Any]]) -> Found | None:
        """What a read brought, encoded; None when the log was replaced meanwhile."""
        feed, position = self.feed, self._position
        generation = feed.generation
        try:
            found = await feed.queries.ask(self._account, timed, read)
            await feed.outage.recheck()
        except LogUnavailable:
            position.read_failed()
            raise
        if feed.generation != generation:
            position.log_replaced()
            return None
        self._pace.took(found.seconds)
        return found

    def _split(self, events: Sequence[Encoded]) -> tuple[Sequence[Encoded], Sequence[Encoded]]:
        """The events that the window takes now, and the rest."""
        count = len(self._window.fitting(wire.chunks(events)))
        return events[:count], events[count:]

    def _send(self, events: Sequence[Encoded]) -> None:
        cursor = self._cursor()
        for frame in wire.frames(events, cursor.epoch, cursor.anchor):
            self._outbox.put_events(frame)

    def _cursor(self) -> Token:
        frontier = self.feed.frontier
        return Token(frontier.epoch, self._position.cursor(frontier))


def bounded(filters: Filters) -> Filters:
    """The filters with the moments in their queries, as of now."""
    if filters.since is None and filters.until is None:
        return filters
    since, until = parse_moment("since", filters.since or ""), parse_moment("until", filters.until or "")
    return filters.within(timestamp(since) if since else "", timestamp(until) if until else "")


def timed(log: Follower, read: Callable[[Follower], tuple[Rows, Any]]) -> Found:
    """What a read brings, encoded, with how long that took."""
    began = clock.monotonic()
    rows, searched_to = read(log)
    encoded = [wire.encode(row) for row in rows]
    return Found(encoded, searched_to, clock.monotonic() - began)


def read_above(log: Follower, read: Read, filters: Filters, *, limit: int, among: int) -> tuple[Rows, Edge | None]:
    """The rows of a read, and the row up to which it looked if that was not all of it."""
    reached = log.reach(read.above, read.up_to.id, among, filters)
    up_to = read.up_to.id if reached is None else reached.id
    return log.read(read.above, read.ranges, limit, up_to=up_to, filters=filters), reached


def check_cursor(log: Follower, token: Token, epoch: str) -> Reset | None:
    """Why a cursor cannot be continued, or None when it can."""
    number = token.anchor.id
    mark = log.mark(number) if number else None
    if token.epoch == epoch and (number == 0 or mark == token.anchor.mark):
        return None
    oldest = log.extent().oldest
    if token.epoch != epoch:
        return "foreign", oldest
    # Retention differs by model, and some events are never pruned: older ones may still be there.
    is_expired = number < oldest or (mark is None and log.was_pruned(number))
    return ("expired" if is_expired else "rewound"), oldest
