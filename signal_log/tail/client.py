"""One client of the hub: its place in the log, what it was sent, and what it still has coming.

A client is *live* while the hub hands it each new frame, or *behind*: then it reads from the table itself,
from its ``place``, until it has caught up. Of what the hub hands out while a client is behind, everything
above its place will be read from the table; late events below it are noted as *owed* and read too.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone

from signal_log.filters import Filters
from signal_log.seal.canonical import timestamp
from signal_log.tail import wire
from signal_log.tail.catchup import CatchUp
from signal_log.tail.cursor import START, Anchor, Ids, Token
from signal_log.tail.guard import Identity
from signal_log.tail.reader import View
from signal_log.tail.window import Window
from signal_log.tail.wire import Encoded, Frame, MessageError, Subscribe

if TYPE_CHECKING:
    from signal_log.tail.hub import Hub

logger = logging.getLogger(__name__)

MOST_MESSAGES: Final = 50
PER_SECONDS: Final = 10.0


class Client:
    """The state of one socket, touched only on the hub's event loop."""

    def __init__(self, hub: Hub, identity: Identity) -> None:
        self.hub = hub
        self.identity = identity
        self.filters: Filters | None = None
        self.window = Window()
        self.live = False
        self.place = START
        self.floor = START
        self.reached = START
        self.owed = Ids()
        self.closing: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.catch_up = CatchUp(self)
        self._outbox: deque[str] = deque()
        self._filled = asyncio.Event()
        self._heard: deque[float] = deque(maxlen=MOST_MESSAGES)

    # --- towards the client -----------------------------------------------------------------------
    async def write(self, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        """Send what is in the outbox, until the socket is closed; nobody else waits for this client."""
        while True:
            while self._outbox:
                await send({"type": "websocket.send", "text": self._outbox.popleft()})
            if self.closing.done():
                await send({"type": "websocket.close", "code": self.closing.result()})
                return
            self._filled.clear()
            await self._filled.wait()

    def say(self, text: str) -> None:
        """Put a frame into the outbox."""
        if not self.closing.done():
            self._outbox.append(text)
            self._filled.set()

    def send_events(self, frame: Frame) -> None:
        """Put a frame of events into the outbox and its weight on the window."""
        self.window.sent(frame.ids, frame.size, time.monotonic())
        self.say(frame.text)

    def close(self, code: int, *, at_once: bool = True) -> None:
        """End this socket; ``at_once`` without what is still in the outbox."""
        if self.closing.done():
            return
        if at_once:
            self._outbox.clear()
        self.closing.set_result(code)
        self.catch_up.stop()
        self._filled.set()

    def beat(self) -> None:
        """Say that we are here, where the client is, and where the log is."""
        view = self.hub.view
        if view is not None:
            # Before a subscription is taken up the client's own cursor is the better one.
            cursor = None if self.filters is None else self.cursor(view)
            self.say(wire.heartbeat(cursor, view.top.id, self.hub.health()))

    def cursor(self, view: View) -> Token:
        """Where the client may resume after everything it has been sent."""
        if self.live:
            self.reached = max(view.settled, self.floor)
        elif not self.owed and not self.catch_up.may_owe:
            self.reached = max(self.floor, min(view.settled, self.place))
        return Token(view.epoch, self.reached)

    # --- from the hub -----------------------------------------------------------------------------
    def offer(self, events: Sequence[Encoded], frames: Sequence[Frame], before: View, view: View) -> None:
        """Take the matching events of one read; ``before`` and ``view`` are the hub's views around it."""
        if not self.live:
            self.catch_up.note(event.id for event in events if event.id > self.floor.id)
            return
        if self.floor.id > before.settled.id:  # another process's reader was ahead of ours
            events = [event for event in events if event.id > self.floor.id]
            frames = list(wire.frames(events, view.epoch, max(view.settled, self.floor)))
        for count, frame in enumerate(frames):
            if not self.window.open:
                sent = [event for frame in frames[:count] for event in frame.events]
                self.fall_behind(before, sent, events[len(sent) :])
                return
            self.send_events(frame)

    def fall_behind(self, before: View, sent: Sequence[Encoded] = (), unsent: Sequence[Encoded] = ()) -> None:
        """Too much is unacknowledged: from here on the client reads from the table, when it answers."""
        self.live = False
        new = [event.anchor for event in sent if event.id > before.top.id]
        self.place = new[-1] if new else before.top
        self.reached = max(before.settled, self.floor)
        self.catch_up.note(event.id for event in unsent)

    def restart(self, reason: str, oldest: int) -> None:
        """The log is another one than before: tell the client, and start it afresh."""
        if self.filters is not None:
            self.catch_up.restart(reason, oldest)

    def begin(self, request: Subscribe, view: View, reset: tuple[str, int] | None) -> None:
        """Take up a subscription whose cursor has been judged."""
        if reset is not None:
            self.say(wire.reset(*reset))
        if request.after is not None and reset is None:
            self._stand_at(request.after.anchor, floor=request.after.anchor)
        elif self.filters is None or reset is not None:
            self._stand_at(view.top, floor=START)
            self.reached = view.settled
        elif self.live:  # other filters from here on
            self.place, self.reached = view.top, max(view.settled, self.floor)
        self.live = False
        self.filters = request.filters
        self.hub.audiences.put(self, request.filters)
        moment = timestamp(timezone.now())
        self.say(wire.ready(Token(view.epoch, self.reached), moment, self.hub.health()))

    def _stand_at(self, place: Anchor, floor: Anchor) -> None:
        self.place = self.reached = place
        self.floor = floor
        self.owed = Ids()

    # --- from the client --------------------------------------------------------------------------
    def hear(self, text: str | None, data: bytes | None) -> None:
        """Take one frame from the client."""
        if self.closing.done():
            return
        try:
            message = wire.decode(text, data)
        except MessageError as refused:
            self._refuse(refused)
            return
        if isinstance(message, wire.Ack):
            if self.window.acknowledge(message.id, time.monotonic()):
                self._go_on()
                return  # an answer to each of our frames is not too much
        elif isinstance(message, wire.Ping):
            self.beat()
        else:
            if message.clamped:
                self.say(wire.error("bad_backfill", f"backfill goes from 0 to {wire.MOST_BACKFILL}."))
            self.catch_up.request(message)
        self._count()

    def _go_on(self) -> None:
        if not self.live and self.window.roomy:
            self.catch_up.go()

    def _refuse(self, refused: MessageError) -> None:
        logger.info("Refused a websocket message from %s: %s", self.identity, refused.detail)
        self.say(wire.error(refused.code, refused.detail))
        if refused.fatal:
            self.close(wire.BAD_MESSAGE, at_once=False)
        else:
            self._count()

    def _count(self) -> None:
        now = time.monotonic()
        if len(self._heard) == MOST_MESSAGES and now - self._heard[0] < PER_SECONDS:
            logger.info("Closed a websocket of %s: too many messages.", self.identity)
            self.close(wire.TOO_MUCH)
        self._heard.append(now)
