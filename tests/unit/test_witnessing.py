"""When a witness countersigns: every status of c2sp.org/tlog-witness."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_log.errors import ProofError
from signal_log.seal.keys.key import new_signer
from signal_log.seal.merkle import EMPTY_ROOT
from signal_log.seal.note import ED25519, Note, read_note, signed_by, time_of
from signal_log.seal.witness.protocol import (
    MOST_HASHES,
    Accepted,
    Answer,
    Held,
    Request,
    checkpoint_path,
    decide,
    read_request,
)
from tests.witnessing import ORIGIN, Log, new_witness

LOG = Log()
FORK = Log(LOG.signer, "another")
WITNESS = new_witness()


def asked(request: Request | bytes, held: int = 0, log: Log = LOG) -> Accepted | Answer:
    """What a witness that trusts the log and holds its first leaves decides."""
    body = request if isinstance(request, bytes) else request.encode()
    return decide(
        body, lambda origin: [log.signer.vkey()] if origin == ORIGIN else [], lambda _: Held(held, LOG.root(held))
    )


def status(request: Request | bytes, held: int = 0) -> int:
    """The status of a refusal, which says one thing."""
    answer = asked(request, held)
    assert isinstance(answer, Answer)
    assert answer.body.count(b"\n") == 1
    assert answer.body.endswith(b"\n")
    return answer.status


def test_countersigns_what_follows():
    """A first checkpoint, growth, the same again; the answer is a line that verifies."""
    for old, size in ((0, 1), (1, 1), (1, 2), (3, 7), (7, 8), (8, 21), (21, 21), (0, 0), (0, 21)):
        accepted = asked(LOG.request(old, size), old)
        assert isinstance(accepted, Accepted)
        assert accepted.held.size == old
        note, answer = accepted.cosigned(WITNESS, 1_700_000_000)
        assert answer.status == 200
        found = signed_by(read_note(note.encode()), [WITNESS.vkey(), LOG.signer.vkey()])
        assert len(found) == 2
        assert found[WITNESS.vkey()].line().encode() == answer.body
        assert time_of(found[WITNESS.vkey()]) == 1_700_000_000


def test_only_the_log_s_signatures_are_kept():
    """Whoever else signed the note that was sent."""
    request = LOG.request(0, 5)
    others = new_signer(ORIGIN, ED25519).sign(request.note.text), new_witness("b").cosign(request.note.text, 7)
    accepted = asked(Request(0, [], request.note.signed(*others), request.checkpoint))
    assert isinstance(accepted, Accepted)
    assert accepted.signatures == request.note.signatures


def test_conflict():
    """409 with the size that is held, in its own content type."""
    for old, size, held in ((0, 7, 3), (3, 7, 5), (3, 7, 9), (7, 7, 0)):
        answer = asked(LOG.request(old, size), held)
        assert answer == Answer(409, f"{held}\n".encode(), "text/x.tlog.size")


def test_contradiction():
    """422 for another history: the same size, grown, with or without a proof, and an empty tree that is not."""
    assert status(FORK.request(7, 7), 7) == 422
    assert status(FORK.request(5, 9), 5) == 422
    good = LOG.request(5, 9)
    assert status(Request(5, [], good.note, good.checkpoint), 5) == 422
    assert status(Request(5, [*good.proof, bytes(32)], good.note, good.checkpoint), 5) == 422
    assert status(Request(5, list(reversed(good.proof)), good.note, good.checkpoint), 5) == 422
    assert status(Request(0, [bytes(32)], good.note, good.checkpoint)) == 422
    same = LOG.request(9, 9)
    assert status(Request(9, [bytes(32)], same.note, same.checkpoint), 9) == 422
    text = LOG.note(0).text.replace(base64.b64encode(EMPTY_ROOT).decode(), base64.b64encode(bytes(32)).decode())
    empty = LOG.request(0, 0)
    assert status(Request(0, [], Note(text).signed(LOG.signer.sign(text)), empty.checkpoint)) == 422


def test_keys():
    """404 for an unknown log, 403 for a key that is not trusted or a signature that is not by the key it names."""
    request = LOG.request(0, 5)
    stranger = Log(new_signer("other.example/1", ED25519))
    assert status(stranger.request(0, 5)) == 404
    assert status(Log().request(0, 5)) == 403
    text = request.note.text
    forged = Note(text).signed(LOG.signer.sign(text.replace("5", "6", 1)))
    assert status(Request(0, [], forged, request.checkpoint)) == 403
    assert status(Request(0, [], request.note.signed(*forged.signatures), request.checkpoint)) == 403
    cosigned = Note(text).signed(WITNESS.cosign(text, 7))
    assert status(Request(0, [], cosigned, request.checkpoint)) == 403


def test_malformed():
    """400 for anything else, and for an old size that is larger than the checkpoint's."""
    request = LOG.request(3, 7)
    body = request.encode()
    assert read_request(body) == request
    assert status(Request(9, [], request.note, request.checkpoint), 9) == 400
    line = body.split(b"\n")[1]
    for wrong in (
        b"",
        b"\n\n",
        body.replace(b"old 3", b"old 03"),
        body.replace(b"old 3", b"old -3"),
        body.replace(b"old 3", b"old +3"),
        body.replace(b"old 3", b"old  3"),
        body.replace(b"old 3", b"old 3 "),
        body.replace(b"old 3", b"old 3\r"),
        body.replace(b"old 3", "old ٣".encode()),
        body.replace(b"old 3", b"old 9223372036854775808"),
        body.replace(b"old 3", b"new 3"),
        body.replace(b"old 3\n", b""),
        body.replace(line, line[:-1]),
        body.replace(line, line + b" "),
        body.replace(line, base64.b64encode(bytes(31))),
        body.replace(line, base64.b64encode(bytes(32)).replace(b"A=", b"B=")),
        body.replace(line, b"\n".join([line] * (MOST_HASHES + 1))),
        body.replace(b"\n\nlog", b"\nlog"),
        body.replace(b"\n7\n", b"\n07\n"),
        body.replace(b"log.example/1\n7", b"log example/1\n7"),
        body.removesuffix(b"\n"),
        body.rpartition("—".encode())[0],
        body + b"\xff\n",
        body + b"x" * 1_000_000,
    ):
        assert wrong != body
        assert status(wrong, 3) == 400, wrong[:200]


@given(st.binary(max_size=300))
def test_any_bytes(body: bytes):
    """Are refused with a sentence."""
    assert status(body) == 400
    with pytest.raises(ProofError):
        read_request(body)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.booleans())
def test_signs_nothing_that_does_not_follow(held: int, old: int, size: int, forked: bool):
    """Whatever is held and asked, only a proved growth of this history is countersigned."""
    log = FORK if forked else LOG
    request = log.request(old, size) if old <= size else Request(old, [], *_at(log, size))
    answer = asked(request, held)
    follows = old == held <= size and not (forked and held)
    assert isinstance(answer, Accepted) == follows


def _at(log: Log, size: int):
    request = log.request(0, size)
    return request.note, request.checkpoint


def test_path():
    """A witness's addresses name a log by the hash of its origin."""
    hashed = "5fd2dc0beb4ce54da5050cf6d5c75248b023abad441c3cecde3976fbe9da4fe4"
    assert checkpoint_path("example.com/behind-the-sofa") == f"{hashed}/checkpoint"
