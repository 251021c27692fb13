"""Reads a tree's tiles in order, and what each should be according to the tree's size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from signal_log.models import SealTile, SealTree
from signal_log.seal.merkle import HASH_BYTES, leaf_hash
from signal_log.seal.stored import hashes_of
from signal_log.seal.tiles import HEIGHT, WIDTH

AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class StoredTile:
    """A tile as far as the tree's size reaches."""

    index: int
    leaves: list[bytes]
    """Fewer than the tree needs if the tile is damaged, or gone."""
    needed: int
    is_damaged: bool
    """Whether the stored bytes are not whole hashes, or not as many as the tile says."""
    first_id: int | None
    last_id: int | None

    @property
    def is_whole(self) -> bool:
        """Whether every hash is there that the tree needs."""
        return len(self.leaves) == self.needed


def width_at(level: int, index: int, size: int) -> int:
    """How many hashes a tile has in a tree of this size."""
    return max(0, min(WIDTH, (size >> HEIGHT * level) - index * WIDTH))


def tiles_of_level(
    tree: SealTree, level: int, size: int, begin: int = 0, end: int | None = None
) -> Iterator[StoredTile]:
    """Every tile from ``begin`` to below ``end`` that a tree of this size has; one that is gone has no hashes."""
    number = -(-(size >> HEIGHT * level) // WIDTH)
    end = number if end is None else min(end, number)
    at = begin
    names = ("index", "width", "hashes", "first_id", "last_id")
    while at < end:
        found = SealTile.objects.filter(tree=tree, level=level, index__gte=at, index__lt=min(end, at + AT_ONCE))
        stored = {row[0]: row for row in found.values_list(*names)}
        for index in range(at, min(end, at + AT_ONCE)):
            _, width, content, first, last = stored.get(index, (index, 0, b"", None, None))
            needed = width_at(level, index, size)
            content = bytes(content)
            damaged = index in stored and len(content) != width * HASH_BYTES
            yield StoredTile(index, hashes_of(content[: needed * HASH_BYTES]) if not damaged else [],
                             needed, damaged, first, last)  # fmt: skip
        at += AT_ONCE


def previous_leaf(tree: SealTree) -> bytes | None:
    """The first leaf of a generation after the first."""
    return leaf_hash(bytes(tree.previous)) if tree.previous is not None else None
