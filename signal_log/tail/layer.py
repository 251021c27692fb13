"""This process's one subscription to the channel layer, and whether the layer works."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from signal_log import clock
from signal_log.capture.model.error_text import error_text
from signal_log.tail import doorbell
from signal_log.tail.layer_publisher import GROUP, RING, remote_layer

logger = logging.getLogger(__name__)

PROBE: Final = "signal_log.probe"
PROBE_EVERY: Final = 5.0
PROBE_TIMEOUT: Final = 2.0
RENEW_EVERY: Final = 300.0
"""Layers forget members of a group after a day; some forget them with a restart."""
RETRY_AFTER: Final = 2.0


class LayerWatch:
    """Wakes the hub when another process rings; tells it when the layer fails and when it works again."""

    def __init__(self, woken: Callable[[], object], state: Callable[[bool], object]) -> None:
        self._woken = woken
        self._state = state
        self._answered = asyncio.Event()
        self._works: bool | None = None
        self._renewed_at = 0.0

    async def run(self) -> None:
        """Listen until cancelled; returns at once when no layer reaches beyond this process."""
        layer = remote_layer()
        while layer is not None:
            try:
                channel = await self._subscribe(layer)
                await self._listen(layer, channel)
            except Exception as problem:  # noqa: BLE001  whatever the backend raises, it is tried again
                self._note(problem)
            await asyncio.sleep(RETRY_AFTER)

    async def _subscribe(self, layer: Any) -> str:
        channel: str = await asyncio.wait_for(layer.new_channel(), PROBE_TIMEOUT)
        await self._renew(layer, channel)
        return channel

    async def _renew(self, layer: Any, channel: str) -> None:
        await asyncio.wait_for(layer.group_add(GROUP, channel), PROBE_TIMEOUT)
        self._renewed_at = clock.monotonic()

    async def _listen(self, layer: Any, channel: str) -> None:
        """Until the subscription turns out dead although the layer takes messages: then a new one is needed."""
        receiver = asyncio.create_task(self._receive(layer, channel))
        try:
            while not receiver.done():
                if not await self._probe(layer):
                    raise TimeoutError("the subscription is silent")
                if clock.monotonic() - self._renewed_at > RENEW_EVERY:
                    await self._renew(layer, channel)
                await asyncio.wait({receiver}, timeout=PROBE_EVERY)
            receiver.result()
        finally:
            receiver.cancel()
            await asyncio.gather(receiver, return_exceptions=True)

    async def _receive(self, layer: Any, channel: str) -> None:
        while True:
            message = await layer.receive(channel)
            if message.get("process") == doorbell.this_process():
                if message["type"] == PROBE:
                    self._answered.set()
            elif message["type"] == RING:
                self._woken()

    async def _probe(self, layer: Any) -> bool:
        """Send a probe to ourselves and wait for it; while the layer takes nothing, keep trying here."""
        probe = {"type": PROBE, "process": doorbell.this_process()}
        while True:
            self._answered.clear()
            try:
                await asyncio.wait_for(layer.group_send(GROUP, probe), PROBE_TIMEOUT)
                break
            except Exception as problem:  # noqa: BLE001  as above; the subscription recovers by itself meanwhile
                self._note(problem)
                await asyncio.sleep(RETRY_AFTER)
        try:
            await asyncio.wait_for(self._answered.wait(), PROBE_TIMEOUT)
        except TimeoutError:
            return False
        self._note(None)
        return True

    def _note(self, problem: Exception | None) -> None:
        works = problem is None
        if works == self._works:
            return
        if problem is not None:
            logger.warning(
                "The channel layer does not work (%s); polling every second.",
                error_text(problem),
            )
        elif self._works is False:
            logger.info("The channel layer works again.")
        self._works = works
        self._state(works)
