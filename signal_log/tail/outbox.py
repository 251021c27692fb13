"""What is on its way to one client: the frames yet to be written, and how the socket ends."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from signal_log import clock
from signal_log.tail.framed import SendFrame
from signal_log.tail.window import Window
from signal_log.tail.wire import Frame


class Outbox:
    """Touched only on one event loop; whoever puts a frame in never waits for the client."""

    def __init__(self, window: Window) -> None:
        self.closing: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """Its result is the close code."""
        self.send_frame: SendFrame | None = None
        """How a frame of events is written at once, if there is a way; nothing may be waiting before it."""
        self._window = window
        self._frames: deque[str] = deque()
        self._filled = asyncio.Event()

    async def write(self, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        """Send what is in the outbox, until the socket is closed."""
        while True:
            while self._frames:
                await send({"type": "websocket.send", "text": self._frames.popleft()})
            if self.closing.done():
                await send({"type": "websocket.close", "code": self.closing.result()})
                return
            self._filled.clear()
            await self._filled.wait()

    def put(self, text: str) -> None:
        """Add a frame."""
        if not self.closing.done():
            self._frames.append(text)
            self._filled.set()

    def put_events(self, frame: Frame) -> None:
        """Add a frame of events, which the client has to acknowledge."""
        self._window.sent(frame.ids, frame.size, clock.monotonic())
        if self.send_frame is None or self._frames or self.closing.done():
            self.put(frame.text)
        else:
            self.send_frame(frame)

    def close(self, code: int, *, at_once: bool = True) -> None:
        """End the socket; ``at_once`` without what is still in the outbox."""
        if self.closing.done():
            return
        if at_once:
            self._frames.clear()
        self.closing.set_result(code)
        self._filled.set()
