"""Bringing one client up to the hub: its subscription, its backfill, and what it missed, from the table."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from signal_log.errors import LogUnavailable
from signal_log.filters import Filters
from signal_log.store.follow import Follower
from signal_log.tail import wire
from signal_log.tail.cursor import START, Anchor, Token
from signal_log.tail.wire import Encoded, Subscribe

if TYPE_CHECKING:
    from signal_log.tail.client import Client

logger = logging.getLogger(__name__)
Rows = list[dict[str, Any]]

MOST_ROWS: Final = 500
MOST_RANGES: Final = 50


class CatchUp:
    """The one task of a client that asks the database."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._task: asyncio.Task[None] | None = None
        self._requested: Subscribe | None = None
        self._reset: tuple[str, int] | None = None
        self._asked_for = 0
        self._backfill = 0
        self._usual_size = 0
        """The mean bytes of an event of the last read, so that no more is read than may be sent."""
        self._arrived: list[int] | None = None
        """Ids that the hub handed out while a read of ours was under way."""

    def request(self, message: Subscribe) -> None:
        """Take up a subscription, the first or another one."""
        self._requested = message
        self._asked_for = message.backfill
        self.go()

    def restart(self, reason: str, oldest: int) -> None:
        """Start afresh in another log, with the filters and the backfill asked for last."""
        filters = self._client.filters or Filters()
        self._requested = self._requested or Subscribe(None, self._asked_for, filters)
        self._reset = (reason, oldest)
        self.go()

    def note(self, ids: Iterable[int]) -> None:
        """Remember what the hub handed out below our place; the rest will be read."""
        if self._arrived is not None:
            self._arrived.extend(ids)
            return
        for number in ids:
            if number <= self._client.place.id:
                self._client.owed.add(number)

    @property
    def may_owe(self) -> bool:
        """Whether a read under way will show that late events below our place are still to be sent."""
        return any(number <= self._client.place.id for number in self._arrived or ())

    def go(self) -> None:
        """Work, unless that is already being done."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
            self._task.add_done_callback(self._ended)

    def stop(self) -> None:
        """Give up; the socket is closed."""
        if self._task is not None:
            self._task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (problem := task.exception()) is not None:
            logger.error("A client's catch-up failed; it is sent away to come again.", exc_info=problem)
            self._client.close(wire.INTERNAL_ERROR)

    async def _run(self) -> None:
        client = self._client
        await client.hub.started.wait()
        while not client.closing.done():
            try:
                if self._requested is not None:
                    await self._begin(self._requested)
                elif self._backfill and client.window.open:
                    await self._send_backfill(self._backfill)
                elif client.filters is None or client.live or not client.window.open:
                    return
                else:
                    await self._read_on(client.filters)
            except LogUnavailable as problem:
                await client.hub.outage.failed(problem)

    async def _begin(self, request: Subscribe) -> None:
        client = self._client
        reset, self._reset = self._reset, None
        if reset is None and request.after is not None:
            reset = await client.hub.library.ask(judge, request.after, client.hub.current.epoch)
        if self._requested is not request or self._reset is not None:
            return  # overtaken by another request, or by another log
        self._requested = None
        client.begin(request, client.hub.current, reset)
        self._backfill = request.backfill if request.after is None or reset is not None else 0

    async def _send_backfill(self, count: int) -> None:
        client = self._client
        filters = client.filters or Filters()
        place = client.place.id
        rows, arrived = await self._reading(lambda log: log.last(count, place, filters))
        if rows is None:
            return
        self._backfill = 0
        gaps = client.hub.current.gaps
        wanted = [event for event in rows if event.id not in gaps and event.id not in client.owed]
        fit = client.window.fitting(wire.chunks(wanted))
        self._owe(arrived, rows)
        if len(fit) < len(wanted):  # the rest is read when there is room, and until then no cursor passes it
            client.reached = min(client.reached, fit[-1].anchor)
            for event in wanted[len(fit) :]:
                client.owed.add(event.id)
        self._send(fit, client.reached)

    async def _read_on(self, filters: Filters) -> None:
        client = self._client
        up_to = client.hub.current.top
        if client.place.id >= up_to.id and not client.owed:
            client.live = True
            return
        ranges = tuple(client.owed.ranges[:MOST_RANGES])
        limit = min(MOST_ROWS, client.window.room(self._usual_size or client.hub.recent.usual_size))
        place = client.place.id
        arrived: list[int] = []
        rows: list[Encoded] | None = None
        if client.hub.outage.works:  # else it is not certain who may still be here
            rows = client.hub.recent.read(place, ranges, limit, up_to=up_to.id)
        if rows is None:
            rows, arrived = await self._reading(
                lambda log: log.read(place, ranges, limit, up_to=up_to.id, filters=filters)
            )
        if rows is None:
            return
        self._usual_size = sum(row.size for row in rows) // len(rows) if rows else 0
        view = client.hub.current
        wanted = [e for e in rows if e.id not in view.gaps and e.id > client.floor.id and filters.matches(e.event)]
        fit = client.window.fitting(wire.chunks(wanted))
        through = self._through(rows, wanted[len(fit) :], up_to, complete=len(rows) < limit)
        client.owed.discard_up_to(through.id, ranges)
        client.place = max(client.place, through)
        self._owe(arrived, [event for event in rows if event.id <= through.id])
        self._send(fit, client.cursor(view).anchor)

    @staticmethod
    def _through(rows: Sequence[Encoded], unsent: Sequence[Encoded], up_to: Anchor, *, complete: bool) -> Anchor:
        """The row up to which this read has been dealt with."""
        if unsent:
            return max((row.anchor for row in rows if row.id < unsent[0].id), default=START)
        return up_to if complete else rows[-1].anchor

    async def _reading(self, read: Callable[[Follower], Rows]) -> tuple[list[Encoded] | None, list[int]]:
        """The rows of a read, encoded, and the ids handed out meanwhile; None when the log was replaced."""
        hub = self._client.hub
        generation = hub.generation
        arrived: list[int] = []
        self._arrived = arrived
        try:
            rows = await hub.library.ask(lambda log: [wire.encode(row) for row in read(log)])
            await hub.outage.cleared()
        except LogUnavailable:
            self._arrived = None
            self.note(arrived)
            raise
        self._arrived = None
        return (rows, arrived) if hub.generation == generation else (None, [])

    def _owe(self, arrived: Iterable[int], rows: Iterable[Encoded]) -> None:
        seen = {event.id for event in rows}
        self.note(number for number in arrived if number not in seen)

    def _send(self, events: Sequence[Encoded], settled: Anchor) -> None:
        for frame in wire.frames(events, self._client.hub.current.epoch, settled):
            self._client.send_events(frame)


def judge(log: Follower, token: Token, epoch: str) -> tuple[str, int] | None:
    """Why a cursor cannot be continued, and the oldest id there is; None when it can."""
    number = token.anchor.id
    if token.epoch == epoch and (number == 0 or log.mark(number) == token.anchor.mark):
        return None
    oldest = log.extent().oldest
    if token.epoch != epoch:
        return "foreign", oldest
    return ("expired" if number < oldest else "rewound"), oldest
