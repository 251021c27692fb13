"""Our log before a witness that nobody here wrote, and our witness before that author's client."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from django.db import connections

from signal_log.errors import ProofError
from signal_log.models import SealCheckpoint, SealTile, SealTree
from signal_log.seal import merkle
from signal_log.seal.checkpoint import Checkpoint
from signal_log.seal.grow import begin_tree, checkpoint, grow
from signal_log.seal.keys.key import new_signer
from signal_log.seal.note import ED25519, Note, read_note
from signal_log.seal.witness import client as witness_client
from signal_log.seal.witness.call import Contradicts, Cosigned, Holds, Witness, add_checkpoint, newest_from, witness
from signal_log.seal.witness.client import cosign, has_quorum
from signal_log.seal.witness.countersigning import countersign, shown, trust
from signal_log.seal.witness.protocol import Request
from tests.integration.test_tree_in_database import store
from tests.servers.partners import AicsWitness, run_partner
from tests.witnessing import Log, new_witness, serving

HONEST, ATTACKED, OURS = (Log(new_signer(f"{name}.example/log/1", ED25519)) for name in ("honest", "attacked", "ours"))
SUBMIT = """
from aics_witness.feeder import FeederError, WitnessClient

answers = []
client = WitnessClient(given["url"], given["vkey"], max_attempts=1)
for one in given["notes"]:
    proofs = {int(old): [bytes.fromhex(hashed) for hashed in proof] for old, proof in one["proofs"].items()}
    try:
        line = client.submit(one["note"], lambda old, size: proofs[old])
        answers.append("cosigned" if given["name"] in line else line)
    except FeederError as error:
        answers.append(f"{type(error).__name__} {getattr(error, 'status', '')}".strip())
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def aics() -> Iterator[AicsWitness]:
    with AicsWitness({log.signer.name: str(log.signer.vkey()) for log in (HONEST, ATTACKED, OURS)}) as server:
        yield server


@pytest.fixture
def to(aics: AicsWitness) -> Witness:
    return witness(aics.url, aics.vkey)


@pytest.mark.one_database
def test_growth(to: Witness):
    """A first checkpoint, the same again, and growth with a proof: countersigned, and shown to whoever asks."""
    for old, size in ((0, 1), (1, 1), (1, 6), (6, 7), (7, 300), (300, 300)):
        assert isinstance(add_checkpoint(to, HONEST.request(old, size)), Cosigned)
        newest = newest_from(to.url, to.key, HONEST.signer.name, [HONEST.signer.vkey()])
        assert (newest.checkpoint.size, newest.checkpoint.root) == (size, HONEST.root(size))


@pytest.mark.one_database
def test_attacks(to: Witness):
    """History rewritten, at the same size and grown; the tail cut off; a backup that goes on; another key."""
    fork = Log(ATTACKED.signer, "rewritten")
    assert isinstance(add_checkpoint(to, ATTACKED.request(0, 20)), Cosigned)
    assert add_checkpoint(to, fork.request(20, 20)) == Contradicts()
    assert add_checkpoint(to, fork.request(20, 25)) == Contradicts()
    assert add_checkpoint(to, ATTACKED.request(0, 15)) == Holds(20)
    assert add_checkpoint(to, ATTACKED.request(15, 18)) == Holds(20)
    with pytest.raises(ProofError, match="does not trust the key"):
        add_checkpoint(to, Log(new_signer(ATTACKED.signer.name, ED25519)).request(20, 21))
    with pytest.raises(ProofError, match="does not know this log"):
        add_checkpoint(to, Log(new_signer("unknown.example/1", ED25519)).request(0, 1))
    request = ATTACKED.request(20, 20)
    with pytest.raises(ProofError, match="malformed"):
        add_checkpoint(to, Request(21, [], request.note, request.checkpoint))
    assert isinstance(add_checkpoint(to, ATTACKED.request(20, 21)), Cosigned)


def sealed(tree: SealTree) -> SealCheckpoint:
    """The tree's checkpoint, signed."""
    made = checkpoint(tree) or SealCheckpoint.objects.order_by("-number")[0]
    text = Checkpoint(tree.origin, made.size, bytes(made.root)).text
    made.note = Note(text).signed(OURS.signer.sign(text)).encode().decode()
    made.save()
    return made


@pytest.mark.django_db
@pytest.mark.one_database
def test_the_log_in_the_database(aics: AicsWitness, settings: Any):
    """Its tree is countersigned as it grows; an older copy of it is found to be rewound, a rewritten one a fork."""
    witness_client._failures.clear()
    entry = {"url": aics.url, "vkey": aics.vkey}
    settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "WITNESSES": [entry], "WITNESS_QUORUM": 1}
    keys = [OURS.signer.vkey()]
    tree = begin_tree(OURS.signer.name)
    for number in (3, 260, 1):
        store(number)
        grow(tree, 2**62)
        made = sealed(tree)
        assert cosign(tree, made, keys) is None
        assert has_quorum(made)
        assert len(read_note(made.note.encode()).signatures) == 2
    for model in (SealCheckpoint, SealTile, SealTree):
        model.objects.all().delete()
    older = begin_tree(OURS.signer.name)
    grow(older, 2**62, 200)
    found = cosign(older, sealed(older), keys)
    assert (found.kind, found.missing, found.shown.checkpoint.size) == ("rewound", 64, 264)
    store(100)
    first = bytearray(SealTile.objects.get(level=0, index=0).hashes)
    first[:32] = merkle.leaf_hash(b"rewritten")
    SealTile.objects.filter(level=0, index=0).update(hashes=bytes(first))
    leaves = merkle.Tree()
    for at in range(0, len(first), 32):
        leaves.append(bytes(first[at : at + 32]))
    SealTree.objects.update(root=leaves.root(), subtrees=b"".join(leaves.subtrees))
    forged = SealTree.objects.get()
    grow(forged, 2**62)
    found = cosign(forged, sealed(forged), keys)
    assert (found.kind, found.missing, found.shown.checkpoint.size) == ("rewritten", 0, 264)


@pytest.mark.django_db(transaction=True)
def test_our_witness(transactional_db: None):
    """The client of the other author: growth, a lost place, a fork, a rewind, an unknown log."""
    log = Log()
    signer = new_witness()
    fork, stranger = Log(log.signer, "fork"), Log(new_signer("stranger.example/1", ED25519))
    trust(str(log.signer.vkey()))
    told = [_told(log, 3), _told(log, 3), _told(log, 8), _told(fork, 9), _told(log, 5), _told(stranger, 2)]
    with serving(partial(countersign, signer=signer), shown, connections.close_all) as url:
        given = {"url": url, "vkey": str(signer.vkey()), "name": signer.name, "notes": told}
        answers = run_partner(SUBMIT, given)
        again = run_partner(SUBMIT, given | {"notes": [_told(log, 12)]})
    assert answers == ["cosigned"] * 3 + ["WitnessRejected 422", "WitnessAhead", "WitnessRejected 404"]
    assert again == ["cosigned"]


def _told(log: Log, size: int) -> dict[str, Any]:
    """A checkpoint and its proofs from any size on."""
    proofs = {old: [one.hex() for one in merkle.consistency_proof(old, size, log.node)] for old in range(size + 1)}
    return {"note": log.note(size).encode().decode(), "proofs": proofs}
