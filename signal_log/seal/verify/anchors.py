"""Ids that sealed events name, with the leaves that they belong to: no row between them may have another's (pure).

An id is in no hash. But rows stand in the tree in the order of their ids: a row that stands above so many leaves that
events name has an id above as many ids that they name.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from signal_log.seal.named_leaves import NamedLeaves
from signal_log.seal.ranges import Ranges

Pair = tuple[int, int]
"""A row's id and its index."""


class _Ranked:
    """Numbers, of which it is quickly told how many are below another."""

    def __init__(self, numbers: Ranges) -> None:
        ranges = list(numbers)
        self._firsts = [first for first, _ in ranges]
        self._lasts = [last for _, last in ranges]
        self._below = [0, *accumulate(last - first + 1 for first, last in ranges)]

    def rank(self, number: int) -> Pair:
        """How many are below a number, and how many are not above it."""
        at = bisect_left(self._lasts, number)
        if at == len(self._lasts) or number < self._firsts[at]:
            return self._below[at], self._below[at]
        rank = self._below[at] + number - self._firsts[at]
        return rank, rank + 1


class Anchors:
    """What events name, by generation."""

    def __init__(self) -> None:
        self._named: dict[int, tuple[Ranges, Ranges]] = {}
        self._ranked: dict[int, tuple[_Ranked, _Ranked]] = {}

    def add(self, leaves: NamedLeaves) -> None:
        """Add what one event names."""
        for generation, ids, indexes in leaves.by_generation():
            named = self._named.setdefault(generation, (Ranges(), Ranges()))
            named[0].update(ids)
            named[1].update(indexes)
            self._ranked.pop(generation, None)

    def moved(self, generation: int, numbers: Sequence[int], indexes: Sequence[int]) -> list[Pair]:
        """Those of some rows, in order, whose ids do not fit their places."""
        ranked = self._of(generation)
        if ranked is None or not numbers:
            return []
        ids, leaves = ranked
        ends = [(ids.rank(numbers[at]), leaves.rank(indexes[at])) for at in (0, -1)]
        if all(one == other for one, other in ends) and ends[0][0][1] == ends[1][0][0]:
            return []  # none is named between the two
        pairs = zip(numbers, indexes, strict=True)
        return [(number, index) for number, index in pairs if ids.rank(number) != leaves.rank(index)]

    def _of(self, generation: int) -> tuple[_Ranked, _Ranked] | None:
        named = self._named.get(generation)
        if named is None:
            return None
        if generation not in self._ranked:
            self._ranked[generation] = _Ranked(named[0]), _Ranked(named[1])
        return self._ranked[generation]
