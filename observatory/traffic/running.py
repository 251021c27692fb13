"""Runs the traffic at its pace until its time is over or somebody stops it, and keeps count."""

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
from typing import Final

from django.core.management.base import CommandError
from django.db import close_old_connections

from signal_log.capture.trace.trace import current_trace

MOST_IN_A_ROW: Final = 10
"""So many things in a row that go wrong end the traffic: the site is down or too different."""
FURTHEST_BEHIND: Final = 1.0
"""Seconds the traffic may be late and still catch up; what is lost beyond them is not made good."""


class Stop:
    """Set by Ctrl-C or SIGTERM: what is under way is finished, then the traffic ends."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def wait(self, seconds: float) -> bool:
        """Sleep, but wake up at once to stop; whether it is time to stop."""
        return self._event.wait(seconds)

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Listen to the signals for as long as the block lasts; a second one acts as ever."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

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
    """One run: things happen at about ``rate`` a second, for ``seconds`` or, if 0, until stopped."""

    def __init__(self, rate: float, seconds: float, rng: Random, stop: Stop) -> None:
        self.rate = rate
        self.seconds = seconds
        self.rng = rng
        self.stop = stop
        self.done: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        self._in_a_row = 0
        self.started = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def happenings(self) -> Iterator[None]:
        """Yields whenever something is to happen; people are not clockworks, so the gaps vary by a half."""
        due = 0.0
        while True:
            over = bool(self.seconds) and due >= self.seconds
            if self.stop.wait((self.seconds if over else due) - self.elapsed) or over:
                return
            yield
            due = max(due, self.elapsed - FURTHEST_BEHIND) + self.rng.uniform(0.5, 1.5) / self.rate

    def attempt(self, kind: str, work: Callable[[], None]) -> str:
        """Do one thing in a trace of its own; what went wrong, or nothing. Too much of it ends the run."""
        try:
            in_a_trace_of_its_own(work)
        except Exception as error:
            self.wrong[kind] += 1
            self._in_a_row += 1
            close_old_connections()
            problem = f"{kind}: {type(error).__name__}: {error}"
            if self._in_a_row == MOST_IN_A_ROW:
                raise CommandError(f"{MOST_IN_A_ROW} things in a row went wrong, the last was\n  {problem}") from error
            return problem
        self._in_a_row = 0
        self.done[kind] += 1
        return ""


def in_a_trace_of_its_own(work: Callable[[], None]) -> None:
    """The command's own trace would never end, and would hide the requests that begin theirs."""

    def apart() -> None:
        current_trace.set(None)
        work()

    contextvars.copy_context().run(apart)
