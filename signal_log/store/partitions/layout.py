"""Which partitions the log's table has on PostgreSQL, and what is wrong with them.

Each is a range of ids. Besides there is the default partition, which takes what no range has: where nobody has made the
next partition in time, a save goes on. Pruned partitions at the bottom become one, of the few events that stay.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.store.row import TABLE
from signal_log.vendor import vendor_of

DEFAULT: Final = f"{TABLE}_default"
NUMBERED: Final = f"{TABLE}_p"
KEPT: Final = f"{TABLE}_kept_"
"""How the name begins of a partition that has what was left of pruned ones."""
BELOW: Final = f"{TABLE}_below_"
"""How the name begins of the constraint that proves where a table ends which is to become a partition."""
LARGEST: Final = 2**63 - 1

_RANGE: Final = re.compile(r"FOR VALUES FROM \('?(-?\d+|MINVALUE)'?\) TO \('?(-?\d+|MAXVALUE)'?\)")
_PARTITIONS: Final = """
    SELECT relname, nspname, coalesce(pg_get_expr(relpartbound, pg_class.oid), ''), greatest(reltuples, 0)::bigint,
        pg_class.oid
    FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE inhparent = to_regclass(%s) AND EXISTS (
        SELECT FROM pg_class AS parent WHERE parent.oid = inhparent AND parent.relkind = 'p')
"""
_LOOSE: Final = """
    SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
    AND (relname ~ %s OR relname = %s OR relname ~ %s)
    AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass(%s)) ORDER BY relname
"""


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: the ids from ``low`` up to, but not including, ``high``."""

    name: str
    schema: str
    low: int
    high: int
    rows: int
    """As the database estimates it."""
    oid: int
    is_default: bool = False

    @property
    def is_kept(self) -> bool:
        """Whether it has what was left of pruned partitions."""
        return self.name.startswith(KEPT)

    @property
    def quoted(self) -> str:
        """Its name in SQL."""
        return f'"{self.schema}"."{self.name}"'


@dataclass(frozen=True, slots=True)
class Layout:
    """All partitions, the lowest first."""

    ranges: tuple[Partition, ...]
    default: Partition | None

    @property
    def width(self) -> int:
        """How many ids the newest partition has, as the next ones will."""
        newest = [one for one in self.ranges if not one.is_kept][-1:]
        return newest[0].high - newest[0].low if newest else 0

    @property
    def top(self) -> int:
        """The first id above every range."""
        return max((one.high for one in self.ranges), default=1)

    def rows_of(self, one: Partition) -> str:
        """The rows of one, for FROM: by the log's name, as the application's role has no rights on a partition."""
        return f"{TABLE} WHERE id >= {f'{self.top}' if one.is_default else f'{one.low} AND id < {one.high}'}"

    def gaps(self) -> list[tuple[int, int]]:
        """Ranges of ids, both ends inclusive, that lie between partitions or below all, and in none."""
        found, reached = [], 1
        for one in self.ranges:
            if one.low > reached:
                found.append((reached, one.low - 1))
            reached = max(reached, one.high)
        return found


def layout(connection: BaseDatabaseWrapper) -> Layout | None:
    """The partitions; None where the log's table has none, or is on another database than PostgreSQL."""
    if vendor_of(connection) != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute(_PARTITIONS, [TABLE])
        found = cursor.fetchall()
        if not found:
            return None
    default, ranges = None, []
    for name, schema, bounds, rows, oid in found:
        match = _RANGE.fullmatch(bounds)
        if match is None:
            default = Partition(name, schema, 0, 0, rows, oid, is_default=True)
            continue
        low = 1 if match[1] == "MINVALUE" else int(match[1])
        high = LARGEST if match[2] == "MAXVALUE" else int(match[2])
        ranges.append(Partition(name, schema, low, high, rows, oid))
    return Layout(tuple(sorted(ranges, key=lambda one: one.low)), default)


def taken_out(connection: BaseDatabaseWrapper) -> list[str]:
    """What was taken out of the log, so that its readers do not find it: a sentence's part each."""
    parts = layout(connection)
    if parts is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_LOOSE, [f"^{NUMBERED}[0-9]+$", DEFAULT, f"^{KEPT}[0-9]+_[0-9]+$", TABLE])
        loose = [name for (name,) in cursor.fetchall()]
    gaps = [f"no partition has the ids {first:,} to {last:,}, as it was dropped or detached"
            for first, last in parts.gaps()]  # fmt: skip
    return gaps + [f"the table {name} is no partition of the log any more, as it was detached" for name in loose]
