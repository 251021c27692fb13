"""Finds out whether a tile of leaves was altered, and not its rows: these give what stands above it."""

from __future__ import annotations

from collections.abc import Sequence

from signal_log.models import SealTile, SealTree
from signal_log.seal.merkle import Tree, joined
from signal_log.seal.stored import hashes_of, node
from signal_log.seal.tiles import HEIGHT, WIDTH
from signal_log.seal.verify.rows import rows_between
from signal_log.seal.verify.tiles import StoredTile, previous_leaf


class Above:
    """What the tiles above the leaves say, and the tree's row, if these agree with each other."""

    def __init__(self, tree: SealTree) -> None:
        self._tree = tree
        self._stored = hashes_of(tree.subtrees)
        self._is_sound: bool | None = None

    def gives(self, index: int, leaves: Sequence[bytes | None]) -> bool:
        """Whether these are the leaves of the tile with this index."""
        inner = Tree()
        for leaf in leaves:
            if leaf is None:
                return False
            inner.append(leaf)
        return bool(leaves) and inner.subtrees == self._of(index) and self.is_sound

    def rows_of(self, tile: StoredTile) -> list[bytes] | None:
        """The leaves that a tile's rows give, if they are what stands above it; the tile's ids are only hints."""
        if not self.is_sound or not self._of(tile.index):
            return None
        tiles = SealTile.objects.filter(tree=self._tree, level=0)
        low = tiles.filter(index=tile.index - 1).values_list("last_id", flat=True).first()
        high = tiles.filter(index=tile.index + 1).values_list("first_id", flat=True).first()
        previous = previous_leaf(self._tree) if tile.index == 0 else None
        found: list[bytes | None] = [previous] if previous else []
        for page in rows_between(low or self._tree.after_id, high - 1 if high else self._tree.last_id):
            found += page.leaves
            if len(found) > tile.needed:
                return None
        if len(found) != tile.needed or not self.gives(tile.index, found):
            return None
        return [leaf for leaf in found if leaf is not None]

    @property
    def is_sound(self) -> bool:
        """Whether root, subtrees and the tiles above the leaves agree, so that they can speak against a tile."""
        if self._is_sound is None:
            self._is_sound = joined(self._stored) == bytes(self._tree.root) and self._agrees()
        return self._is_sound

    def _of(self, index: int) -> list[bytes] | None:
        """The hashes above a tile: one, or, of the last, those of the tree's row."""
        if (index + 1) * WIDTH > self._tree.size:
            return self._stored[-(self._tree.size % WIDTH).bit_count() :]
        try:
            return [node(self._tree)(HEIGHT, index)]
        except ValueError:
            return None

    def _agrees(self) -> bool:
        at, stored, read = 0, iter(self._stored), node(self._tree)
        try:
            for level in reversed(range(self._tree.size.bit_length())):
                if not self._tree.size >> level & 1:
                    continue
                hashed = next(stored)
                if level >= HEIGHT and read(level, at >> level) != hashed:
                    return False
                at += 1 << level
        except (ValueError, StopIteration):
            return False
        return True
