"""Finds out what happened to the rows of one tile: which are modified, missing, inserted or moved (pure; no Django)."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

from signal_log.seal.ranges import Ranges


class RowLike(Protocol):
    """A row, as ``rows.Row``."""

    @property
    def id(self) -> int:
        """Its key."""

    @property
    def leaf(self) -> bytes | None:
        """The leaf's hash that its values give."""

    @property
    def stored(self) -> bytes:
        """The one that its stored digest gives."""


@dataclass(frozen=True, slots=True)
class Modified:
    """A row that stands where a leaf does, and is not what was sealed there."""

    id: int
    index: int
    leaf: bytes | None
    """What the row gives now."""
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """A leaf without a row, and between which ids the row would have to be."""

    index: int
    above: int
    below: int
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Moved:
    """A row with the content that was sealed at this index, where another should be."""

    id: int
    index: int


@dataclass(frozen=True, slots=True)
class Extra:
    """A row that was never sealed here."""

    id: int
    leaf: bytes | None


@dataclass(slots=True)
class Matched:
    """What is wrong with the rows of a tile."""

    modified: list[Modified] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)
    extra: list[Extra] = field(default_factory=list)


def match(
    first: int, leaves: Sequence[bytes], rows: Sequence[RowLike], above: int, below: int, pruned: Ranges | None = None
) -> Matched:
    """Compare rows, in order of id, with the leaves from index ``first`` on.

    ``above`` and ``below`` are the ids between which the tile's rows are; no row is looked for at a ``pruned`` index.
    """
    found = Matched()
    at = {leaf: place for place, leaf in enumerate(leaves)}
    places = [at.get(row.leaf) if row.leaf is not None else None for row in rows]
    places = [at.get(row.stored) if place is None else place for row, place in zip(rows, places, strict=True)]
    places = _without_copies(places)
    moved = _out_of_order(places)
    found.moved = [Moved(rows[which].id, first + _known(places[which])) for which in sorted(moved)]
    anchors = [(-1, -1)]
    anchors += [(which, place) for which, place in enumerate(places) if place is not None and which not in moved]
    anchors.append((len(rows), len(leaves)))
    elsewhere = {places[which] for which in moved}
    for (row, place), (next_row, next_place) in pairwise(anchors):
        if row >= 0 and rows[row].leaf != leaves[place]:
            found.modified.append(Modified(rows[row].id, first + place, rows[row].leaf, leaves[place]))
        others = [which for which in range(row + 1, next_row) if which not in moved]
        empty = [one for one in range(place + 1, next_place) if one not in elsewhere]
        unfilled = [one for one in empty if pruned is None or first + one not in pruned]
        low = rows[row].id if row >= 0 else above
        high = rows[next_row].id if next_row < len(rows) else below
        for which, one in zip(others, unfilled, strict=False):
            found.modified.append(Modified(rows[which].id, first + one, rows[which].leaf, leaves[one]))
        filled = unfilled[: len(others)]
        found.lost += [Lost(first + one, low, high, leaves[one]) for one in empty if one not in filled]
        found.extra += [Extra(rows[which].id, rows[which].leaf) for which in others[len(unfilled) :]]
    return found


def _without_copies(places: Sequence[int | None]) -> list[int | None]:
    """Of several rows with the content of one leaf only the one that stands best in order has it."""
    number = Counter(place for place in places if place is not None)
    if len(number) == number.total():
        return list(places)
    alone = [(which, place) for which, place in enumerate(places) if place is not None and number[place] == 1]
    best: dict[int, tuple[int, int, int]] = {}
    for which, place in enumerate(places):
        if place is not None:
            disorder = sum((which < other) != (place < its) for other, its in alone if other != which)
            best[place] = min(best.get(place, (len(places), 0, 0)), (disorder, abs(which - place), which))
    return [place if place is not None and best[place][2] == which else None for which, place in enumerate(places)]


def _known(place: int | None) -> int:
    assert place is not None  # noqa: S101  only rows with a place can be out of order
    return place


def _out_of_order(places: Sequence[int | None]) -> set[int]:
    """Which rows stand where another should: both of two that were exchanged, or the fewest that were moved."""
    known = [(which, place) for which, place in enumerate(places) if place is not None]
    order = [place for _, place in known]
    if all(one < other for one, other in pairwise(order)):
        return set()
    exchanged = {which for (which, place), right in zip(known, sorted(order), strict=True) if place != right}
    kept = set(_longest_rise(order))
    fewest = {which for at, (which, _) in enumerate(known) if at not in kept}
    return exchanged if len(exchanged) <= 2 * len(fewest) else fewest


def _longest_rise(numbers: Sequence[int]) -> Iterable[int]:
    """Where the numbers of a longest rising subsequence stand."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for at, number in enumerate(numbers):
        place = bisect_left(tails, number)
        before.append(ends[place - 1] if place else -1)
        tails[place : place + 1] = [number]
        ends[place : place + 1] = [at]
    at = ends[-1] if ends else -1
    while at >= 0:
        yield at
        at = before[at]
