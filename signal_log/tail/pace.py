"""How many rows one read for a client may look at, so that it takes a fraction of a second whatever the filters."""

from __future__ import annotations

from typing import Final

FIRST: Final = 500
"""With the dearest filters there are, and rows of ordinary size, a tenth of a second."""
LEAST: Final = 100
MOST: Final = 50_000
LONG: Final = 0.2
SHORT: Final = 0.05


class Pace:
    """The number of rows of the next read, learned from how long the last one took."""

    def __init__(self) -> None:
        self.rows = FIRST

    def took(self, seconds: float) -> None:
        """Note how long a read of so many rows took."""
        if seconds > LONG:
            self.rows = max(LEAST, min(self.rows // 2, int(self.rows * LONG / seconds)))
        elif seconds < SHORT:
            self.rows = min(MOST, self.rows * 4)
