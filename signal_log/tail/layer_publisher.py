"""Rings the channel layer for the hubs of other processes, from a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import Any, Final

from channels import DEFAULT_CHANNEL_LAYER
from channels.layers import InMemoryChannelLayer, get_channel_layer

logger = logging.getLogger(__name__)

GROUP: Final = "signal_log.doorbell"
RING: Final = "signal_log.ring"
COALESCE: Final = 0.02
"""Seconds within which the rings of a process become one on the channel layer."""
LAYER_TIMEOUT: Final = 2.0
LOG_EVERY: Final = 60.0


def remote_layer() -> Any | None:
    """The channel layer, if it reaches further than this process."""
    layer = get_channel_layer(DEFAULT_CHANNEL_LAYER)
    return None if layer is None or isinstance(layer, InMemoryChannelLayer) else layer


class Ringer:
    """The background thread that rings the channel layer for this process."""

    def __init__(self, process: str) -> None:
        self.process = process
        self.failed = 0
        self._asked = False
        self._waiting = False
        self._ringing = False
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bell: asyncio.Event | None = None
        self._logged_at = float("-inf")

    def ask(self) -> None:
        """Have the layer rung soon; returns at once, and most times finds the thread at work anyway."""
        self._asked = True  # before the look at ``_waiting``, as the thread says that it waits before its look at this
        if self._loop is None:
            self._start()
        elif self._waiting and self._bell is not None:
            self._waiting = False
            self._loop.call_soon_threadsafe(self._bell.set)

    def busy(self) -> bool:
        """Whether the layer has yet to be rung."""
        return self._asked or self._ringing

    def _start(self) -> None:
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                threading.Thread(target=self._run, args=(loop,), name="signal_log-doorbell", daemon=True).start()
                self._loop = loop

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(self._ring_for_ever())

    async def _ring_for_ever(self) -> None:
        bell = self._bell = asyncio.Event()
        while True:
            self._waiting = True
            if not self._asked:
                await bell.wait()
            self._waiting = False
            bell.clear()
            self._ringing = True
            self._asked = False  # before ringing: who commits from now on asks for another ring
            await self._ring()
            self._ringing = False
            await asyncio.sleep(COALESCE)

    async def _ring(self) -> None:
        try:
            layer = remote_layer()
            if layer is not None:
                await asyncio.wait_for(layer.group_send(GROUP, {"type": RING, "process": self.process}), LAYER_TIMEOUT)
        except Exception as problem:  # noqa: BLE001  whatever the backend raises, the next ring is tried
            self.failed += 1
            now = time.monotonic()
            if now - self._logged_at >= LOG_EVERY:
                self._logged_at = now
                logger.warning(
                    "The channel layer cannot be rung (%s, %d so far); other processes notice by polling.",
                    str(problem) or type(problem).__name__,
                    self.failed,
                )
