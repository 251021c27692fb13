"""One connected client: takes its messages, and sends it what the hub offers or what it has yet to catch up with."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from signal_log import clock
from signal_log.filters import Filters
from signal_log.tail import wire
from signal_log.tail.catchup import CatchUp
from signal_log.tail.cursor import Frontier, Token
from signal_log.tail.feed import Feed
from signal_log.tail.guard import Identity
from signal_log.tail.outbox import Outbox
from signal_log.tail.position import Position
from signal_log.tail.window import Window
from signal_log.tail.wire import Encoded, Frame, MessageError

logger = logging.getLogger(__name__)

MAX_MESSAGES: Final = 50
PER_SECONDS: Final = 10.0


class Client:
    """The state of one socket, touched only on the hub's event loop."""

    def __init__(
        self,
        feed: Feed,
        identity: Identity,
        subscribed: Callable[[Client, Filters], object],
        feed_of: Callable[[Filters], Feed] | None = None,
    ) -> None:
        self.identity = identity
        self.position = Position()
        self.window = Window()
        self.outbox = Outbox(self.window)
        self.catch_up = CatchUp(
            feed,
            feed_of or (lambda _: feed),
            self.position,
            self.window,
            self.outbox,
            lambda filters: subscribed(self, filters),
            identity.user,
        )
        self.heard_at = clock.monotonic()
        """When the client last said something."""
        self._received_at: deque[float] = deque(maxlen=MAX_MESSAGES)

    # --- towards the client -----------------------------------------------------------------------
    def send_heartbeat(self) -> None:
        """Tell the client that the server is there, where the client is, and where the log is."""
        feed = self.catch_up.feed
        if not feed.started.is_set():
            return
        frontier = feed.frontier
        # Before a subscription is taken up the client's own cursor is the better one.
        cursor = Token(frontier.epoch, self.position.cursor(frontier)) if self.position.begun else None
        self.outbox.put(wire.heartbeat(cursor, frontier.top.id, feed.health()))

    def close(self, code: int, *, at_once: bool = True) -> None:
        """Close this socket; ``at_once`` without what is still in the outbox."""
        self.outbox.close(code, at_once=at_once)
        self.catch_up.stop()

    def close_surplus(self, limit: int) -> None:
        """Close this socket because its account has opened more than it may have; say so first."""
        logger.info("Closed the websocket of %s that was idle for longest: it has more than %d.", self.identity, limit)
        told = f"Your account may have {limit} live pages open at once. Reload this one to continue here."
        self.outbox.put(wire.error("too_many_sockets", told))
        self.close(wire.TOO_MUCH, at_once=False)

    # --- from the hub -----------------------------------------------------------------------------
    def offer(self, events: Sequence[Encoded], frames: Sequence[Frame], before: Frontier, after: Frontier) -> None:
        """Send the matching events of one batch; ``before`` and ``after`` are the hub's frontiers around it."""
        new = self.position.offered(events, before)
        if not new:
            return
        if new is not events:
            frames = list(wire.frames(new, after.epoch, self.position.cursor(after)))
        for count, frame in enumerate(frames):
            if not self.window.open:
                sent = sum(len(frame.events) for frame in frames[:count])
                self.position.fell_behind(before, new[:sent], new[sent:])
                return
            self.outbox.put_events(frame)

    def fall_behind(self) -> None:
        """Send no more from here on; when the client has acknowledged enough, it reads from the table."""
        self.position.fell_behind(self.catch_up.feed.frontier)

    def restart(self, reason: str, oldest: int) -> None:
        """The log is another one than before: tell the client, and start it afresh."""
        if self.position.begun:
            self.catch_up.restart(reason, oldest)

    # --- from the client --------------------------------------------------------------------------
    def receive(self, text: str | None, data: bytes | None) -> None:
        """Handle one frame from the client."""
        if self.outbox.closing.done():
            return
        self.heard_at = clock.monotonic()
        try:
            message = wire.decode(text, data)
        except MessageError as refused:
            self._refuse(refused)
            return
        if isinstance(message, wire.Ack):
            if self.window.acknowledge(message.id, clock.monotonic()):
                self._read_on()
                return  # acknowledging each of our frames is not too much
        elif isinstance(message, wire.Ping):
            self.send_heartbeat()
        else:
            if message.clamped:
                self.outbox.put(wire.error("bad_backfill", f"backfill goes from 0 to {wire.MAX_BACKFILL}."))
            self.catch_up.subscribe(message)
        self._count_message()

    def _read_on(self) -> None:
        if not self.position.live and self.window.half_free:
            self.catch_up.go()

    def _refuse(self, refused: MessageError) -> None:
        logger.info("Refused a websocket message from %s: %s.", self.identity, refused.code)  # the detail may quote it
        self.outbox.put(wire.error(refused.code, refused.detail, refused.places))
        if refused.fatal:
            self.close(wire.BAD_MESSAGE, at_once=False)
        else:
            self._count_message()

    def _count_message(self) -> None:
        now = clock.monotonic()
        if len(self._received_at) == MAX_MESSAGES and now - self._received_at[0] < PER_SECONDS:
            logger.info("Closed a websocket of %s: too many messages.", self.identity)
            self.close(wire.TOO_MUCH)
        self._received_at.append(now)
