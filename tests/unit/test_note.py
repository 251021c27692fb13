"""Signed notes and checkpoints: the specifications' own examples, and what is refused."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from signal_log.errors import ProofError
from signal_log.seal import note
from signal_log.seal.checkpoint import LARGEST, Checkpoint, read_checkpoint
from signal_log.seal.note import COSIGNATURE, ED25519, Note, Signature, VerifierKey

# The example of c2sp.org/signed-note.
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
# The example of c2sp.org/tlog-checkpoint, with the cosignature of c2sp.org/tlog-cosignature.
COSIGNED = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
).encode()
SIGNER = Ed25519PrivateKey.from_private_bytes(b"k" * 32)


def key(name: str = "log.example/1", kind: int = ED25519) -> VerifierKey:
    """The verifier key of ``SIGNER`` under a name."""
    return VerifierKey(name, kind, SIGNER.public_key().public_bytes_raw())


def signed(text: str, by: VerifierKey, time: int = 0) -> Note:
    """A note with one signature."""
    if by.kind == COSIGNATURE:
        value = time.to_bytes(8, "big") + SIGNER.sign(note.cosigned_message(text, time))
    else:
        value = SIGNER.sign(text.encode())
    return Note(text).signed(Signature(by.name, by.key_id, value))


def test_the_specification_s_note_verifies():
    """Read, verified, and written as it was."""
    found = note.read_note(EXAMPLE)
    known = note.verifier_key(VKEY)
    assert str(known) == VKEY
    assert found.encode() == EXAMPLE
    assert list(note.signed_by(found, [known])) == [known]


def test_the_specification_s_checkpoint_is_read():
    """With its two signatures, whose keys nobody here has, and the witness's time."""
    found = note.read_note(COSIGNED)
    assert found.encode() == COSIGNED
    checkpoint = read_checkpoint(found.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert checkpoint.text == found.text
    log, witness = found.signatures
    assert (log.name, witness.name) == ("example.com/behind-the-sofa", "witness.example.com/w1")
    assert note.time_of(witness) == 1_679_315_147
    assert note.signed_by(found, [key()]) == {}


@pytest.mark.parametrize("kind", [ED25519, COSIGNATURE])
def test_a_signature_is_of_one_text_one_time_and_one_key(kind: int):
    """Anything else is refused, where the key is known, and ignored where it is not."""
    ours = key(kind=kind)
    good = signed("a\n", ours, time=7)
    assert list(note.signed_by(note.read_note(good.encode()), [ours, key("other.example")])) == [ours]
    (line,) = good.signatures
    forged = [Note("b\n", (line,)), Note("a\n", (Signature(ours.name, ours.key_id, line.value[:-1] + b"x"),))]
    if kind == COSIGNATURE:
        forged.append(Note("a\n", (Signature(ours.name, ours.key_id, (8).to_bytes(8, "big") + line.value[8:]),)))
    for one in forged:
        with pytest.raises(ProofError, match="not by its key"):
            note.signed_by(one, [ours])
    assert note.signed_by(Note("b\n", (Signature("log.example/2", ours.key_id, line.value),)), [ours]) == {}


@pytest.mark.parametrize(
    "content",
    [b"", b"a\n", b"a\n\n", EXAMPLE[:-1], EXAMPLE.replace("—".encode(), b"-"), b"\xff" + EXAMPLE, b"\x01" + EXAMPLE,
     EXAMPLE.replace(b"Uw2Q", b"Uw2!"), EXAMPLE.replace(b"com/foo", b"com/f+o"), "a\n\n— b AAAA\n".encode(),
     "a\n\n— b  AAAAAAAA\n".encode(), EXAMPLE + b"x" * note.MOST_BYTES, EXAMPLE + EXAMPLE[29:] * 100],
)  # fmt: skip
def test_what_is_no_note_is_refused(content: bytes):
    """In one sentence."""
    with pytest.raises(ProofError) as refused:
        note.read_note(content)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ["", "example.com/foo", VKEY[:-1], VKEY.replace("530d903a", "530d903b"), VKEY.replace("example.com", "example.org"),
     f"a b+00000000+{base64.b64encode(b'!').decode()}", "a+00000000+" + base64.b64encode(b"\x06" * 33).decode()],
)  # fmt: skip
def test_what_is_no_verifier_key_is_refused(text: str):
    """It says what is wrong with it."""
    with pytest.raises(ProofError):
        note.verifier_key(text)


@given(st.text(max_size=30), st.integers(-1, LARGEST + 1))
def test_a_checkpoint_is_read_as_it_was_written_or_not_at_all(origin: str, size: int):
    """Whatever somebody calls a log."""
    checkpoint = Checkpoint(origin, size, b"r" * 32)
    try:
        found = read_checkpoint(checkpoint.text)
    except ProofError:
        assert not (origin.isascii() and origin.isalnum() and 0 <= size <= LARGEST)
    else:
        assert found == checkpoint


@pytest.mark.parametrize(
    "text",
    ["o\n1\n", "o\n01\nROOT\n", "o\n-1\nROOT\n", "o\n1\nROO\n", "\n1\nROOT\n", "o\n1\nROOT\nmore\n", "o\n1\nROOT\n\n",
     "o\n1\nROOT"],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(text: str):
    """Each line is as the specification has it."""
    root = base64.b64encode(b"r" * 32).decode()
    assert read_checkpoint(f"o\n1\n{root}\n") == Checkpoint("o", 1, b"r" * 32)
    with pytest.raises(ProofError):
        read_checkpoint(text.replace("ROOT", root))
