"""What traces have gathered and nobody has written yet, in plain Python: bounded, and shared by all threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Lock
from typing import Any, Final, NamedTuple

from signal_log.capture.trace.gathered import Call

MAX_CALLS: Final = 10_000
MAX_TRACES: Final = 10_000
MAX_CAUGHT: Final = 16 * 1024 * 1024
"""More than this is not held (the last in bytes, of recorded sessions): the oldest is dropped, and counted."""


class TraceRow(NamedTuple):
    """A row of ``SignalTrace``, with fields in the order of its columns."""

    trace_id: str
    source: str
    name: str
    actor_pk: str
    actor_repr: str
    started_at: datetime
    duration_us: int
    status: str
    events: int
    operations: int
    failed: int
    silent: int
    slowest_receiver: str
    slowest_us: int


class Batch(NamedTuple):
    """What one trace has gathered since its last batch."""

    trace: TraceRow
    calls: list[Call]
    test: object = None
    """The block of the test that it ran in; to be written within that block or not at all."""
    caught: Sequence[Any] = ()
    """What its recorded sessions get of it (rows of ``telemetry/sessions.py``)."""

    @property
    def caught_bytes(self) -> int:
        """How much that is."""
        return sum(row.bytes for row in self.caught)


class Waiting:
    """The batches that wait to be written."""

    def __init__(self) -> None:
        self._batches: deque[Batch] = deque()
        self._calls = self._caught = 0
        self._lock = Lock()
        self.written_at = float("-inf")

    def __bool__(self) -> bool:
        return bool(self._batches)

    @property
    def has_caught(self) -> bool:
        """Whether something of a session waits."""
        return self._caught > 0

    def add(self, batch: Batch) -> tuple[int, int]:
        """Queue a batch; returns how many older traces and calls had to be dropped for it."""
        traces = calls = 0
        with self._lock:
            self._batches.append(batch)
            self._calls += len(batch.calls)
            self._caught += batch.caught_bytes
            while self._calls > MAX_CALLS or len(self._batches) > MAX_TRACES or self._caught > MAX_CAUGHT:
                oldest = self._batches.popleft()
                self._calls -= len(oldest.calls)
                self._caught -= oldest.caught_bytes
                traces, calls = traces + 1, calls + len(oldest.calls)
        return traces, calls

    def take(self, wanted: Callable[[Batch], bool]) -> list[Batch]:
        """Remove and return the batches that are wanted; the others go on waiting."""
        with self._lock:
            batches, self._batches = self._batches, deque()
            taken = []
            for batch in batches:
                if wanted(batch):
                    taken.append(batch)
                    self._calls -= len(batch.calls)
                    self._caught -= batch.caught_bytes
                else:
                    self._batches.append(batch)
        return taken

    def forget(self, *_: Any) -> None:
        """Drop everything; after a fork, what waits is the parent's."""
        self._lock = Lock()
        self._batches, self._calls, self._caught = deque(), 0, 0


waiting: Final = Waiting()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=waiting.forget)
