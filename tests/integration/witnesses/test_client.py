"""Witnesses countersign the checkpoints of the tree; what each said is kept, and what they hold is heeded."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from signal_log import clock
from signal_log.models import SealCheckpoint, SealTile, SealTree, SealWitness
from signal_log.seal.grow import checkpoint
from signal_log.seal.note import read_note, signed_by, time_of
from signal_log.seal.state import seal_state
from signal_log.seal.witness import client as witness_client
from signal_log.seal.witness.client import cosign, cosigned_by, has_quorum, is_due, states
from signal_log.seal.witness.protocol import Answer
from signal_log.show.words.sealing import standing
from tests.integration.cosigned import KEYS, LOG, said, signed, tree_of
from tests.witnessing import ORIGIN, MemoryWitness, answering, http, new_witness, serving

pytestmark = pytest.mark.django_db


def test_is_countersigned(use: Any, witness: MemoryWitness):
    """At the first time, and as the tree grows; the signature is in the note, and what it was is kept."""
    use(witness)
    tree = tree_of(3)
    for size, old in ((3, 0), (3 + 300, 3)):
        made = signed(tree)
        assert is_due(tree, made)
        assert cosign(tree, made, KEYS) is None
        assert not is_due(tree, made)
        note = read_note(SealCheckpoint.objects.get(pk=made.pk).note.encode())
        assert made.note.encode() == note.encode()
        assert [*signed_by(note, [LOG.vkey(), witness.signer.vkey()])] == [LOG.vkey(), witness.signer.vkey()]
        row = said()
        assert (row.size, row.cosigned_at, row.problem) == (size, witness.time, "")
        assert (clock.now() - row.tried_at).total_seconds() < 60
        assert (witness.requests[-1].old, len(witness.requests[-1].proof) > 0) == (old, old > 0)
        if size == 3:
            tree = tree_of(300)
    assert len(witness.requests) == 2


def test_the_size_that_a_witness_holds_is_learnt_from_it(use: Any, witness: MemoryWitness):
    """As after the answer to a request was lost: 409, and a proof from there."""
    use(witness)
    tree = tree_of(5)
    cosign(tree, signed(tree), KEYS)
    SealWitness.objects.all().delete()
    tree = tree_of(4)
    made = signed(tree)
    assert cosign(tree, made, KEYS) is None
    assert [one.old for one in witness.requests] == [0, 0, 5]
    assert said().size == 9
    assert has_quorum(made)


def test_quiet_times(use: Any, witness: MemoryWitness):
    """The same checkpoint gets a fresh time, in place of the older one, when some minutes have gone by."""
    use(witness)
    tree = tree_of(5)
    made = signed(tree)
    cosign(tree, made, KEYS)
    cosign(tree, made, KEYS)
    assert len(witness.requests) == 1
    SealWitness.objects.update(tried_at=clock.now() - timedelta(seconds=witness_client.REFRESH + 1))
    witness.time += 301
    assert is_due(tree, made)
    cosign(tree, made, KEYS)
    signatures = read_note(made.note.encode()).signatures
    assert [one.name for one in signatures] == [ORIGIN, "witness.example/w1"]
    assert time_of(signatures[1]) == said().cosigned_at == witness.time


def test_one_that_is_down_is_said(use: Any, witness: MemoryWitness):
    """Another one signs meanwhile; the one that is down is left alone for longer with each failure."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    down = {"url": f"http://127.0.0.1:{port}", "vkey": str(new_witness("down.example").vkey())}
    use(witness, down, quorum=1)
    tree = tree_of(5)
    made = signed(tree)
    assert not has_quorum(made)
    assert cosign(tree, made, KEYS) is None
    assert has_quorum(made)
    assert [one.name for one in cosigned_by(made)] == ["witness.example/w1"]
    assert said("down.example").problem == "It could not be reached: Connection refused."
    assert [bool(one.problem) for one in states(tree)] == [False, True]
    for failures in range(1, 4):
        wait = 5 * 2 ** (failures - 1)
        assert not is_due(tree, made)
        SealWitness.objects.filter(problem__gt="").update(tried_at=clock.now() - timedelta(seconds=wait - 2))
        assert not is_due(tree, made)
        SealWitness.objects.filter(problem__gt="").update(tried_at=clock.now() - timedelta(seconds=wait))
        assert is_due(tree, made)
        cosign(tree, made, KEYS)
    SealWitness.objects.update(tried_at=clock.now() + timedelta(days=1))
    assert is_due(tree, made)  # whatever became of the clock
    assert len(witness.requests) == 1


def test_quorum(use: Any, witness: MemoryWitness):
    """Different keys count, of witnesses that are in the settings, whose signatures verify."""
    second = MemoryWitness(LOG, name="second.example")
    second.time = witness.time
    use(witness, second, quorum=2)
    tree = tree_of(5)
    made = signed(tree)
    cosign(tree, made, KEYS)
    assert has_quorum(made)
    use(witness, quorum=2)
    assert not has_quorum(made)
    use(witness, second, quorum=2)
    line = read_note(made.note.encode()).signatures[2].line()
    made.note = made.note.replace(line, second.signer.cosign("another", 7).line())
    assert not has_quorum(made)
    assert [one.name for one in cosigned_by(made)] == ["witness.example/w1"]
    use(witness, quorum=0)
    assert has_quorum(made)
    assert is_due(tree, made)  # the other one's last words go, and nobody is asked
    cosign(tree, made, KEYS)
    assert [one.name for one in SealWitness.objects.all()] == ["witness.example/w1"]
    assert not is_due(tree, made)
    assert len(witness.requests) == len(second.requests) == 1


