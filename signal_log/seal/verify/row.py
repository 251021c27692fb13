"""What verification knows of rows, one by one and, as nearly all are as they should be, many at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Row(NamedTuple):
    """What verification knows of a row."""

    id: int
    leaf: bytes | None
    """The leaf's hash that its values give; None if they can be no event's."""
    stored: bytes
    """The one that its stored digest gives."""
    redacted: bool = False
    incomplete: bool = False
    """Whether the recorder itself says that it could not record everything of it."""


class Rows:
    """Rows in order of id: of nearly all there is nothing to say but the id and the leaf."""

    __slots__ = ("ids", "leaves", "odd")

    def __init__(self, ids: list[int], leaves: list[bytes | None], odd: dict[int, Row]) -> None:
        self.ids = ids
        self.leaves = leaves
        self.odd = odd
        """The others, by id."""

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Row]:
        for number, leaf in zip(self.ids, self.leaves, strict=True):
            yield self.odd.get(number) or Row(number, leaf, leaf or b"")

    def between(self, begin: int, end: int) -> Rows:
        """Some of them, by place."""
        ids = self.ids[begin:end]
        odd = {number: self.odd[number] for number in ids if number in self.odd} if self.odd else {}
        return Rows(ids, self.leaves[begin:end], odd)

    def add(self, more: Rows) -> None:
        """Append those that follow."""
        self.ids += more.ids
        self.leaves += more.leaves
        self.odd |= more.odd

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Rows:
        """Of rows of which there may be something to say."""
        odd = {row.id: row for row in rows}
        return cls(list(odd), [row.leaf for row in odd.values()], odd)
