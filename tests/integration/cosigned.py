"""A log of a few events, whose checkpoints witnesses are asked to countersign."""

from __future__ import annotations

from signal_log.models import SealCheckpoint, SealTree, SealWitness
from signal_log.seal.checkpoint import Checkpoint
from signal_log.seal.grow import begin_tree, checkpoint, grow
from signal_log.seal.keys.key import new_signer
from signal_log.seal.note import ED25519, Note
from tests.integration.test_tree_in_database import store
from tests.witnessing import ORIGIN

LOG = new_signer(ORIGIN, ED25519)


KEYS = [LOG.vkey()]


def tree_of(events: int) -> SealTree:
    """The tree over new events."""
    tree = SealTree.objects.first() or begin_tree(ORIGIN)
    store(events)
    while grow(tree, 2**62):
        pass
    return tree


def signed(tree: SealTree) -> SealCheckpoint:
    """A new checkpoint, signed."""
    made = checkpoint(tree) or SealCheckpoint.objects.order_by("-number")[0]
    text = Checkpoint(tree.origin, made.size, bytes(made.root)).text
    made.note = Note(text).signed(LOG.sign(text)).encode().decode()
    made.save()
    return made


def said(name: str = "witness.example/w1") -> SealWitness:
    """What a witness said."""
    return SealWitness.objects.get(name=name)