def test_too_few_have_countersigned_lately(use: Any, witness: MemoryWitness):
    """Every surface says so, until enough do again; a witness that nobody names any more does not count."""
    use(witness, quorum=1)
    tree = tree_of(5)
    made = signed(tree)
    said_so = "WITNESS_QUORUM asks for 1 countersignature; none came in the last 15 minutes."
    assert said_so in seal_state().problems
    assert said_so in standing(replace(seal_state(), has_key=True)).sentence
    cosign(tree, made, KEYS)
    assert seal_state().unwitnessed == ""
    SealWitness.objects.update(cosigned_at=witness.time - witness_client.LATELY - 5)
    assert said_so in seal_state().problems
    SealWitness.objects.update(cosigned_at=witness.time, name="another")
    assert said_so in seal_state().problems
    SealTree.objects.update(state=SealTree.State.STOPPED, problem="Rewound.")
    assert seal_state().unwitnessed == ""


@pytest.mark.parametrize(
    ("ahead", "problem"),
    [
        (0, ""),
        (1000, "Its clock is 16 minutes ahead of ours."),
        (-1000, "Its clock is 16 minutes behind ours."),
    ],
)
def test_clocks(use: Any, witness: MemoryWitness, ahead: int, problem: str):
    """A difference is said, and the witness's time is taken: it is ours that may be wrong."""
    use(witness)
    witness.time += ahead
    tree = tree_of(5)
    cosign(tree, signed(tree), KEYS)
    assert said().problem == problem
    assert said().cosigned_at == witness.time
    witness.time -= 1
    tree = tree_of(1)
    made = signed(tree)
    cosign(tree, made, KEYS)
    assert "is dated before the last one" in said().problem
    assert len(read_note(made.note.encode()).signatures) == 1
    assert said().size == 5


def test_liars(use: Any, witness: MemoryWitness):
    """Nothing is written but a sentence; nothing stops where what a witness shows is a beginning of this tree."""
    tree = tree_of(5)
    made = signed(tree)
    before = made.note

    def sentence(*answers: bytes, shows: bytes = http(404, b"")) -> str:
        SealWitness.objects.all().delete()
        left = list(answers)

        def answer(request: bytes, connection: socket.socket) -> None:
            connection.sendall(left.pop(0) if request.startswith(b"POST") else shows)

        with answering(answer) as url:
            use({"url": url, "vkey": str(witness.signer.vkey())})
            assert cosign(tree, made, KEYS, seconds=5) is None
        assert SealCheckpoint.objects.get().note == made.note == before
        assert said().size == said().cosigned_at == 0
        return said().problem

    size = "text/x.tlog.size"
    assert "is not by its key" in sentence(http(200, witness.signer.cosign("other", 7).line().encode()))
    assert "no signature of the key" in sentence(http(200, new_witness("b").cosign("a", 7).line().encode()))
    assert "is never followed" in sentence(http(302, b""))
    assert "asks for a proof from 0 events on" in sentence(http(409, b"0\n", size))
    named = sentence(http(409, b"1\n", size), http(409, b"2\n", size), http(409, b"3\n", size))
    assert named == "It named another size each time that it was asked."
    shown = read_note(before.encode()).signed(witness.signer.cosign(read_note(before.encode()).text, 7)).encode()
    assert "is a beginning of this tree" in sentence(http(422, b""), shows=http(200, shown))


def test_a_tile_that_is_missing(use: Any, witness: MemoryWitness):
    """No proof can be made; that is said, and nothing raised."""
    use(witness)
    tree = tree_of(5)
    cosign(tree, signed(tree), KEYS)
    tree = tree_of(2)
    made = signed(tree)
    SealTile.objects.all().delete()
    assert cosign(tree, made, KEYS) is None
    assert said().problem.startswith("No proof can be made from 5 events on: ")


def test_nothing_is_asked_for_an_unsigned_checkpoint(use: Any, witness: MemoryWitness):
    """Nor without witnesses."""
    use(witness)
    tree = tree_of(5)
    made = checkpoint(tree)
    assert not is_due(tree, made)
    assert cosign(tree, made) is None
    assert not has_quorum(made) or not witness_client.conf.WITNESS_QUORUM
    assert witness.requests == []
    assert not SealWitness.objects.exists()


def test_a_slow_one_delays_no_other(use: Any, witness: MemoryWitness):
    """They are asked side by side."""
    slow = new_witness("slow.example")

    def countersign(body: bytes) -> Answer:
        return Answer(200, slow.cosign(read_note(body.partition(b"\n\n")[2]).text, witness.time).line().encode())

    asked_beside = []

    def late(body: bytes) -> Answer:
        deadline = time.monotonic() + 2
        while not witness.requests and time.monotonic() < deadline:
            time.sleep(0.01)
        asked_beside.append(bool(witness.requests))
        return countersign(body)

    with serving(late, lambda hashed: Answer(404, b"")) as url:
        use({"url": url, "vkey": str(slow.vkey())}, witness, quorum=2)
        tree = tree_of(5)
        made = signed(tree)
        cosign(tree, made, KEYS)
    assert has_quorum(made)
    assert asked_beside == [True]
