"""One step of a tree's growth: rows become leaves, tiles and a new root, by compare-and-swap.

Rows and tiles are read before the transaction, in which first of all the tree's row is changed where it still has the
state that was read. So of two sealers one wins, and on SQLite the write lock is held for a moment only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from django.db import connections, transaction
from django.db.models import QuerySet

from signal_log import clock
from signal_log.conf import conf
from signal_log.errors import SignalLogError
from signal_log.models import SealCheckpoint, SealTile, SealTree, SignalEvent
from signal_log.seal.merkle import EMPTY_ROOT, HASH_BYTES, joined, leaf_hash
from signal_log.seal.stored import hashes_of, newest_checkpoint
from signal_log.seal.tiles import HEIGHT, WIDTH, subtrees_of, tile_root

ROWS_A_STEP: Final = 32 * WIDTH

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
    if rows > WIDTH:
        rows -= (tree.size + rows) % WIDTH  # steps end with whole tiles, so that the next writes none of them again
    with connections[conf.DATABASE].cursor() as cursor:
        table = connections[conf.DATABASE].ops.quote_name(SignalEvent._meta.db_table)
        cursor.execute(
            f"SELECT id, digest FROM {table} WHERE id > %s AND id <= %s ORDER BY id LIMIT {int(rows)}",  # noqa: S608
            [tree.last_id, settled],
        )
        leaves: list[Leaf] = [(pk, sha256(b"\x00" + digest).digest()) for pk, digest in cursor.fetchall()]
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
    size = tree.size + len(leaves)
    tiles = _tiles(tree, leaves)
    subtrees = _subtrees(tree, size, tiles)
    new = {
        "size": size,
        "root": joined(subtrees),
        "subtrees": b"".join(subtrees),
        "last_id": leaves[-1][0] or tree.last_id,
        "grown_at": clock.now(),
    }
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
    level, size, added = 0, tree.size, [hashed for _, hashed in leaves]
    while added:
        tiles = _longer(tree, level, size, added)
        changed += tiles
        size, added = size // WIDTH, [tile_root(hashes_of(tile.hashes)) for tile in tiles if tile.width == WIDTH]
        level += 1
    _name_rows(changed, tree.size, [pk for pk, _ in leaves])
    return changed


def _longer(tree: SealTree, level: int, size: int, added: Sequence[bytes]) -> list[SealTile]:
    """The tiles of one level, which had ``size`` hashes."""
    tiles: list[SealTile] = []
    index, width = divmod(size, WIDTH)
    at = 0
    while at < len(added):
        more = added[at : at + WIDTH - width]
        at += len(more)
        if width:
            tile = SealTile.objects.using(conf.DATABASE).get(tree=tree, level=level, index=index)
            tile.hashes = bytes(tile.hashes)[: width * HASH_BYTES] + b"".join(more)
        else:
            tile = SealTile(tree=tree, level=level, index=index, hashes=b"".join(more))
        tile.width = width + len(more)
        tiles.append(tile)
        index, width = index + 1, 0
    return tiles


def _name_rows(tiles: Iterable[SealTile], size: int, pks: Sequence[int | None]) -> None:
    """Say on tiles of level 0 which row is their first and which their last."""
    for tile in tiles:
        if tile.level == 0:
            end = tile.index * WIDTH + tile.width - size
            rows = [pk for pk in pks[max(end - tile.width, 0) : end] if pk is not None]
            if rows:
                tile.first_id = tile.first_id or rows[0]
                tile.last_id = rows[-1]


def _subtrees(tree: SealTree, size: int, tiles: Iterable[SealTile]) -> list[bytes]:
    """The complete subtrees of the grown tree: on each level those of its last tile, while that is not full."""
    lasts = {tile.level: tile for tile in tiles if tile.width < WIDTH}
    before, parts = hashes_of(tree.subtrees), []
    for level in range((tree.size.bit_length() + HEIGHT - 1) // HEIGHT):
        kept = (tree.size >> HEIGHT * level) % WIDTH
        parts.append(before[len(before) - kept.bit_count() :])
        del before[len(before) - kept.bit_count() :]
    for level in range((size.bit_length() + HEIGHT - 1) // HEIGHT):
        if level == len(parts):
            parts.append([])
        if (size >> HEIGHT * level) % WIDTH == 0:
            parts[level] = []
        elif level in lasts:
            parts[level] = subtrees_of(hashes_of(lasts[level].hashes))
    return [one for part in reversed(parts) for one in part]
