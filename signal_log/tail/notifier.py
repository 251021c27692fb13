"""The background thread that passes a process's rings on: to its own hubs, and to the channel layer for the others."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

from signal_log.tail.layer_publisher import LayerPublisher

FLAG_POLL_EVERY: Final = 0.002
"""Seconds between two polls of the thread while there are commits: a ring then need not wake it."""
MAX_IDLE_POLLS: Final = 8
"""So many polls in a row without a ring, and the thread sleeps until it is woken."""

Wake = Callable[[], object]


class Notifier:
    """One per process; made anew in a forked child."""

    __slots__ = (
        "_asleep",
        "_calls",
        "_lock",
        "_notifying",
        "_rung",
        "process",
        "publisher",
        "remote",
        "thread",
        "wakes",
    )

    def __init__(self) -> None:
        self.process = secrets.token_hex(8)
        self.publisher = LayerPublisher(self.process)
        self.remote: bool | None = None
        """Whether the channel layer reaches other processes; None until somebody has looked."""
        self.thread: threading.Thread | None = None
        self.wakes: tuple[Wake, ...] = ()
        self._rung = self._notifying = self._asleep = False
        self._lock = threading.Lock()
        self._calls: SimpleQueue[None] = SimpleQueue()

    def ring(self) -> None:
        """Have the thread notify everybody; while there are commits it is about to poll anyway.

        Waking an event loop from here would hand over the interpreter: the writer would wait until the hub has
        done its work. To put something into a ``SimpleQueue`` does not, but it is a system call.
        """
        self._rung = True  # before ``_asleep`` is read, as the thread sets that before it reads this
        if self._asleep:
            self._asleep = False
            self._calls.put(None)
        elif self.thread is None:
            self._start()

    def busy(self) -> bool:
        """Whether a ring has yet to go out."""
        return self._rung or self._notifying or self.publisher.busy()

    def add(self, wake: Wake) -> None:
        """Call ``wake`` at each ring from now on."""
        with self._lock:
            self.wakes = (*self.wakes, wake)

    def remove(self, wake: Wake) -> None:
        """No longer call ``wake``."""
        with self._lock:
            self.wakes = tuple(w for w in self.wakes if w is not wake)

    def _start(self) -> None:
        with self._lock:
            if self.thread is None:
                thread = threading.Thread(target=self._run, name="signal_log-notifier", daemon=True)
                thread.start()
                self.thread = thread

    def _run(self) -> None:
        while True:
            self._asleep = True
            if not self._rung:
                self._calls.get()
            self._asleep = False
            idle = 0
            while idle < MAX_IDLE_POLLS:
                idle = 0 if self._poll() else idle + 1
                time.sleep(FLAG_POLL_EVERY)

    def _poll(self) -> bool:
        """Notify everybody of a ring since the last poll; whether there was one."""
        if not self._rung:
            return False
        self._notifying = True
        self._rung = False  # before waking: who commits from now on rings again
        for wake in self.wakes:
            wake()
        if self.remote:
            self._publish()
        self._notifying = False
        return True

    def _publish(self) -> None:
        try:
            self.publisher.request()
        except RuntimeError:  # no thread can be started any more: the interpreter is on its way out
            self.publisher.failed += 1
