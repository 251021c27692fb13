"""What one hub knows of the log: written by the hub, read by its clients, and all that a client needs of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from signal_log.store.schema import LARGEST_ID
from signal_log.tail.cursor import Frontier
from signal_log.tail.outage import Outage
from signal_log.tail.recent import Recent
from signal_log.tail.turns import Turns
from signal_log.tail.wire import Encoded


class Feed:
    """How far the log has been handed out, its newest events, and the way to ask for older ones.

    Without ``keeps_recent`` it has none of them, and everything is read from the table.
    """

    def __init__(self, queries: Turns, outage: Outage, *, keeps_recent: bool = True) -> None:
        self.queries = queries
        self.outage = outage
        self._keeps_recent = keeps_recent
        self.layer_works = True
        self.started = asyncio.Event()
        self.generation = 0
        """Counts how often the log was replaced by another one."""
        self.recent = Recent(0)
        self._frontier: Frontier | None = None

    @property
    def frontier(self) -> Frontier:
        """How far the log has been handed out; only after ``started``."""
        if self._frontier is None:
            raise RuntimeError("The hub has not started yet.")
        return self._frontier

    def health(self) -> Mapping[str, str]:
        """What ``ready`` and ``heartbeat`` say about the channel layer and the database."""
        return {
            "layer": "ok" if self.layer_works else "down",
            "database": "ok" if self.outage.works else "down",
        }

    def start(self, frontier: Frontier) -> None:
        """The hub has found the end of the log."""
        self._frontier = frontier
        self.recent = Recent(frontier.top.id if self._keeps_recent else LARGEST_ID)
        self.started.set()

    def forget(self) -> None:
        """It has to be started again, in this log or another."""
        self.generation += 1
        self.started.clear()

    def replace(self, frontier: Frontier) -> None:
        """The log is another one than before."""
        self.generation += 1
        self.start(frontier)

    def advance(self, frontier: Frontier, events: Sequence[Encoded]) -> None:
        """The hub hands out one more batch."""
        self._frontier = frontier
        self.recent.add(events)
