"""The trees in the database: their tiles, where an event stands in one, and its proof."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from django.db.models import QuerySet

from signal_log.conf import conf
from signal_log.models import SealCheckpoint, SealTile, SealTree, SignalEvent
from signal_log.seal.canonical import stored_bytes
from signal_log.seal.merkle import HASH_BYTES, Node, inclusion_proof, leaf_hash
from signal_log.seal.ranges import LARGEST
from signal_log.seal.tiles import WIDTH, node_in

KEPT: Final = 64
"""How many tiles one reader keeps."""


class Place(NamedTuple):
    """Where an event stands: the leaf of a tree."""

    tree: SealTree
    leaf: int
    """Its index, from 0."""


class Inclusion(NamedTuple):
    """What shows that an event is in a checkpoint's tree."""

    place: Place
    checkpoint: SealCheckpoint
    proof: list[bytes]


def trees() -> QuerySet[SealTree]:
    """All generations, oldest first."""
    return SealTree.objects.order_by("generation")


def current_tree() -> SealTree | None:
    """The newest generation; None before anything was sealed."""
    return SealTree.objects.order_by("-generation").first()


def names_of_log() -> list[str]:
    """What the log is called, whatever the generation, and what it was called before; the newest last."""
    return list(dict.fromkeys(origin.rpartition("/")[0] for origin in trees().values_list("origin", flat=True)))


class Tiles:
    """Reads the tiles of one tree, and keeps a few; they only ever grow to the right."""

    def __init__(self, tree: SealTree) -> None:
        self._tiles = SealTile.objects.filter(tree=tree)
        self._kept: dict[tuple[int, int], list[bytes]] = {}

    def read(self, level: int, index: int) -> Sequence[bytes]:
        """The hashes that a tile has; none if it is not there."""
        key = level, index
        if key not in self._kept:
            found = self._tiles.filter(level=level, index=index).values_list("hashes", flat=True).first()
            while len(self._kept) >= KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = hashes_of(found or b"")
        return self._kept[key]


def node(tree: SealTree) -> Node:
    """The hashes of a tree's complete subtrees, for roots and proofs of any size that it has had.

    They raise ``ValueError`` where a tile is missing or too short.
    """
    return node_in(Tiles(tree).read)


class Places:
    """Finds where events stand; of many in the order of their ids each tile is read once."""

    def __init__(self) -> None:
        self._trees = list(trees())
        self._tile: SealTile | None = None
        self._leaves: dict[bytes, int] = {}

    def of(self, number: int, digest: bytes) -> Place | None:
        """The place of an event, by its id and digest; None if it is not sealed yet, or if no leaf is its digest's."""
        # A generation that follows a rewound one may have ids that were the old one's, too.
        tree = next((one for one in reversed(self._trees) if one.after_id < number), None)
        if tree is None:
            return None
        if not self._has(tree, number):
            below = SealTile.objects.filter(tree=tree, level=0, last_id__gte=number)
            self._tile = below.order_by("last_id").first()
            self._leaves = {}
            for within, leaf in enumerate(hashes_of(self._tile.hashes) if self._tile else ()):
                self._leaves.setdefault(leaf, within)
        within_tile = self._leaves.get(leaf_hash(digest)) if self._has(tree, number) else None
        return Place(tree, self._tile.index * WIDTH + within_tile) if self._tile and within_tile is not None else None

    def _has(self, tree: SealTree, number: int) -> bool:
        tile = self._tile
        return (
            tile is not None and tile.tree_id == tree.pk and (tile.first_id or LARGEST) <= number <= (tile.last_id or 0)
        )


def place_of(event: SignalEvent) -> Place | None:
    """Where an event stands; None if it is not sealed yet, or if no leaf is its digest's."""
    return Places().of(event.pk, stored_bytes(event.digest))


def newest_checkpoint(tree: SealTree, *, signed: bool = False) -> SealCheckpoint | None:
    """The last checkpoint of a tree; with ``signed``, the last that carries the log's signature."""
    found = SealCheckpoint.objects.filter(tree=tree)
    if signed:
        found = found.exclude(note="")
    return found.order_by("-number").first()


def sealed_size(tree: SealTree) -> int:
    """Up to which leaf events count as sealed: with a key, what a signed checkpoint states."""
    signed = newest_checkpoint(tree, signed=True)
    if signed is not None:
        return min(signed.size, tree.size)
    return 0 if conf.SEAL_KEYS else tree.size


def inclusion(event: SignalEvent) -> Inclusion | None:
    """An event's proof against the newest signed checkpoint; None while there is none that it is in."""
    place = place_of(event)
    checkpoint = newest_checkpoint(place.tree, signed=True) if place else None
    if place is None or checkpoint is None or checkpoint.size <= place.leaf:
        return None
    return Inclusion(place, checkpoint, inclusion_proof(place.leaf, checkpoint.size, node(place.tree)))


def hashes_of(stored: bytes | memoryview) -> list[bytes]:
    """The hashes in a column of a tile or a tree."""
    content = bytes(stored)
    return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]
