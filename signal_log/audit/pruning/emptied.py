"""Drops partitions that earlier prunes have emptied row by row, because somebody had the log's table open then.

No event goes: what is left in one is copied, as where a whole partition is pruned (``pruning/whole.py``), and is few.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.audit.pruning.whole import BUSY, ONE_IN, PATIENCE
from signal_log.capture.model.unlogged import unlogged
from signal_log.errors import PartitionError
from signal_log.store.partitions.briefly import alone_until_commit
from signal_log.store.partitions.layout import Partition, layout
from signal_log.store.partitions.remnant import replace, rest
from signal_log.store.partitions.table import table_of
from signal_log.store.read import events

MOST: Final = 10_000
"""So many events are copied at most: more are not looked through at each prune."""


def emptied(connection: BaseDatabaseWrapper, latest: datetime, below: int) -> list[Partition]:
    """The partitions with ids up to ``below`` of which next to nothing is left, and nothing since ``latest``."""
    parts = layout(connection)
    if parts is None or not table_of(connection).is_ours:
        return []
    return [one for one in parts.ranges if one.high - 1 <= below and is_emptied(one, latest)]


def is_emptied(one: Partition, latest: datetime) -> bool:
    """Whether so little is left in a partition that nothing has to go for it to be dropped."""
    inside = events().filter(pk__gte=one.low, pk__lt=one.high).order_by()
    few = _most(one)
    return not one.is_kept and inside[: few + 1].count() <= few and not inside.filter(occurred_at__gte=latest).exists()


def drop(connection: BaseDatabaseWrapper, one: Partition) -> None:
    """Put one of the few events that are left in its place; raises ``PartitionError`` where that is not possible."""
    with transaction.atomic(using=connection.alias), unlogged(connection):
        if not alone_until_commit(connection):
            raise PartitionError(BUSY)
        _, staying = rest(connection, one, (), _most(one))
        if staying is None:
            raise PartitionError(f"{one.name} is not empty any more.")
        replace(connection, one, staying, patience=PATIENCE)


def _most(one: Partition) -> int:
    return min((one.high - one.low) // ONE_IN, MOST)
