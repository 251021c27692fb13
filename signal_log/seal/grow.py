"""One step of a tree's growth: rows become leaves, tiles and a new root, by compare-and-swap.

Rows and tiles are read before the transaction, in which first of all the tree's row is changed where it still has the
state that was read. So of two sealers one wins, and on SQLite the write lock is held for a moment only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from signal_log import clock
from signal_log.conf import conf
from signal_log.errors import SignalLogError
from signal_log.models import SealCheckpoint, SealTile, SealTree, SignalEvent
from signal_log.seal.merkle import EMPTY_ROOT, HASH_BYTES, Tree, leaf_hash
from signal_log.seal.stored import hashes_of, newest_checkpoint
from signal_log.seal.tiles import WIDTH, tile_root

ROWS_A_STEP: Final = 16 * WIDTH

Leaf = tuple[int | None, bytes]
"""A row's id (None: the leaf stands for the generation before) and the leaf's hash."""


class OvertakenError(SignalLogError):
    """Another sealer has changed the tree in between; what was computed is discarded."""


def begin_tree(origin: str, generation: int = 1, *, after_id: int = 0, previous: bytes | None = None) -> SealTree:
    """A new generation, which has no leaves but the one that stands for the one before."""
    now = clock.now()
    tree = SealTree(
        generation=generation, origin=origin, root=EMPTY_ROOT, after_id=after_id, last_id=after_id, previous=previous,
        begun_at=now, grown_at=now,
    )  # fmt: skip
    with transaction.atomic(using=conf.DATABASE):
        tree.save(using=conf.DATABASE, force_insert=True)
        if previous is not None:
            _swap(tree, [(None, leaf_hash(previous))])
    return tree


def grow(tree: SealTree, settled: int, rows: int = ROWS_A_STEP) -> int:
    """Add the next rows up to the id below which no row can still appear; returns how many.

    ``tree`` then has its new state. Raises ``OvertakenError`` if it had not the state that the database has.
    """
    found = SignalEvent.objects.filter(pk__gt=tree.last_id, pk__lte=settled).order_by("pk")
    leaves: list[Leaf] = [(pk, leaf_hash(bytes(digest))) for pk, digest in found.values_list("pk", "digest")[:rows]]
    if leaves:
        _swap(tree, leaves)
    return len(leaves)


def checkpoint(tree: SealTree) -> SealCheckpoint | None:
    """State the tree's present size and root, not signed yet; None if the last checkpoint has that size.

    Only the last can be unsigned: it is made to state the new size, rather than followed by another. Raises
    ``OvertakenError`` if the tree has grown meanwhile, or somebody else stated it.
    """
    last = newest_checkpoint(tree)
    if last is not None and last.size == tree.size:
        return last if not last.note else None
    stated = {"size": tree.size, "root": bytes(tree.root), "made_at": clock.now()}
    with transaction.atomic(using=conf.DATABASE):
        if not _same_state(tree).update(grown_at=tree.grown_at):
            raise OvertakenError(f"{tree} has grown meanwhile.")
        made = SealCheckpoint.objects.using(conf.DATABASE).filter(tree=tree, note="")
        if last is not None and not last.note:
            if not made.filter(pk=last.pk, size=last.size).update(**stated):
                raise OvertakenError(f"Checkpoint {last.number} of {tree} is another by now.")
            return made.get(pk=last.pk)
        one, is_new = SealCheckpoint.objects.using(conf.DATABASE).get_or_create(
            tree=tree, number=last.number + 1 if last else 1, defaults=stated
        )
    if not is_new:
        raise OvertakenError(f"{tree} has another checkpoint {one.number} by now.")
    return one


def _swap(tree: SealTree, leaves: Sequence[Leaf]) -> None:
    """Change the tree's row and its tiles, if it still is in the state given."""
    grown = Tree(tree.size, hashes_of(tree.subtrees))
    for _, leaf in leaves:
        grown.append(leaf)
    new = {
        "size": grown.size,
        "root": grown.root(),
        "subtrees": b"".join(grown.subtrees),
        "last_id": leaves[-1][0] or tree.last_id,
        "grown_at": clock.now(),
    }
    tiles = _tiles(tree, leaves)
    with transaction.atomic(using=conf.DATABASE):
        if not _same_state(tree).filter(state=SealTree.State.GROWING).update(**new):
            raise OvertakenError(f"{tree} has grown, or was stopped, meanwhile.")
        SealTile.objects.using(conf.DATABASE).bulk_create(
            tiles,
            update_conflicts=True,
            unique_fields=("tree", "level", "index"),
            update_fields=("width", "hashes", "first_id", "last_id"),
        )
    for name, value in new.items():
        setattr(tree, name, value)


def _same_state(tree: SealTree) -> QuerySet[SealTree]:
    return SealTree.objects.using(conf.DATABASE).filter(
        pk=tree.pk, size=tree.size, root=bytes(tree.root), last_id=tree.last_id
    )


def _tiles(tree: SealTree, leaves: Sequence[Leaf]) -> list[SealTile]:
    """The tiles that become longer, on every level, as they are afterwards."""
    changed: list[SealTile] = []
    level, size, added = 0, tree.size, list(leaves)
    while added:
        tiles = _longer(tree, level, size, added)
        changed += tiles
        full = [tile for tile in tiles if tile.width == WIDTH]
        size, added = size // WIDTH, [(None, tile_root(hashes_of(tile.hashes))) for tile in full]
        level += 1
    return changed


def _longer(tree: SealTree, level: int, size: int, added: Iterable[Leaf]) -> list[SealTile]:
    """The tiles of one level, which had ``size`` hashes."""
    tiles: list[SealTile] = []
    index, width = divmod(size, WIDTH)
    if width:
        tiles.append(SealTile.objects.using(conf.DATABASE).get(tree=tree, level=level, index=index))
        tiles[-1].hashes = bytes(tiles[-1].hashes)[: width * HASH_BYTES]
        tiles[-1].width = width
    for pk, hashed in added:
        if not tiles or tiles[-1].width == WIDTH:
            tiles.append(SealTile(tree=tree, level=level, index=index + len(tiles), width=0, hashes=b""))
        tile = tiles[-1]
        tile.hashes = bytes(tile.hashes) + hashed
        tile.width += 1
        if pk is not None:
            tile.first_id = tile.first_id or pk
            tile.last_id = pk
    return tiles
