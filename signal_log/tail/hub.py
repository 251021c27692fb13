"""One hub per server process: reads the log once, encodes each event once, and serves all its sockets.

It starts with the first socket and stops after the last. It wakes at a ring, or once a second without one
(on SQLite it also notices other processes' commits within a fifth of a second). Databases are asked on two
threads of the hub's own: one only for the tail, one for what single clients need.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from signal_log.errors import LogUnavailable
from signal_log.store.follow import Follower
from signal_log.tail import doorbell, guard, wire
from signal_log.tail.connections import Guests
from signal_log.tail.layer import LayerWatch
from signal_log.tail.outage import Outage
from signal_log.tail.reader import Batch, Tail, View
from signal_log.tail.recent import Recent
from signal_log.tail.shutdown import say_restarting_before_shutdown
from signal_log.tail.subscriptions import Audiences
from signal_log.tail.thread import LogThread
from signal_log.tail.wakeup import Bell

if TYPE_CHECKING:
    from signal_log.tail.client import Client

logger = logging.getLogger(__name__)

POLL_EVERY: Final = 0.9
"""Seconds without a ring before the hub looks by itself: with the read, an event is a second late at most."""
FILE_POLL_EVERY: Final = 0.2
HEARTBEAT_EVERY: Final = 15.0
SHORTEST_PAUSE: Final = 0.01
"""Seconds between two reads under load, so that events travel in company; at most as long as serving took."""
LONGEST_PAUSE: Final = 0.1
FIRST_GAP_POLL: Final = 0.02
LONGEST_GAP_POLL: Final = 0.5
OLD_GAP: Final = 600.0


class Hub:
    """The reader and the sockets of one event loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.guests = Guests()
        self.view: View | None = None
        self.generation = 0
        self.started = asyncio.Event()
        self.audiences = Audiences()
        self.recent = Recent(0)
        self.library = LogThread("library")
        self.outage = Outage(self.guests, self.library)
        self._tail_thread = LogThread("tail")
        self._tail = Tail(self._tail_thread.log)
        self._bell = Bell()
        self._layer_works = True
        self._tasks: list[asyncio.Task[None]] = []
        self._undo: list[Callable[[], None]] = []
        self._gap_poll = FIRST_GAP_POLL
        self._warned_of_gap = False

    # --- sockets ----------------------------------------------------------------------------------
    def join(self, client: Client) -> None:
        """Take a socket in; the first one starts the reader."""
        self.guests.all.add(client)
        if not self._tasks:
            self._start()

    def leave(self, client: Client) -> None:
        """Forget a socket; the last one stops the reader."""
        client.catch_up.stop()
        self.guests.all.discard(client)
        self.audiences.remove(client)
        if not self.guests.all:
            self._stop()

    @property
    def current(self) -> View:
        """What has been handed out so far; only after ``started``."""
        if self.view is None:
            raise RuntimeError("The hub has not started yet.")
        return self.view

    def health(self) -> Mapping[str, str]:
        """What ``ready`` and ``heartbeat`` say about the two machines behind the hub."""
        return {
            "layer": "ok" if self._layer_works else "down",
            "database": "ok" if self.outage.works else "down",
        }

    # --- life -------------------------------------------------------------------------------------
    def _start(self) -> None:
        self._undo = [
            doorbell.listen(self._bell.ring),
            guard.on_logout(self._logged_out_anywhere),
            say_restarting_before_shutdown(),
        ]
        watch = LayerWatch(self._bell.ring, self._layer_changed)
        for work in (self._follow(), self._keep_house(), self._keep_guard(), watch.run()):
            task = self.loop.create_task(work)
            task.add_done_callback(self._ended)
            self._tasks.append(task)

    def _stop(self) -> None:
        self._unregister()
        for undo in self._undo:
            undo()
        for task in self._tasks:
            task.cancel()
        self._tail_thread.close()
        self.library.close()

    def _unregister(self) -> None:
        if _hubs.get(self.loop) is self:
            del _hubs[self.loop]

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or (problem := task.exception()) is None:
            return
        logger.error("The hub failed; its sockets are sent away to come again.", exc_info=problem)
        self._unregister()
        self.guests.close_all(wire.INTERNAL_ERROR)

    def _logged_out_anywhere(self, session: str) -> None:
        try:
            self.loop.call_soon_threadsafe(self.guests.close_session, session)
        except RuntimeError:
            logger.debug("The event loop of a hub was closed before its sockets were.")

    # --- reading and handing out ------------------------------------------------------------------
    async def _follow(self) -> None:
        while True:
            try:
                if self.view is None:
                    self.view = await self._tail_thread.ask(lambda _: self._tail.start())
                    self.recent = Recent(self.view.top.id)
                    self.started.set()
                await self.guests.make_room(self.current)
                self._bell.heard()
                batch = await self._tail_thread.ask(lambda _: self._tail.advance())
                await self.outage.cleared()
                began = time.thread_time()  # not by the clock: what others do with this core is no work of ours
                self._hand_out(batch)  # nothing may fail in between: the tail has moved on
                self.outage.over()
                await asyncio.sleep(0)  # the sockets' writers take their turn: their work counts as ours
                if not batch.more:
                    await self._pause(batch, time.thread_time() - began)
            except LogUnavailable as problem:
                await self.outage.failed(problem)

    def _hand_out(self, batch: Batch) -> None:
        before, self.view = self.current, batch.view
        if batch.reset is not None:
            logger.warning("The log is another one than before (%s); all sockets start afresh.", batch.reset)
            self.generation += 1
            self.recent = Recent(batch.view.top.id)
            self.guests.restart(batch.reset, batch.oldest)
        self.recent.add(batch.events)
        self.audiences.serve(batch.events, before, batch.view)
        self._watch_gaps(batch)

    def _watch_gaps(self, batch: Batch) -> None:
        if batch.events or not batch.view.gaps:
            self._gap_poll = FIRST_GAP_POLL
        if batch.oldest_gap > OLD_GAP and not self._warned_of_gap:
            logger.warning(
                "A transaction has held its lock on the log for %d s; until it ends, clients that come back "
                "are sent again what follows its events.",
                batch.oldest_gap,
            )
        self._warned_of_gap = batch.oldest_gap > OLD_GAP

    async def _pause(self, batch: Batch, work: float) -> None:
        """Until there is news, or it is time to look without."""
        if batch.events:
            await asyncio.sleep(min(max(SHORTEST_PAUSE, work), LONGEST_PAUSE))
        deadline = time.monotonic() + POLL_EVERY
        if batch.view.gaps:
            deadline = time.monotonic() + self._gap_poll
            self._gap_poll = min(self._gap_poll * 2, LONGEST_GAP_POLL)
        one_writer = self._tail_thread.log.one_writer
        while (left := deadline - time.monotonic()) > 0:
            if await self._bell.within(min(left, FILE_POLL_EVERY) if one_writer else left):
                return
            if one_writer and await self._tail_thread.ask(Follower.changed):
                return

    # --- health and manners -----------------------------------------------------------------------
    def _layer_changed(self, works: bool) -> None:
        was, self._layer_works = self._layer_works, works
        if was and not works:
            self.guests.tell("doorbell_unavailable", "The channel layer is down. Events come once a second meanwhile.")
        elif works and not was:
            self.guests.beat()

    async def _keep_house(self) -> None:
        beaten_at = time.monotonic()
        while True:
            await asyncio.sleep(1)
            now = time.monotonic()
            self.guests.close_silent()
            self.outage.look_at(self._tail_thread)
            if now - beaten_at >= HEARTBEAT_EVERY:
                beaten_at = now
                self.guests.beat()

    async def _keep_guard(self) -> None:
        while True:
            await asyncio.sleep(guard.CHECK_EVERY)
            try:
                await self.guests.check(self.library)
            except LogUnavailable as problem:
                await self.outage.failed(problem)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub_of_this_loop() -> Hub:
    """The running event loop's hub, made when there is none."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        hub = _hubs[loop] = Hub()
    return hub


def open_sockets() -> int:
    """How many sockets all hubs of this process serve."""
    return sum(len(hub.guests.all) for hub in list(_hubs.values()))
