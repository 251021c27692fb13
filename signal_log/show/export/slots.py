"""At most so many exports at once in a process: each reads the log from one end to the other."""

from __future__ import annotations

from threading import RLock
from typing import Final

MOST_AT_ONCE: Final = 4
RETRY_AFTER: Final = 30
"""Seconds after which to ask again."""
REFUSED: Final = f"{MOST_AT_ONCE} exports are under way, which is as many as run at once. Try again in half a minute."

_lock: Final = RLock()  # a response may be collected, and so closed, within
_taken: Final = [0]


class Slot:
    """A place among the exports; whoever has it gives it back once, however often ``release`` is called."""

    def __init__(self) -> None:
        self._is_held = True

    def release(self) -> None:
        """Give the place back."""
        with _lock:
            if self._is_held:
                self._is_held = False
                _taken[0] -= 1

    def __del__(self) -> None:
        """A response that nobody has read is closed by nobody either."""
        self.release()


def take() -> Slot | None:
    """A place; None if all are taken."""
    with _lock:
        if _taken[0] >= MOST_AT_ONCE:
            return None
        _taken[0] += 1
    return Slot()
