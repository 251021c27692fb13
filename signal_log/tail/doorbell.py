"""The doorbell: tells every server process that there is news, and carries none.

``ring()`` is called after each commit, from any thread. It only tells a porter, a background thread that wakes this
process's hubs and has the channel layer rung for the other processes (``ringer``).
A ring that is lost costs at most a second, because hubs also look by themselves.
"""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

from django.core.signals import setting_changed

from signal_log.tail.layer_publisher import Ringer, remote_layer

logger = logging.getLogger(__name__)

NAP: Final = 0.002
"""Seconds between two looks of the porter while there are commits: who rings then need not wake a thread."""
NAPS: Final = 8
"""So many in a row without a ring, and the porter sleeps until it is woken."""
FLUSH_TIMEOUT: Final = 0.5
"""The most seconds that a process that ends waits for its last ring to go out."""

Wake = Callable[[], object]


class _Doorbell:
    """What a process knows of its bell; made anew in a forked child."""

    __slots__ = ("_asleep", "_calls", "_looking", "_rung", "porter", "process", "reaches_out", "ringer", "wakes")

    def __init__(self) -> None:
        self.wakes: tuple[Wake, ...] = ()
        self.process = secrets.token_hex(8)
        self.ringer = Ringer(self.process)
        self.reaches_out: bool | None = None
        self.porter: threading.Thread | None = None
        self._rung = self._looking = self._asleep = False
        self._calls: SimpleQueue[None] = SimpleQueue()

    def ring(self) -> None:
        """Have the porter look; while there are commits it is about to anyway.

        Waking an event loop from here would hand over the interpreter: the writer would wait until the hub has
        done its work. To put something into a ``SimpleQueue`` does not, but it is a system call.
        """
        self._rung = True  # before the look at ``_asleep``, as the porter says that it sleeps before its look at this
        if self._asleep:
            self._asleep = False
            self._calls.put(None)
        elif self.porter is None:
            self._start()

    def busy(self) -> bool:
        """Whether a ring has yet to go out."""
        return self._rung or self._looking or self.ringer.busy()

    def _start(self) -> None:
        with _registering:
            if self.porter is None:
                porter = threading.Thread(target=self._answer, name="signal_log-porter", daemon=True)
                porter.start()
                self.porter = porter

    def _answer(self) -> None:
        while True:
            self._asleep = True
            if not self._rung:
                self._calls.get()
            self._asleep = False
            quiet = 0
            while quiet < NAPS:
                quiet = 0 if self._look() else quiet + 1
                time.sleep(NAP)

    def _look(self) -> bool:
        """Tell everybody of a ring since the last look; whether there was one."""
        if not self._rung:
            return False
        self._looking = True
        self._rung = False  # before waking: who commits from now on rings again
        for wake in self.wakes:
            wake()
        if self.reaches_out:
            self._ring_outside()
        self._looking = False
        return True

    def _ring_outside(self) -> None:
        try:
            self.ringer.ask()
        except RuntimeError:  # no thread can be started any more: the interpreter is on its way out
            self.ringer.failed += 1


_bell = _Doorbell()
_registering = threading.Lock()


def ring() -> None:
    """Say that something was committed. Costs microseconds, never blocks, never raises."""
    bell = _bell
    if bell.reaches_out is None:
        _look_at_the_layer(bell)
    if bell.wakes or bell.reaches_out:
        try:
            bell.ring()
        except RuntimeError:  # no thread can be started any more: the interpreter is on its way out
            bell.ringer.failed += 1


def this_process() -> str:
    """The name under which this process rings, so that it need not listen to itself."""
    return _bell.process


def failed_rings() -> int:
    """How many rings of this process did not reach the channel layer."""
    return _bell.ringer.failed


def listen(wake: Wake) -> Callable[[], None]:
    """Have ``wake``, which must not raise, called after each ring of this process; returns how to stop that."""
    with _registering:
        _bell.wakes = (*_bell.wakes, wake)

    def stop() -> None:
        with _registering:
            _bell.wakes = tuple(w for w in _bell.wakes if w is not wake)

    return stop


def flush() -> None:
    """Give the last ring of a process that ends (a short command) the time to go out, but never long."""
    deadline = time.monotonic() + FLUSH_TIMEOUT
    while _bell.busy() and time.monotonic() < deadline:
        time.sleep(0.002)


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
