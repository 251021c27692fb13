"""Tells of a log whose end is no longer what was sealed: a backup was put back, or somebody has cut or rewritten it."""

from __future__ import annotations

from typing import Final

from signal_log.amounts import counted_are
from signal_log.errors import ProofError
from signal_log.models import SealTile, SealTree, SignalEvent
from signal_log.seal.checkpoint import Checkpoint
from signal_log.seal.merkle import consistency_proof, leaf_hash, root_of, verify_consistency
from signal_log.seal.settled import newest_id
from signal_log.seal.stored import hashes_of, node
from signal_log.seal.tiles import WIDTH

MOST_TILES: Final = 400
"""Of how many tiles the events are looked at, from the end, to tell how many are missing."""
GO_ON: Final = (
    "Find out why: `manage.py signal_verify` tells what differs. If a backup was restored, go on with "
    "`manage.py signal_seal new-generation --reason …`."
)


class AlteredError(ProofError):
    """The log, or its tree, is not what was sealed or signed: nothing must be sealed or signed on top of it."""


def must_end_as_sealed(tree: SealTree) -> None:
    """Raise ``AlteredError`` if the last sealed event is another now, or is missing along with all after it.

    One that is missing while there are later ones may have been pruned; that is ``signal_verify``'s to tell.
    """
    if tree.last_id <= tree.after_id:
        return
    digest = SignalEvent.objects.filter(pk=tree.last_id).values_list("digest", flat=True).first()
    if digest is None:
        newest = newest_id()
        if newest < tree.last_id:
            raise AlteredError(
                f"The log was rewound: {_missing(tree)} missing. The last was event "
                f"{tree.last_id}; the newest that is there is event {newest}. {GO_ON}"
            )
        return
    leaf = _last_leaf(tree)
    if not leaf:
        raise AlteredError(f"The tree was altered: its last tile is missing, or is too short. {GO_ON}")
    if leaf != leaf_hash(bytes(digest)):
        raise AlteredError(
            f"The log was rewound, or rewritten: {_missing(tree)} missing. Event {tree.last_id}, "
            f"the last that was sealed, is another one now. {GO_ON}"
        )


def must_continue(tree: SealTree, known: Checkpoint, whence: str) -> list[bytes]:
    """Prove that a tree has grown from a checkpoint of its own generation, out of its tiles; ``AlteredError``.

    ``whence`` says of the checkpoint who knew it, to go on from "the checkpoint of 5 events".
    """
    if known.size > tree.size:
        raise AlteredError(
            f"The log was rewound: {counted_are(known.size - tree.size, 'sealed event')} missing of the {known.size:,} "
            f"in the checkpoint {whence}. {GO_ON}"
        )
    root = bytes(tree.root)
    try:
        is_whole = root_of(tree.size, node(tree)) == root
        proof = consistency_proof(known.size, tree.size, node(tree))
    except ValueError as error:
        raise AlteredError(f"The tree was altered: {error} {GO_ON}") from None
    if not is_whole:
        raise AlteredError(f"The tree was altered: its root is not that of its tiles. {GO_ON}")
    if not verify_consistency(known.size, tree.size, known.root, root, proof):
        raise AlteredError(
            f"The log was rewound, or rewritten: it did not grow from the {known.size:,} events in the checkpoint "
            f"{whence}. {GO_ON}"
        )
    return proof


def last_unaltered(tree: SealTree, size: int) -> int:
    """Of the rows that were the first ``size`` leaves, the last that still is what it was."""
    tiles = SealTile.objects.filter(tree=tree, level=0, index__lte=max(size - 1, 0) // WIDTH).order_by("-index")
    for tile in tiles.iterator(chunk_size=10):
        leaves = set(hashes_of(tile.hashes)[: min(tile.width, size - tile.index * WIDTH)])
        rows = SignalEvent.objects.filter(pk__gte=tile.first_id or 0, pk__lte=tile.last_id or 0).order_by("-pk")
        for pk, digest in rows.values_list("pk", "digest"):
            if leaf_hash(bytes(digest)) in leaves:
                return int(pk)
    return tree.after_id


def _last_leaf(tree: SealTree) -> bytes:
    index, within = divmod(tree.size - 1, WIDTH)
    hashes = SealTile.objects.filter(tree=tree, level=0, index=index).values_list("hashes", flat=True).first()
    return b"".join(hashes_of(hashes or b"")[within : within + 1])


def _missing(tree: SealTree) -> str:
    """How many leaves from the end on are no event's that is there, as far as is looked."""
    missing = 0
    tiles = SealTile.objects.filter(tree=tree, level=0).order_by("-index")[:MOST_TILES]
    for tile in tiles:
        leaves = hashes_of(tile.hashes)[: tile.width][tree.previous is not None and tile.index == 0 :]
        rows = SignalEvent.objects.filter(pk__gte=tile.first_id or 0, pk__lte=tile.last_id or 0)
        there = {leaf_hash(bytes(digest)) for digest in rows.values_list("digest", flat=True)}
        gone = sum(leaf not in there for leaf in leaves)
        missing += gone
        if not gone or tile.index == 0:
            return counted_are(missing, "sealed event")
    return f"at least {counted_are(missing, 'sealed event')}"
