"""How much a client may leave unacknowledged before it is sent no more: bounded memory, whoever stalls."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from signal_log.tail.wire import BYTES_PER_FRAME, Encoded

MAX_EVENTS: Final = 2000
MAX_BYTES: Final = 256 * 1024
ACK_TIMEOUT: Final = 60.0
"""Seconds without an acknowledgement, while something is outstanding, after which a socket is closed."""


@dataclass(frozen=True, slots=True)
class _Sent:
    ids: Sequence[int]
    highest: int
    size: int


@dataclass(slots=True)
class Window:
    """The frames sent and not yet acknowledged."""

    events: int = 0
    size: int = 0
    waiting_since: float = 0.0
    _sent: deque[_Sent] = field(default_factory=deque)

    @property
    def open(self) -> bool:
        """Whether one more frame may go out."""
        return self.events < MAX_EVENTS and self.size < MAX_BYTES

    @property
    def half_free(self) -> bool:
        """Whether enough has been acknowledged to make reading from the table worthwhile."""
        return self.events <= MAX_EVENTS // 2 and self.size <= MAX_BYTES // 2

    def room(self, size: int) -> int:
        """How many events of so many bytes may still go out: at least one, and at most one frame too many."""
        left = MAX_BYTES + BYTES_PER_FRAME - self.size
        return max(1, min(MAX_EVENTS - self.events, left // max(size, 1)))

    def fitting(self, pieces: Iterable[Sequence[Encoded]]) -> list[Encoded]:
        """The events of the first pieces that may go out one after the other."""
        events, size = self.events, self.size
        fit: list[Encoded] = []
        for piece in pieces:
            if events >= MAX_EVENTS or size >= MAX_BYTES:
                break
            fit.extend(piece)
            events += len(piece)
            size += sum(event.size for event in piece)
        return fit

    def sent(self, ids: Sequence[int], size: int, now: float) -> None:
        """Note a frame that goes out."""
        if not self._sent:
            self.waiting_since = now
        self._sent.append(_Sent(ids, max(ids), size))
        self.events += len(ids)
        self.size += size

    def acknowledge(self, number: int, now: float) -> bool:
        """Note an acknowledgement; False when it settles nothing.

        A frame arrives whole and frames arrive in order, so an id settles the last frame that holds it and
        all before. A client may also name the highest id it has, after a late event with a lower one.
        """
        settled = 0
        for count, frame in enumerate(self._sent, 1):
            if (frame.highest <= number and settled == count - 1) or number in frame.ids:
                settled = count
        for _ in range(settled):
            frame = self._sent.popleft()
            self.events -= len(frame.ids)
            self.size -= frame.size
        if settled:
            self.waiting_since = now
        return settled > 0

    def overdue(self, now: float) -> bool:
        """Whether something has been outstanding for too long without any acknowledgement."""
        return bool(self._sent) and now - self.waiting_since > ACK_TIMEOUT
