"""The doorbell: tells every server process that there is news, and carries none.

``ring()`` is called after each commit, from any thread. In this process it wakes the hubs; for the other
processes a background thread with its own event loop rings the channel layer. A ring that is lost costs at
most a second, because hubs also look by themselves.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from channels import DEFAULT_CHANNEL_LAYER
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.core.signals import setting_changed

logger = logging.getLogger(__name__)

GROUP: Final = "signal_log.doorbell"
RING: Final = "signal_log.ring"
COALESCE: Final = 0.02
"""Seconds within which the rings of a process become one on the channel layer."""
LAYER_TIMEOUT: Final = 2.0
FLUSH_TIMEOUT: Final = 0.5
"""The most seconds that a process that ends waits for its last ring to go out."""
LOG_EVERY: Final = 60.0

Wake = Callable[[], object]


def remote_layer() -> Any | None:
    """The channel layer, if it reaches further than this process."""
    layer = get_channel_layer(DEFAULT_CHANNEL_LAYER)
    return None if layer is None or isinstance(layer, InMemoryChannelLayer) else layer


class _Ringer:
    """The background thread that rings the channel layer for this process."""

    def __init__(self) -> None:
        self.failed = 0
        self._asked = False
        self._ringing = False
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bell: asyncio.Event | None = None
        self._logged_at = float("-inf")

    def ask(self) -> None:
        """Have the layer rung soon; returns at once."""
        if self._asked:
            return
        self._asked = True
        if self._loop is None:
            self._start()
        elif self._bell is not None:
            self._loop.call_soon_threadsafe(self._bell.set)

    def flush(self) -> None:
        """Wait for the rings asked for, but never long: the process is about to end."""
        deadline = time.monotonic() + FLUSH_TIMEOUT
        while (self._asked or self._ringing) and time.monotonic() < deadline:
            time.sleep(0.002)

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
            if not self._asked:
                await bell.wait()
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
                await asyncio.wait_for(layer.group_send(GROUP, {"type": RING, "process": _bell.process}), LAYER_TIMEOUT)
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


class _Doorbell:
    """What a process knows of its bell; made anew in a forked child."""

    def __init__(self) -> None:
        self.wakes: tuple[Wake, ...] = ()
        self.ringer = _Ringer()
        self.reaches_out: bool | None = None
        self.process = secrets.token_hex(8)


_bell = _Doorbell()
_registering = threading.Lock()


def ring() -> None:
    """Say that something was committed. Costs microseconds, never blocks, never raises."""
    bell = _bell
    for wake in bell.wakes:
        wake()
    if bell.reaches_out is None:
        _look_at_the_layer(bell)
    if bell.reaches_out:
        try:
            bell.ringer.ask()
        except RuntimeError:  # no thread can be started any more: the interpreter is on its way out
            bell.ringer.failed += 1


def this_process() -> str:
    """The name under which this process rings, so that it need not listen to itself."""
    return _bell.process


def failed_rings() -> int:
    """How many rings of this process did not reach the channel layer."""
    return _bell.ringer.failed


def listen(wake: Wake) -> Callable[[], None]:
    """Have ``wake`` called at each ring of this process, on any thread; returns how to stop that."""
    with _registering:
        _bell.wakes = (*_bell.wakes, wake)

    def stop() -> None:
        with _registering:
            _bell.wakes = tuple(w for w in _bell.wakes if w is not wake)

    return stop


def flush() -> None:
    """Give the last ring of a process that ends (a short command) the time to go out."""
    _bell.ringer.flush()


def _look_at_the_layer(bell: _Doorbell) -> None:
    try:
        bell.reaches_out = remote_layer() is not None
    except Exception:
        bell.reaches_out = False
        logger.exception("The channel layer is not usable; other processes notice by polling.")


def _on_setting_changed(*, setting: str, **_: object) -> None:
    if setting == "CHANNEL_LAYERS":
        _bell.reaches_out = None


def _after_fork() -> None:
    global _bell, _registering  # noqa: PLW0603  threads, loops and locks do not survive a fork
    _bell = _Doorbell()
    _registering = threading.Lock()


setting_changed.connect(_on_setting_changed, dispatch_uid="signal_log.tail.doorbell")
os.register_at_fork(after_in_child=_after_fork)
# Earlier than ``atexit``, where it exists: by then no address can be looked up any more (executors are closed).
getattr(threading, "_register_atexit", atexit.register)(flush)
