"""Prunes whole partitions: where all of one goes, but for a few events, these get a partition and the rest is dropped.

Which events go is decided as everywhere (``audit/pruning/prune.py``), with the same events that name them, and the same
archive. What is special is only how they go: not row by row, and without anything left to vacuum. That needs a moment
in which nobody has the log's table open; where there is none, the events go row by row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.audit.own_events import HELD, RELEASED
from signal_log.errors import PartitionError
from signal_log.event import MAINTENANCE
from signal_log.models import ReceiverCall, SealTree, SignalTrace
from signal_log.models.event import UNUSUAL
from signal_log.seal.ranges import Ranges
from signal_log.store.partitions.briefly import alone_until_commit
from signal_log.store.partitions.layout import Partition, layout
from signal_log.store.partitions.remnant import replace, rest
from signal_log.store.partitions.table import table_of
from signal_log.store.read import events
from signal_log.store.row import TABLE

ONE_IN: Final = 10
"""At most one event in so many stays, or they go row by row: those that stay are copied."""
RANGES_AN_EVENT: Final = 500
BUSY: Final = "Another process is changing the log's partitions."
PATIENCE: Final = 20.0
"""Seconds for which a moment is waited for in which nobody has the log's table open."""


class TooMuchStaysError(PartitionError):
    """A partition is not dropped, as it would leave more than a few events."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some events of one partition that may go, as one event is to name them."""

    tree: SealTree
    rows: Ranges
    leaves: Ranges
    labels: dict[str, str]


@dataclass
class Whole:
    """A partition of which everything may go, as far as a run has come."""

    partition: Partition
    changes: int
    """How many events there were, when its first row was looked at, that tell of changes or holds."""
    batches: list[Batch] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        """Note what may go; where no archive has a file of its own for it, one event names as much as is readable."""
        before = self.batches[-1] if self.batches else None
        is_like = before is not None and before.tree == batch.tree and not before.labels and not batch.labels
        if before is not None and is_like and len(before.rows) + len(batch.rows) <= RANGES_AN_EVENT:
            before.rows.update(batch.rows)
            before.leaves.update(batch.leaves)
        else:
            self.batches.append(batch)

    @property
    def number(self) -> int:
        """How many events may go."""
        return sum(batch.rows.count for batch in self.batches)

    @property
    def first(self) -> int:
        """The lowest id."""
        return self.batches[0].rows.at(0)

    @property
    def last(self) -> int:
        """The highest id."""
        return self.batches[-1].rows.last


class Wholes:
    """The partitions that a run may drop: all events of which are below an id, and may be gone."""

    def __init__(self, connection: BaseDatabaseWrapper, below: int) -> None:
        self._connection = connection
        self._parts = layout(connection) if below else None
        self._may = self._parts is not None and table_of(connection).is_ours
        self._below = below
        self._open: dict[str, Whole] = {}
        self._before = 0
        self.own = 0
        """How many events this run has written that tell of changes."""

    def about_to_look(self) -> None:
        """Call before rows are looked at: what is changed or held from now on is noticed."""
        if self._parts is not None and self._may:
            self._before = self._changes()

    def split(self, rows: Ranges) -> Iterator[tuple[Whole | None, Ranges]]:
        """Ids by the partition that may be dropped with them; None for those that go row by row."""
        left = rows
        for one in self._parts.ranges if self._parts is not None and self._may else ():
            if one.is_kept or one.high - 1 > self._below:
                continue
            inside = Ranges(rows.within(one.low, one.high - 1))
            if inside:
                yield self._open.setdefault(one.name, Whole(one, self._before)), inside
                left = left.without(inside)
        if left:
            yield None, left

    def complete(self, reached: int) -> list[Whole]:
        """The partitions of which the run has seen all."""
        done = [one for one in self._open.values() if one.partition.high - 1 <= reached]
        for one in done:
            del self._open[one.partition.name]
        return done

    def staying(self, whole: Whole) -> list[int]:
        """The ids that stay in the partition, within a transaction until whose end nobody changes it.

        Raises ``PartitionError`` where it may not be dropped: too many stay, or something was changed, held or
        released since its first row was looked at.
        """
        if not alone_until_commit(self._connection):
            raise PartitionError(BUSY)
        going = Ranges()
        for batch in whole.batches:
            going.update(batch.rows)
        there, staying = rest(self._connection, whole.partition, going, whole.number // ONE_IN)
        if staying is None:
            raise TooMuchStaysError(f"Too much of {whole.partition.name} stays.")
        if there != whole.number or self._changes() != whole.changes:
            raise PartitionError(f"What is in {whole.partition.name}, or may go, has changed meanwhile.")
        return staying

    def drop(self, whole: Whole, staying: list[int]) -> None:
        """Do it, in the same transaction; raises ``PartitionError`` where others have the table open for too long."""
        self._forget_traces(whole.partition, staying)
        replace(self._connection, whole.partition, staying, patience=PATIENCE)

    def _changes(self) -> int:
        """How many events tell of changes of the log and of holds, but those of this run."""
        return events().filter(UNUSUAL, signal__in=(MAINTENANCE, HELD, RELEASED)).count() - self.own

    def _forget_traces(self, partition: Partition, staying: list[int]) -> None:
        """Remove the telemetry of traces that have no event any more."""
        with self._connection.cursor() as cursor:
            for model in (ReceiverCall, SignalTrace):
                cursor.execute(
                    f"DELETE FROM {model._meta.db_table} AS kept WHERE EXISTS ("  # noqa: S608  our own names
                    f"SELECT FROM {partition.quoted} AS event WHERE event.trace_id = kept.trace_id) AND NOT EXISTS ("
                    f"SELECT FROM {TABLE} AS event WHERE event.trace_id = kept.trace_id"
                    " AND (event.id < %s OR event.id >= %s OR event.id = ANY (%s)))",
                    [partition.low, partition.high, staying],
                )
