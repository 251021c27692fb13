"""Makes the next partitions before they are needed, and empties the default partition where nobody did in time.

A partition that is made ahead is attached without waiting for anybody who writes. The default partition's rows are not
moved: it becomes the partition of their ids, and an empty one takes its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log import clock
from signal_log.amounts import counted
from signal_log.errors import PartitionError
from signal_log.store.partitions.briefly import PATIENCE, AnotherAtIt, alone, briefly
from signal_log.store.partitions.convert import leftovers, remove_leftovers
from signal_log.store.partitions.layout import BELOW, DEFAULT, Layout, Partition, layout
from signal_log.store.partitions.statements import Bounds, attached, detached, ends_below, made, name_of, quoted
from signal_log.store.partitions.table import last_id, run, table_of
from signal_log.store.row import TABLE
from signal_log.vendor import vendor_of

FEWEST: Final = 2
"""How many empty partitions there are at least above the newest event."""
DAYS: Final = 3
"""For how many days the partitions last, at the rate of the newest events."""
AT_LEAST: Final = 3_600.0
"""Seconds: what came in less tells no rate."""
SECONDS_OF_A_SERVER: Final = 5.0
"""For how long a server waits, which has other things to do; it comes again."""
MOST: Final = 50
"""How many are made in one go."""


@dataclass
class Made:
    """What was done."""

    names: list[str] = field(default_factory=list)
    """Partitions that were made, the lowest first."""
    emptied: str = ""
    """The partition that the default one has become."""
    last: int = 0
    """The newest id."""
    enough_until: int = 0
    """The first id for which there is no partition."""


def make_ahead(connection: BaseDatabaseWrapper, *, rows: int | None = None, patience: float = PATIENCE) -> Made:
    """Make what is missing; ``rows`` is how many ids the new ones have. Raises ``PartitionError``."""
    table = table_of(connection)
    _layout(connection)
    table.must_be_ours()
    with alone(connection):
        work = _Work(connection, table.schema, table.owner, rows or _layout(connection).width, patience)
        if not work.rows:
            raise PartitionError("No partition tells how many ids the next ones are to have: give --rows N.")
        return work.do()


@dataclass
class _Work:
    connection: BaseDatabaseWrapper
    schema: str
    owner: str
    rows: int
    patience: float

    def do(self) -> Made:
        done = Made(last=last_id(self.connection))
        parts = _layout(self.connection)
        if parts.default is None:
            self._attach(None)
            done.names.append(DEFAULT)
        elif self._overflowed(parts):
            done.emptied = self._empty(parts, parts.default, done)
        wanted = done.last + max(FEWEST * self.rows, self._a_few_days(done.last))
        top = _layout(self.connection).top
        while top <= wanted and len(done.names) < MOST:
            done.names.append(self._attach((top, top + self.rows)))
            top += self.rows
        done.enough_until = top
        if done.names or done.emptied:
            with transaction.atomic(using=self.connection.alias):
                run(self.connection, ["SET LOCAL statement_timeout = 0", f"ANALYZE {TABLE}"])
        return done

    def _attach(self, bounds: Bounds) -> str:
        name = name_of(bounds)
        options = _options(self.connection)
        statements = [
            *made(self.schema, TABLE, name, self.owner, options), attached(self.schema, TABLE, name, bounds),
        ]  # fmt: skip
        briefly(self.connection, "", lambda: run(self.connection, statements), patience=self.patience)
        return name

    def _a_few_days(self, last: int) -> int:
        """How many ids are given in some days, by how long the newest ones took."""
        with self.connection.cursor() as cursor:
            cursor.execute(
                f"SELECT id, occurred_at FROM {TABLE} WHERE id > %s ORDER BY id LIMIT 1",  # noqa: S608  our own name
                [max(0, last - self.rows)],
            )
            row: tuple[int, datetime] | None = cursor.fetchone()
        if row is None:
            return 0
        days = max((clock.now() - row[1]).total_seconds(), AT_LEAST) / 86_400
        return min(round((last - row[0]) / days * DAYS), MOST * self.rows)

    def _overflowed(self, parts: Layout) -> bool:
        """Whether the default partition has events that came when no range did."""
        if parts.default is None:
            return False
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT EXISTS (SELECT FROM {parts.default.quoted})")  # noqa: S608
            return bool(cursor.fetchone()[0])

    def _empty(self, parts: Layout, default: Partition, done: Made) -> str:
        """Let it become the partition of its ids.

        From when its end is said until the partition above is there, an event with an id above that would be refused;
        it is so far above the newest that this needs as many events in a second as a partition has.
        """
        low = parts.top
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*), min(id) FROM {default.quoted} WHERE id < {low}")  # noqa: S608
            stray, first = cursor.fetchone()
        if stray:
            raise PartitionError(
                f"The default partition has {counted(stray, 'event')} with ids below {low:,}, from {first:,} "
                "on, of which no partition is left: one was dropped or detached. Attach it again."
            )
        high = -(-(done.last + self.rows) // self.rows) * self.rows + 1
        name, table = name_of((low, high)), default.quoted
        proves = f"{BELOW}{high}"
        self._briefly([
            f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{one}"' for one in _proofs(self.connection, default)
        ] + [f'ALTER TABLE {table} ADD CONSTRAINT "{proves}" {ends_below(high, low)} NOT VALID'])  # fmt: skip
        with transaction.atomic(using=self.connection.alias):
            run(
                self.connection,
                ["SET LOCAL statement_timeout = 0", f'ALTER TABLE {table} VALIDATE CONSTRAINT "{proves}"'],
            )
        done.names.append(self._attach((high, high + self.rows)))
        self._briefly(
            [
                detached(self.schema, default.name),
                f'ALTER TABLE {table} RENAME TO "{name}"',
                attached(self.schema, TABLE, name, (low, high)),
                *made(self.schema, TABLE, DEFAULT, self.owner, _options(self.connection)),
                attached(self.schema, TABLE, DEFAULT, None),
            ],
            f"LOCK TABLE {quoted(self.schema, TABLE)} IN ACCESS EXCLUSIVE MODE",
        )
        return name

    def _briefly(self, statements: Sequence[str], lock: str = "") -> None:
        briefly(self.connection, lock, lambda: run(self.connection, statements), patience=self.patience)


def keep_ahead(connection: BaseDatabaseWrapper) -> None:
    """What a server does by itself: make what is missing, or undo what an interrupted conversion has left.

    Nothing where there are no partitions, where this database's role does not own the table, or another is at it.
    Raises ``PartitionError`` where others have the table open.
    """
    if vendor_of(connection) != "postgresql" or not table_of(connection).is_ours:
        return
    with suppress(AnotherAtIt):
        if layout(connection) is not None:
            make_ahead(connection, patience=SECONDS_OF_A_SERVER)
        elif any(leftovers(connection)):
            with alone(connection):
                remove_leftovers(connection, patience=SECONDS_OF_A_SERVER)


def _layout(connection: BaseDatabaseWrapper) -> Layout:
    parts = layout(connection)
    if parts is None:
        raise PartitionError("The log has no partitions: `signal_partition convert` makes them.")
    return parts


def _options(connection: BaseDatabaseWrapper) -> str:
    """The storage parameters of the newest partition, which the next ones get, too."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT array_to_string(reloptions, ', ') FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
            " WHERE inhparent = to_regclass(%s) AND reloptions IS NOT NULL ORDER BY pg_class.oid DESC LIMIT 1",
            [TABLE],
        )
        row = cursor.fetchone()
    return str(row[0]) if row else ""


def _proofs(connection: BaseDatabaseWrapper, default: Partition) -> list[str]:
    """Constraints that an interrupted run has left on the default partition."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = %s AND starts_with(conname, %s)", [default.oid, BELOW]
        )
        return [name for (name,) in cursor.fetchall()]
