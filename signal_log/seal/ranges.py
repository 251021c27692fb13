"""Ranges of whole numbers as text, as labels of redactions and prunes name rows and leaves (pure; no Django).

``5-9,12`` are the rows 5 to 9 and 12; ``g1:256-511,600`` are leaves of the first generation, and ``g1:600 g2:0-4``
those of two.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from signal_log.errors import ProofError

Range = tuple[int, int]
"""The first and the last number."""
LARGEST: Final = 2**63 - 1
_NUMBER: Final = r"(?:0|[1-9]\d{0,18})"
_RANGE: Final = re.compile(rf"({_NUMBER})(?:-({_NUMBER}))?", re.ASCII)
_GENERATION: Final = re.compile(r"g([1-9]\d{0,8}):(.+)", re.ASCII)


class Ranges:
    """A set of whole numbers, kept as ranges that neither overlap nor touch, the lowest first."""

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in ranges:
            self.add(first, last)

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Ranges:
        """The ranges that these numbers make."""
        return cls((number, number) for number in numbers)

    def add(self, first: int, last: int | None = None) -> None:
        """Add one number, or all from the first to the last."""
        last = first if last is None else last
        if last < first:
            raise ValueError(f"A range cannot end at {last}, below {first} where it begins.")
        low = bisect_right(self._lasts, first - 2)  # from here on they touch or lie above
        high = bisect_right(self._firsts, last + 1)
        if low < high:
            first, last = min(first, self._firsts[low]), max(last, self._lasts[high - 1])
        self._firsts[low:high] = [first]
        self._lasts[low:high] = [last]

    def update(self, others: Iterable[Range]) -> None:
        """Add all of these."""
        for first, last in others:
            self.add(first, last)

    def without(self, others: Ranges) -> Ranges:
        """The numbers that are not among the others."""
        left = Ranges()
        for begin, last in self:
            first = begin
            for low, high in others.within(begin, last):
                if first < low:
                    left.add(first, low - 1)
                first = high + 1
            if first <= last:
                left.add(first, last)
        return left

    def within(self, first: int, last: int) -> Iterator[Range]:
        """The ranges of those from ``first`` to ``last``."""
        at = bisect_right(self._lasts, first - 1)
        while at < len(self._firsts) and self._firsts[at] <= last:
            yield max(first, self._firsts[at]), min(last, self._lasts[at])
            at += 1

    def common(self, others: Ranges) -> Ranges:
        """The numbers that are among the others, too."""
        return Ranges(both for first, last in self for both in others.within(first, last))

    def rank(self, number: int) -> int:
        """How many of the numbers are below this one."""
        return sum(last - first + 1 for first, last in self.within(-LARGEST - 1, number - 1))

    def at(self, rank: int) -> int:
        """The number that so many are below; raises ``IndexError``."""
        for first, last in self:
            if rank <= last - first:
                return first + rank
            rank -= last - first + 1
        raise IndexError(rank)

    def lowest(self, count: int) -> Ranges:
        """So many of the lowest numbers, or all."""
        found = Ranges()
        for first, last in self:
            if count <= 0:
                break
            found.add(first, min(last, first + count - 1))
            count -= last - first + 1
        return found

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self._lasts[at]

    def __iter__(self) -> Iterator[Range]:
        return iter(list(zip(self._firsts, self._lasts, strict=True)))

    def __bool__(self) -> bool:
        return bool(self._firsts)

    def __len__(self) -> int:
        """How many ranges; ``count`` is how many numbers."""
        return len(self._firsts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ranges) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"<Ranges {self}>"

    def __str__(self) -> str:
        """As labels have it: ``5-9,12``."""
        return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in self)

    @property
    def last(self) -> int:
        """The largest number; raises ``IndexError`` if there is none."""
        return self._lasts[-1]

    @property
    def count(self) -> int:
        """How many numbers."""
        return sum(self._lasts) - sum(self._firsts) + len(self._firsts)


def parse_ranges(text: str) -> Ranges:
    """Read ``5-9,12``; raises ``ProofError``. Nothing is no ranges."""
    found = Ranges()
    for part in text.split(",") if text else ():
        match = _RANGE.fullmatch(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last <= LARGEST:
            raise ProofError(f"{part[:40]!r} is no range of numbers, such as 5-9 or 12.")
        found.add(first, last)
    return found


def format_indexes(leaves: Mapping[int, Ranges]) -> str:
    """Leaves by generation: ``g1:256-511,600``."""
    return " ".join(f"g{generation}:{ranges}" for generation, ranges in sorted(leaves.items()) if ranges)


def parse_indexes(text: str) -> dict[int, Ranges]:
    """Read ``g1:256-511,600``; raises ``ProofError``."""
    found: dict[int, Ranges] = {}
    for part in text.split():
        match = _GENERATION.fullmatch(part)
        if match is None:
            raise ProofError(f"{part[:40]!r} names no leaves of a generation, such as g1:256-511.")
        found.setdefault(int(match[1]), Ranges()).update(parse_ranges(match[2]))
    return found
