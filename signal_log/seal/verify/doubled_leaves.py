"""Finds leaves that a tree has twice: no two events are the same, as each has a salt of its own.

Of each leaf eight bytes are remembered, 80 MB for ten million; those that are alike are looked up again.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from sys import byteorder
from typing import Final

from signal_log.models import SealTree
from signal_log.seal.ranges import Ranges
from signal_log.seal.tiles import WIDTH
from signal_log.seal.verify.findings import INSERTED, Report
from signal_log.seal.verify.tiles import StoredTile, tiles_of_level

PARTS: Final = 64
"""So many parts are looked through one after the other, so that little is in memory at once."""


class Twice:
    """The leaves of one tree."""

    def __init__(self, tree: SealTree) -> None:
        self._tree = tree
        self._parts = [array("Q") for _ in range(PARTS)]

    def add(self, tile: StoredTile) -> None:
        """Remember a tile's leaves."""
        parts = self._parts
        for number in memoryview(b"".join([leaf[:8] for leaf in tile.leaves])).cast("Q"):
            parts[number % PARTS].append(number)

    def tell(self, report: Report) -> None:
        """Tell of those that are there twice."""
        alike: set[int] = set()
        for part in self._parts:
            if len(set(part)) < len(part):
                alike.update(number for number, times in Counter(part).items() if times > 1)
        if not alike:
            return
        places: dict[bytes, list[int]] = defaultdict(list)
        for tile in tiles_of_level(self._tree, 0, self._tree.size):
            for at, leaf in enumerate(tile.leaves, tile.index * WIDTH):
                if int.from_bytes(leaf[:8], byteorder) in alike:
                    places[leaf].append(at)
        copies = Ranges.of(at for found in places.values() for at in found[1:])
        if copies:
            are = "1 leaf is the same event" if copies.count == 1 else f"{copies.count:,} leaves are the same events"
            first = Ranges.of(found[0] for found in places.values() if len(found) > 1)
            report.find(
                INSERTED, f"{are} as those at the indexes {first}: copies were inserted, and sealed again.",
                indexes={self._tree.generation: copies},
            )  # fmt: skip
