"""Removes telemetry that is older than ``TRACE_DAYS``: once an hour in each process, a few rows with each write.

A trace's id begins with the time, so its index finds what is old. These tables are not append-only.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Final

from signal_log import clock
from signal_log.conf import conf
from signal_log.models import ReceiverCall, SignalTrace

EVERY: Final = 3_600.0
"""Seconds between two rounds; a round goes on with each write until nothing old is left."""
FEW: Final = 200
"""Rows removed with one write from each table."""
_DAY_MS: Final = 86_400_000

_TABLES: Final = (ReceiverCall._meta.db_table, SignalTrace._meta.db_table)
PRUNED: Final = {
    "sqlite": tuple(
        f"DELETE FROM {table} WHERE id IN "  # noqa: S608  our own names
        f"(SELECT id FROM {table} WHERE trace_id < ? ORDER BY trace_id LIMIT {FEW})"
        for table in _TABLES
    ),
    # Two processes that prune at once must not wait for each other.
    "postgresql": tuple(
        f"DELETE FROM {table} WHERE id IN "  # noqa: S608
        f"(SELECT id FROM {table} WHERE trace_id < %s ORDER BY trace_id LIMIT {FEW} FOR UPDATE SKIP LOCKED)"
        for table in _TABLES
    ),
}


class Pruning:
    """When this process prunes."""

    def __init__(self) -> None:
        self.next_at = float("-inf")

    def due(self) -> uuid.UUID | None:
        """The trace id below which rows are to go now, if this is the time."""
        if clock.monotonic() < self.next_at:
            return None
        return oldest_kept()

    def done(self, removed: Sequence[int]) -> None:
        """So many rows went; if there may be more, the next write goes on."""
        if max(removed, default=0) < FEW:
            self.next_at = clock.monotonic() + EVERY


def oldest_kept() -> uuid.UUID:
    """The lowest id that a trace of ``TRACE_DAYS`` ago can have."""
    return uuid.UUID(int=max(0, clock.time_ns() // 1_000_000 - conf.TRACE_DAYS * _DAY_MS) << 80)


pruning: Final = Pruning()
