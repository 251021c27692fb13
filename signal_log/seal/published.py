"""What a tree publishes (c2sp.org/tlog-tiles): its last signed checkpoint, tiles and bundles of entries, as bytes."""

from __future__ import annotations

from signal_log.errors import ProofError
from signal_log.models import SealTile, SealTree, SignalEvent
from signal_log.seal.merkle import HASH_BYTES, leaf_hash
from signal_log.seal.stored import hashes_of, newest_checkpoint
from signal_log.seal.tiles import Tile, bundle, read_path

CHECKPOINT = "checkpoint"


def content_of(tree: SealTree, path: str) -> bytes | None:
    """What stands at a path below the tree's address; None if nothing does, as for entries that were pruned.

    Raises ``ProofError`` for a bundle whose rows are no longer those that were sealed.
    """
    if path == CHECKPOINT:
        last = newest_checkpoint(tree, signed=True)
        return last.note.encode() if last else None
    named = read_path(path)
    if named is None:
        return None
    return tile_content(tree, named) if named.level >= 0 else bundle_content(tree, named.index, named.width)


def tile_content(tree: SealTree, tile: Tile) -> bytes | None:
    """The hashes of a tile, also of one that has become wider since; None if it never was so wide."""
    stored = _stored(tree, tile.level, tile.index)
    if stored is None or stored.width < tile.width:
        return None
    return bytes(stored.hashes)[: tile.width * HASH_BYTES]


def bundle_content(tree: SealTree, index: int, width: int) -> bytes | None:
    """The entries below a tile of level 0, which are digests; None where some were pruned, or never were there.

    Raises ``ProofError`` if a digest is not the one that was sealed.
    """
    stored = _stored(tree, 0, index)
    if stored is None or stored.width < width:
        return None
    hashes = hashes_of(stored.hashes)
    entries = [bytes(tree.previous)] if index == 0 and tree.previous is not None else []
    rows = SignalEvent.objects.filter(pk__gt=tree.after_id, pk__gte=stored.first_id or 0, pk__lte=stored.last_id or 0)
    entries += [bytes(digest) for digest in rows.order_by("pk").values_list("digest", flat=True)[: stored.width]]
    sealed = set(hashes)
    if any(leaf_hash(entry) not in sealed for entry in entries):
        raise ProofError(
            f"Events from {stored.first_id} to {stored.last_id} are not as they were sealed. `manage.py signal_verify` "
            "names them."
        )
    return bundle(entries[:width]) if len(entries) == stored.width else None


def _stored(tree: SealTree, level: int, index: int) -> SealTile | None:
    return SealTile.objects.filter(tree=tree, level=level, index=index).first()
