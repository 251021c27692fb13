"""What a witness knows of the log and the log does not: it was rewound, rewritten, or the witness forgot."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from signal_log import clock
from signal_log.audit.forgetful_witness import tell_of_forgotten
from signal_log.audit.own_events import SEALED
from signal_log.models import SealCheckpoint, SealTile, SealTree, SealWitness, SignalEvent
from signal_log.seal.checkpoint import Checkpoint
from signal_log.seal.grow import begin_tree, grow
from signal_log.seal.keys.key import new_signer
from signal_log.seal.note import ED25519, Note, read_note
from signal_log.seal.witness import visit as witness_visit
from signal_log.seal.witness.client import cosign, shown_against
from tests.integration.cosigned import KEYS, LOG, said, signed, tree_of
from tests.witnessing import ORIGIN, MemoryWitness, new_witness

pytestmark = pytest.mark.django_db


def test_rewound(use: Any, witness: MemoryWitness):
    """A witness that has countersigned more than there is: how much is missing, with the checkpoint that shows it."""
    use(witness)
    tree = tree_of(9)
    whole = signed(tree)
    cosign(tree, whole, KEYS)
    SealCheckpoint.objects.all().delete()
    SealTile.objects.all().delete()
    SealTree.objects.all().delete()
    shorter = begin_tree(ORIGIN)
    grow(shorter, 2**62, 6)
    made = signed(shorter)
    found = cosign(shorter, made, KEYS)
    assert (found.kind, found.size, found.missing, found.witness) == ("rewound", 9, 3, "witness.example/w1")
    assert found.shown.note.text == read_note(whole.note.encode()).text
    assert str(found) == said().problem
    assert str(found) == (
        "The log was rewound: the witness witness.example/w1 has countersigned 9 events, of which 3 are missing."
    )
    assert len(read_note(made.note.encode()).signatures) == 1
    witness.notes[ORIGIN] = Note(witness.notes[ORIGIN].text, witness.notes[ORIGIN].signatures[1:])
    unshown = cosign(shorter, made, KEYS)
    assert (unshown.kind, unshown.missing, unshown.shown) == ("rewound", 3, None)
    assert str(unshown).endswith("are missing. It does not show that checkpoint itself.")


def test_rewritten(use: Any, witness: MemoryWitness):
    """A tree of the same size or a larger one that does not begin as what was countersigned."""
    use(witness)
    tree = tree_of(9)
    cosign(tree, signed(tree), KEYS)
    SealTile.objects.filter(level=0).update(hashes=bytes(range(32)) * 9)
    tree.refresh_from_db()
    root = witness_visit.root_of(9, witness_visit.node(tree))
    SealTree.objects.update(root=root, subtrees=bytes(range(32)))
    SealCheckpoint.objects.update(root=root)
    made = SealCheckpoint.objects.get()
    text = Checkpoint(tree.origin, 9, root).text
    made.note = Note(text).signed(LOG.sign(text)).encode().decode()
    found = cosign(tree, made, KEYS)
    assert (found.kind, found.size, found.missing) == ("rewritten", 9, 0)
    assert found.shown.checkpoint.root == witness.held(ORIGIN).root
    assert str(found) == said().problem
    assert "are not the first ones of the 9 here" in str(found)
    assert len(read_note(made.note.encode()).signatures) == 1


def test_rewound_and_gone_on(use: Any, witness: MemoryWitness):
    """A backup that is larger by now than what was lost: missing is what came after the last that it remembers."""
    use(witness)
    tree = tree_of(5)
    cosign(tree, signed(tree), KEYS)
    lost = Note(Checkpoint(ORIGIN, 9, bytes(range(32))).text)
    witness.notes[ORIGIN] = lost.signed(LOG.sign(lost.text), witness.signer.cosign(lost.text, witness.time))
    tree = tree_of(7)
    found = cosign(tree, signed(tree), KEYS)
    assert (found.kind, found.size, found.known, found.tree_size, found.missing) == ("rewound", 9, 5, 12, 4)
    assert str(found).startswith("The log was rewound and went on: the witness witness.example/w1 has countersigned 9 ")
    assert str(found).endswith("events, of which 4 are missing.")


def test_before_anything_is_signed(use: Any, witness: MemoryWitness):
    """What a witness shows is compared with the tree; one that shows nothing, or is down, is no reason to wait."""
    down = {"url": "http://127.0.0.1:1", "vkey": str(new_witness("down.example").vkey())}
    use(witness, down)
    tree = tree_of(5)
    assert shown_against(tree, KEYS) is None
    cosign(tree, signed(tree), KEYS)
    tree = tree_of(2)
    assert shown_against(tree, KEYS) is None
    cosign(tree, signed(tree), KEYS)
    SealTree.objects.update(size=6)
    tree.refresh_from_db()
    found = shown_against(tree, KEYS)
    assert (found.kind, found.size, found.missing) == ("rewound", 7, 1)
    assert found.shown.note.signatures[1].name == "witness.example/w1"
    assert shown_against(tree, KEYS, waiting=1) is None
    assert shown_against(tree, [new_signer(ORIGIN, ED25519).vkey()]) is None  # a checkpoint that is not this log's
    tree.size = 7
    SealTile.objects.update(hashes=bytes(range(32)) * 7)
    found = shown_against(tree, KEYS)
    assert (found.kind, found.size, found.missing) == ("rewritten", 7, 0)


def test_a_later_checkpoint_was_brought_by_somebody_else(use: Any, witness: MemoryWitness):
    """A witness that holds more than an old checkpoint, but not more than the tree, has seen nothing wrong."""
    use(witness)
    tree = tree_of(5)
    old = signed(tree)
    behind = SealTree.objects.get()
    tree = tree_of(4)
    cosign(tree, signed(tree), KEYS)
    SealWitness.objects.update(tried_at=clock.now() - timedelta(days=1))
    assert cosign(behind, old, KEYS) is None
    assert said().problem == "It has countersigned 9 events already; this checkpoint is not the newest."
    assert said().size == 9


def test_one_that_forgot_is_said(use: Any, witness: MemoryWitness):
    """It is given a proof from the size that it still knows, and its loss of memory is told."""
    use(witness)
    tree = tree_of(5)
    cosign(tree, signed(tree), KEYS)
    witness.notes.clear()
    tree = tree_of(1)
    assert cosign(tree, signed(tree), KEYS) is None
    assert said().problem == "It has forgotten that it countersigned 5 events: it named 0."
    assert said().size == 6
    tell_of_forgotten()
    SealWitness.objects.update(tried_at=clock.now() - timedelta(days=1))
    tree = tree_of(1)
    assert cosign(tree, signed(tree), KEYS) is None
    tell_of_forgotten()
    assert said().problem == ""
    assert "it had forgotten that it countersigned 5 events" in said().forgotten
    told = SignalEvent.objects.get(signal=SEALED).labels
    assert (told["action"], told["witness"], told["said"]) == ("witness-forgot", said().name, said().forgotten)
