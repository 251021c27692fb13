"""Rings the hubs of other processes through the channel layer, from a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any, Final

from channels import DEFAULT_CHANNEL_LAYER
from channels.layers import InMemoryChannelLayer, get_channel_layer

from signal_log import clock
from signal_log.capture.model.error_text import error_text

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


class LayerPublisher:
    """The background thread that sends this process's rings to the channel layer."""

    def __init__(self, process: str) -> None:
        self.process = process
        self.failed = 0
        self._requested = False
        self._waiting = False
        self._publishing = False
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken: asyncio.Event | None = None
        self._logged_at = float("-inf")

    def request(self) -> None:
        """Have a ring sent soon; returns at once, and most times finds the thread at work anyway."""
        self._requested = True  # before ``_waiting`` is read, as the thread sets that before it reads this
        if self._loop is None:
            self._start()
        elif self._waiting and self._woken is not None:
            self._waiting = False
            self._loop.call_soon_threadsafe(self._woken.set)

    def busy(self) -> bool:
        """Whether a ring has yet to be sent."""
        return self._requested or self._publishing

    def _start(self) -> None:
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                loop.time = clock.monotonic  # type: ignore[method-assign]  # no reader of a clock that a test moves
                name = "signal_log-layer-publisher"
                threading.Thread(target=self._run, args=(loop,), name=name, daemon=True).start()
                self._loop = loop

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(self._publish_loop())

    async def _publish_loop(self) -> None:
        woken = self._woken = asyncio.Event()
        while True:
            self._waiting = True
            if not self._requested:
                await woken.wait()
            self._waiting = False
            woken.clear()
            self._publishing = True
            self._requested = False  # before sending: who commits from now on requests another ring
            await self._publish()
            self._publishing = False
            await asyncio.sleep(COALESCE)

    async def _publish(self) -> None:
        if clock.is_replaced():
            return  # clients of Redis read the clock for each command, and the host's test would miss that; others poll
        try:
            layer = remote_layer()
            if layer is not None:
                await asyncio.wait_for(layer.group_send(GROUP, {"type": RING, "process": self.process}), LAYER_TIMEOUT)
        except Exception as problem:  # noqa: BLE001  whatever the backend raises, the next ring is tried
            self.failed += 1
            now = clock.monotonic()
            if now - self._logged_at >= LOG_EVERY:
                self._logged_at = now
                logger.warning(
                    "The channel layer cannot be reached (%s, %d rings so far); other processes notice by polling.",
                    error_text(problem),
                    self.failed,
                )
