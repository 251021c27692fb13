"""One hub per server process: reads the log once, encodes each event once, and serves all its clients.

It starts with the first client and stops after the last. It wakes at a ring, or polls once a second without one
(on SQLite it also notices other processes' commits within a fifth of a second). Databases are asked on three
threads of the hub's own: one only for the tail, one for who may stay, one for what single clients need.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

from signal_log import clock
from signal_log.capture.model.error_text import traceback_text
from signal_log.errors import LogUnavailable
from signal_log.filters import Filters
from signal_log.store.follow import Follower
from signal_log.tail import doorbell, guard, wire
from signal_log.tail.client import Client
from signal_log.tail.connections import Connections
from signal_log.tail.feed import Feed
from signal_log.tail.guard import Identity
from signal_log.tail.layer import LayerWatch
from signal_log.tail.outage import Outage
from signal_log.tail.reader import Batch, Tail
from signal_log.tail.shutdown import send_restarting_before_shutdown
from signal_log.tail.subscriptions import Subscriptions
from signal_log.tail.thread import LogThread
from signal_log.tail.timed import Timed
from signal_log.tail.turns import Turns
from signal_log.tail.wakeup import Wakeup

logger = logging.getLogger(__name__)

POLL_EVERY: Final = 0.9
"""Seconds without a ring before the hub polls: with the read, an event is a second late at most."""
SQLITE_POLL_EVERY: Final = 0.2
HEARTBEAT_EVERY: Final = 15.0
MIN_PAUSE: Final = 0.01
"""Seconds between two reads under load, so that events travel together; at most as long as serving took."""
MAX_PAUSE: Final = 0.1
MIN_GAP_POLL: Final = 0.02
MAX_GAP_POLL: Final = 0.5
OLD_GAP: Final = 600.0


class Hub:
    """The reader and the clients of one event loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.connections = Connections()
        self._subscriptions = Subscriptions()
        self._queries = Turns(LogThread("query"))
        self._guard_thread = LogThread("guard")  # its own, or a heavy read would keep open what it has to close
        self._outage = Outage(
            send_error=self.connections.send_error,
            send_heartbeat=self.connections.send_heartbeat,
            check_permissions=self._check_permissions,
        )
        self._feed = Feed(self._queries, self._outage)
        self._timed = Timed(self._feed)
        self._tail_thread = LogThread("tail")
        self._tail = Tail(self._tail_thread.log)
        self._wakeup = Wakeup()
        self._tasks: list[asyncio.Task[None]] = []
        self._undo: list[Callable[[], None]] = []
        self._gap_poll = MIN_GAP_POLL
        self._warned_of_gap = False

    # --- clients ----------------------------------------------------------------------------------
    def connect(self, identity: Identity) -> Client:
        """Take a client in; the first one starts the reader."""
        self.connections.make_room_for(identity.user)
        client = Client(self._feed, identity, self._subscribed, self._feed_of)
        self.connections.clients.add(client)
        if not self._tasks:
            self._start()
        return client

    def disconnect(self, client: Client) -> None:
        """Forget a client; the last one stops the reader."""
        client.catch_up.stop()
        self.connections.clients.discard(client)
        self._unsubscribe(client)
        if not self.connections.clients:
            self._stop()

    def _feed_of(self, filters: Filters) -> Feed:
        return self._timed.go() if filters.needs_times else self._feed

    def _subscribed(self, client: Client, filters: Filters) -> None:
        self._unsubscribe(client)
        (self._timed.subscriptions if filters.needs_times else self._subscriptions).put(client, filters)

    def _unsubscribe(self, client: Client) -> None:
        self._subscriptions.remove(client)
        self._timed.subscriptions.remove(client)

    # --- life -------------------------------------------------------------------------------------
    def _start(self) -> None:
        self._undo = [
            doorbell.listen(self._wakeup.wake),
            guard.on_logout(self._logged_out),
            send_restarting_before_shutdown(),
        ]
        watch = LayerWatch(self._wakeup.wake, self._layer_changed)
        for work in (self._read_loop(), self._heartbeat_loop(), self._permission_loop(), watch.run()):
            task = self.loop.create_task(work)
            task.add_done_callback(self._ended)
            self._tasks.append(task)

    def _stop(self) -> None:
        self._unregister()
        for undo in self._undo:
            undo()
        for task in self._tasks:
            task.cancel()
        self._timed.stop()
        self._tail_thread.close()
        self._queries.close()
        self._guard_thread.close()

    def _unregister(self) -> None:
        if _hubs.get(self.loop) is self:
            del _hubs[self.loop]

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or (problem := task.exception()) is None:
            return
        logger.error("The hub failed; its sockets are closed, so that clients reconnect.\n%s", traceback_text(problem))
        self._unregister()
        self.connections.close_all(wire.INTERNAL_ERROR)

    def _logged_out(self, session: str) -> None:
        """A person logged out in this process, on any thread."""
        try:
            self.loop.call_soon_threadsafe(self.connections.close_session, session)
        except RuntimeError:
            logger.debug("The event loop of a hub was closed before its sockets were.")

    # --- reading and handing out ------------------------------------------------------------------
    async def _read_loop(self) -> None:
        feed, outage = self._feed, self._outage
        while True:
            try:
                if not feed.started.is_set():
                    feed.start(await self._tail_thread.ask(lambda _: self._tail.start()))
                await self.connections.wait_for_room()
                self._wakeup.clear()
                batch = await self._tail_thread.ask(lambda _: self._tail.advance())
                await outage.recheck()
                began = time.thread_time()  # not by the clock: what others do with this core is no work of ours
                self._hand_out(batch)  # nothing may fail in between: the tail has moved on
                outage.over()
                await asyncio.sleep(0)  # the sockets' writers take their turn: their work counts as ours
                if not batch.more:
                    await self._wait_for_news(batch, time.thread_time() - began)
            except LogUnavailable as problem:
                await outage.failed(problem)

    def _hand_out(self, batch: Batch) -> None:
        before = self._feed.frontier
        if batch.reset is not None:
            logger.warning("The log is another one than before (%s); all clients start afresh.", batch.reset)
            self._feed.replace(batch.frontier)
            self._timed.log_replaced()
            self.connections.restart(batch.reset, batch.oldest)
        self._feed.advance(batch.frontier, batch.events)
        self._subscriptions.publish(batch.events, before, batch.frontier)
        self._timed.handed_out(batch.events, before)
        self._watch_gaps(batch)

    def _watch_gaps(self, batch: Batch) -> None:
        if batch.events or not batch.frontier.gaps:
            self._gap_poll = MIN_GAP_POLL
        if batch.oldest_gap > OLD_GAP and not self._warned_of_gap:
            logger.warning(
                "A transaction has held its lock on the log for %d s; until it ends, clients that reconnect "
                "are sent again what follows its events.",
                batch.oldest_gap,
            )
        self._warned_of_gap = batch.oldest_gap > OLD_GAP

    async def _wait_for_news(self, batch: Batch, work: float) -> None:
        """Until there is news, or it is time to poll."""
        if batch.events:
            await asyncio.sleep(min(max(MIN_PAUSE, work), MAX_PAUSE))
        deadline = clock.monotonic() + POLL_EVERY
        if batch.frontier.gaps:
            deadline = clock.monotonic() + self._gap_poll
            self._gap_poll = min(self._gap_poll * 2, MAX_GAP_POLL)
        one_writer = self._tail_thread.log.one_writer
        while (left := deadline - clock.monotonic()) > 0:
            if await self._wakeup.wait(min(left, SQLITE_POLL_EVERY) if one_writer else left):
                return
            if one_writer and await self._tail_thread.ask(Follower.changed):
                return

    # --- health and limits ------------------------------------------------------------------------
    def _layer_changed(self, works: bool) -> None:
        was, self._feed.layer_works = self._feed.layer_works, works
        if was and not works:
            self.connections.send_error(
                "doorbell_unavailable", "The channel layer is down. Events come once a second meanwhile."
            )
        elif works and not was:
            self.connections.send_heartbeat()

    async def _heartbeat_loop(self) -> None:
        sent_at = clock.monotonic()
        while True:
            await asyncio.sleep(1)
            now = clock.monotonic()
            self.connections.close_unacknowledged()
            self._outage.unanswered(self._tail_thread.silent_for())
            if now - sent_at >= HEARTBEAT_EVERY:
                sent_at = now
                self.connections.send_heartbeat()

    async def _permission_loop(self) -> None:
        while True:
            await asyncio.sleep(guard.CHECK_EVERY)
            try:
                await self._check_permissions()
            except LogUnavailable as problem:
                await self._outage.failed(problem)

    async def _check_permissions(self) -> None:
        await self.connections.check_permissions(self._guard_thread)


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
    return sum(len(hub.connections.clients) for hub in list(_hubs.values()))
