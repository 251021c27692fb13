"""Goes on after a log was rewound: a new generation, whose first leaf stands for what is known of the one before."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from django.db import transaction

from signal_log.conf import conf
from signal_log.errors import ProofError
from signal_log.models import SealTree
from signal_log.seal.checkpoint import Checkpoint, read_checkpoint
from signal_log.seal.grow import begin_tree
from signal_log.seal.keys.remembered import Remembered, generation_of, log_of, read_remembered
from signal_log.seal.keys.signer import begins
from signal_log.seal.keys.signing import log_vkeys, signing_key
from signal_log.seal.note import signed_by
from signal_log.seal.rewound import last_unaltered
from signal_log.seal.stored import current_tree, newest_checkpoint, trees
from signal_log.seal.verify.acknowledged import acknowledged
from signal_log.seal.verify.left import Left, what_is_left
from signal_log.seal.witness.client import newest_from, witnesses


@dataclass(frozen=True, slots=True)
class Known:
    """The last checkpoint that is known of a log, and who knows it."""

    text: str
    checkpoint: Checkpoint
    whence: str

    @property
    def place(self) -> tuple[int, int]:
        """Its generation and size."""
        return generation_of(self.checkpoint.origin), self.checkpoint.size


def stopped_tree() -> SealTree:
    """The newest generation, which has to be stopped; raises ``ProofError``."""
    tree = current_tree()
    if tree is None:
        raise ProofError("Nothing has been sealed yet, so there is nothing to go on from.")
    if tree.state == SealTree.State.GROWING:
        raise ProofError(
            "Sealing is not stopped: a new generation is for a log that was rewound. If one was, `manage.py "
            "signal_seal` finds it out."
        )
    return tree


def last_known(tree: SealTree, given: bytes | None = None) -> tuple[Known, list[str]]:
    """The latest checkpoint that anybody knows, and who could not be asked, in sentences.

    Asked are the database, the key and the witnesses; ``given`` is one that somebody has kept. ``ProofError`` if that
    is none of this log's.
    """
    found: list[Known] = []
    unasked: list[str] = []
    stored = newest_checkpoint(tree, signed=True)
    if stored is not None:
        found.append(_known(read_remembered(stored.note.encode()), "the database"))
    if given is not None:
        found.append(_known(_own(tree, read_remembered(given)), "the file"))
    try:
        key = signing_key()
        recalled = key.last(tree.origin) if key else None
        begun_after = key.followed(tree.origin) if key else None
        if begun_after is not None and recalled and begins(recalled, recalled.checkpoint.origin, begun_after):
            # Its operator has allowed what is about to be done.
            found.append(Known(begun_after, read_checkpoint(begun_after), "the key"))
        elif recalled is not None:
            found.append(_known(recalled, "the key"))
    except ProofError as error:
        unasked.append(str(error))
    for one in witnesses():
        try:
            newest = newest_from(one.url, one.key, max(found, key=_place).checkpoint.origin if found else tree.origin)
        except ProofError as error:
            unasked.append(f"The witness {one.name}: {error}")
            continue
        if newest is not None:
            found.append(Known(newest.note.text, newest.checkpoint, f"the witness {one.name}"))
    if not found:
        stated = Checkpoint(tree.origin, tree.size, bytes(tree.root))
        found = [Known(stated.text, stated, "the tree in the database, which was never signed")]
    return max(found, key=_place), unasked


def begin_generation(tree: SealTree, known: Known) -> tuple[SealTree, Left]:
    """Close a stopped tree, and begin the next; its rows are those after the last one that is as it was signed.

    What was left is for an event to tell, in the same transaction.

    Raises ``ProofError``, also if the key does not begin it: what a key has not begun, it does not sign.
    """
    signed = newest_checkpoint(tree, signed=True)
    after_id = last_unaltered(tree, signed.size if signed else tree.size)
    left = what_is_left(tree, after_id, acknowledged(list(trees())))
    generation = max(tree.generation, known.place[0]) + 1
    with transaction.atomic(using=conf.DATABASE):
        closed = SealTree.objects.filter(pk=tree.pk, state=tree.state)
        if not closed.update(state=SealTree.State.CLOSED):
            raise ProofError("Somebody else has begun a new generation.")
        begun = begin_tree(
            f"{log_of(tree.origin)}/{generation}",
            generation,
            after_id=after_id,
            previous=sha256(known.text.encode()).digest(),
        )
        if (key := signing_key()) is not None:
            key.begin(begun.origin, known.text)
        return begun, left


def _place(known: Known) -> tuple[int, int]:
    return known.place


def _known(remembered: Remembered, whence: str) -> Known:
    return Known(remembered.note.text, remembered.checkpoint, whence)


def _own(tree: SealTree, remembered: Remembered) -> Remembered:
    """A checkpoint that is this log's, as far as its keys can tell."""
    origin = remembered.checkpoint.origin
    if log_of(origin) != log_of(tree.origin):
        raise ProofError(f"The checkpoint is another log's, {origin}; this one is {tree.origin}.")
    keys = log_vkeys(origin)
    if keys and not signed_by(remembered.note, keys):
        raise ProofError("The checkpoint is signed by none of the keys in SEAL_KEYS.")
    return remembered
