"""Runs the traffic at the chosen rate until its time is up or it is stopped, and counts what happened."""

from __future__ import annotations

import contextvars
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from types import FrameType
from typing import IO, Final

from django.core.management.base import CommandError
from django.db import close_old_connections

MAX_CONSECUTIVE_FAILURES: Final = 10
"""After this many consecutive failures the traffic stops: the site is down or incompatible."""
UNDRAWN: Final = "choosing an action"
"""What fails where nobody can tell how many people there are."""
MAX_LAG: Final = 1.0
"""Seconds the traffic may lag and still catch up; any further lag is dropped."""


class Stop:
    """A stop flag, set by Ctrl-C, SIGTERM or SIGHUP: the current action finishes, then the traffic ends."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def wait(self, seconds: float) -> bool:
        """Sleep, waking immediately when stopped; returns whether to stop."""
        return self._event.wait(seconds)

    def on_end_of(self, stream: IO[str]) -> None:
        """Stop once a stream ends, as standard input does when the process at its other end is gone."""

        def read() -> None:
            while stream.read(1024):
                pass
            self._event.set()

        threading.Thread(target=read, name="end-of-input", daemon=True).start()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Handle the signals in the block; a second signal has its usual effect."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.getsignal(number) for number in numbers}
        if before[signal.SIGHUP] is signal.SIG_IGN:  # as nohup sets it
            del before[signal.SIGHUP]

        def restore() -> None:
            for number, handler in before.items():
                signal.signal(number, handler)

        def stop(number: int, frame: FrameType | None) -> None:
            restore()
            self._event.set()

        for number in before:
            signal.signal(number, stop)
        try:
            yield
        finally:
            restore()


class Run:
    """One run: about ``rate`` actions per second, for ``seconds`` or, if 0, until stopped."""

    def __init__(self, rate: float, seconds: float, rng: Random, stop: Stop) -> None:
        self.rate = rate
        self.seconds = seconds
        self.rng = rng
        self.stop = stop
        self.done: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._consecutive_failures = 0
        self.last = ""
        """The kind of the action attempted last."""
        self.started = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def ticks(self) -> Iterator[None]:
        """Yield whenever an action is due; intervals vary randomly by up to half."""
        due = 0.0
        while True:
            over = bool(self.seconds) and due >= self.seconds
            if self.stop.wait((self.seconds if over else due) - self.elapsed) or over:
                return
            yield
            due = max(due, self.elapsed - MAX_LAG) + self.rng.uniform(0.5, 1.5) / self.rate

    def attempt(self, draw: Callable[[], str], do: Callable[[str], None]) -> str:
        """Draw an action and perform it outside the command's trace.

        Returns its error, empty if there was none, or raises ``CommandError`` after too many in a row.
        """
        self.last = kind = UNDRAWN
        try:
            self.last = kind = draw()
            in_own_trace(lambda: do(kind))
        except Exception as error:
            self.failed[kind] += 1
            self._consecutive_failures += 1
            close_old_connections()
            problem = f"{kind}: {type(error).__name__}: {error}"
            if self._consecutive_failures == MAX_CONSECUTIVE_FAILURES:
                raise CommandError(
                    f"{MAX_CONSECUTIVE_FAILURES} consecutive actions failed, the last with\n  {problem}"
                ) from error
            return problem
        self._consecutive_failures = 0
        self.done[kind] += 1
        return ""


def in_own_trace(work: Callable[[], None]) -> None:
    """Run outside the command's trace, which would never end and would absorb the traces of the requests."""
    contextvars.Context().run(work)
