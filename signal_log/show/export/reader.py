"""When the reader of an export is too slow to keep its place, of which there are few.

Only the waiting for the reader counts, never our own work. A deadline for the whole would end an export of ten million
events; so who falls behind a modest rate may catch up for minutes, and who takes nothing at all has one.
"""

from __future__ import annotations

from typing import Final

from signal_log import clock

PIECE: Final = 65_536
"""Bytes that are sent at a time. What a server and the network have room for counts as taken; so a piece is small, or a
slow reader of a large one would look like one that has stopped."""
TAKEN_WITHIN: Final = 60.0
"""Seconds in which a reader must take a piece."""
A_PIECE: Final = 2.0
"""Seconds that a piece may take on average."""
MOST_BEHIND: Final = 300.0
"""Seconds by which a reader may be behind that."""


class Reader:
    """How one reader takes one piece after the other."""

    def __init__(self) -> None:
        self._behind = 0.0
        self._given: float | None = None
        """Since when it has a piece to take."""

    def give(self) -> None:
        """It has a piece to take from now on."""
        self._given = clock.monotonic()

    def has_taken(self) -> None:
        """It took it."""
        if self._given is not None:
            self._behind = max(0.0, self._behind + self._waited() - A_PIECE)
            self._given = None

    def left(self) -> float:
        """For how many more seconds it is waited for."""
        return min(TAKEN_WITHIN, MOST_BEHIND + A_PIECE - self._behind) - self._waited()

    def fault(self) -> str:
        """What is said of it, once there is no time left."""
        if self._waited() >= TAKEN_WITHIN:
            return f"its reader took nothing for {TAKEN_WITHIN:g} seconds"
        return (
            f"its reader takes less than {PIECE / A_PIECE / 1024:g} KB a second, and was {MOST_BEHIND:g} seconds "
            "behind that. The rest can be exported with after= and the id of its last event"
        )

    def _waited(self) -> float:
        given = self._given  # another thread may look while it changes
        return 0.0 if given is None else clock.monotonic() - given
