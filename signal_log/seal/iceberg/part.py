"""One file of an archive's table, as the table names it (no Django)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from signal_log.seal.iceberg.columns import NAMES
from signal_log.seal.iceberg.place import LEAVES

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the table."""

    generation: int
    number: int
    rows: int
    path: str
    """Of its file."""
    size: int
    """The file's, in bytes."""
    low: int
    high: int
    """The least and the largest id of its events; 0 and 0 if it has none, or that is not known."""
    earliest: datetime | None = None
    latest: datetime | None = None
    """When the first and the last of its events happened; None if that is not known."""

    @property
    def first(self) -> int:
        """Its first leaf."""
        return self.number * LEAVES

    @property
    def last(self) -> int:
        """Its last leaf."""
        return self.first + self.rows - 1

    @property
    def name(self) -> str:
        """What events of the log call it, behind the archive's place."""
        return part_name(self.generation, self.number)

    def __str__(self) -> str:
        """For sentences."""
        return f"{self.path.removeprefix('file://')} (leaves {self.first:,} to {self.last:,})"


def part_name(generation: int, number: int) -> str:
    """What events of the log call a part."""
    return f"g{generation}-{number * LEAVES}"


def part_of(file: Any) -> Part:
    """What pyiceberg tells of a file of the table."""
    generation, number = file.partition[0], file.partition[1]
    (low, high), moments = _bounds(file, "id"), _bounds(file, "occurred_at")
    earliest, latest = (None if one is None else _EPOCH + timedelta(microseconds=one) for one in moments)
    found = generation, number, file.record_count, file.file_path, file.file_size_in_bytes
    return Part(*found, low or 0, high or 0, earliest, latest)


def _bounds(file: Any, name: str) -> tuple[int | None, int | None]:
    """The least and the largest number in a column of a file; None where that is not told."""
    at = NAMES.index(name) + 1
    low, high = (
        int.from_bytes(bounds[at], "little", signed=True) if bounds and at in bounds else None
        for bounds in (file.lower_bounds, file.upper_bounds)
    )
    return low, high
