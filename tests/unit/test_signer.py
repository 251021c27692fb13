"""A signer signs what has grown from what it signed last, whoever asks; and what a key has signed is kept beside it."""

from __future__ import annotations

from hashlib import sha256
from threading import Thread

import pytest

from signal_log.errors import ProofError
from signal_log.seal.checkpoint import Checkpoint
from signal_log.seal.keys.key import new_signer, write_key
from signal_log.seal.keys.remembered import memory_path, recall
from signal_log.seal.keys.signer import SignerServer, begin
from signal_log.seal.keys.signing import FileKey, SocketKey
from signal_log.seal.merkle import consistency_proof, leaf_hash, root_of
from signal_log.seal.note import COSIGNATURE, ED25519, signed_by
from signal_log.seal.tiles import node_in

LEAVES = [sha256(bytes([number])).digest() for number in range(100)]
OTHERS = [sha256(bytes([number, 0])).digest() for number in range(100)]


def checkpoint(size, leaves=LEAVES, generation=1):
    """The text of a checkpoint."""
    node = node_in(lambda level, index: leaves if level == 0 else [])
    return Checkpoint(f"host.example/log/{generation}", size, root_of(size, node)).text


def proof(old, size, leaves=LEAVES):
    """From one size to another."""
    return consistency_proof(old, size, node_in(lambda level, index: leaves if level == 0 else []))


@pytest.fixture
def path(tmp_path):
    write_key(tmp_path / "log.key", new_signer("host.example/log/1", ED25519))
    return tmp_path / "log.key"


@pytest.fixture(params=["file", "socket"])
def key(request, path, tmp_path):
    """The same key, read from its file and asked at a socket."""
    if request.param == "file":
        yield FileKey(path)
        return
    with SignerServer(tmp_path / "socket", path) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield SocketKey(tmp_path / "socket")
        server.shutdown()
        thread.join()
    assert not (tmp_path / "socket").exists()


def test_what_has_grown_is_signed(key, path):
    """And is kept: the same again is the same signature, and the next begins there, in the next generation too."""
    assert key.last("host.example/log/1") is None
    note = key.sign(checkpoint(5), 0, [])
    assert signed_by(note, [key.vkey("host.example/log/1")])
    assert key.sign(checkpoint(5), 5, []) == note
    assert key.last("host.example/log/1").note == note
    assert key.last("other.example/log/1") is None
    key.sign(checkpoint(70), 5, proof(5, 70))
    with pytest.raises(ProofError, match=r"has not begun host\.example/log/2; only its operator"):
        key.sign(checkpoint(1, OTHERS, 2), 0, [])
    begin(path, "host.example/log/2", checkpoint(70))
    assert key.followed("host.example/log/1") == checkpoint(70)
    assert recall(path, "host.example/log/1").place == (2, 1)
    begun = [leaf_hash(sha256(checkpoint(70).encode()).digest()), *OTHERS]
    with pytest.raises(ProofError, match="did not grow from the 1 event"):
        key.sign(checkpoint(5, OTHERS, 2), 1, proof(1, 5, OTHERS))
    new = key.sign(checkpoint(5, begun, 2), 1, proof(1, 5, begun))
    assert signed_by(new, [key.vkey("host.example/log/2")])
    assert memory_path(path, "host.example/log/3").read_bytes() == new.encode()
    assert memory_path(path, "host.example/log/3").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "old", "hashes", "complaint"),
    [
        (checkpoint(69), 69, [], "has signed 70 events of this log, which now has 69"),
        (checkpoint(71), 5, proof(5, 71), "has to begin with the 70 events"),
        (checkpoint(70, OTHERS), 70, [], "did not grow from the 70 events"),
        (checkpoint(71, OTHERS), 70, proof(70, 71, OTHERS), "did not grow from the 70 events"),
        (checkpoint(71), 70, proof(70, 71)[1:], "did not grow from the 70 events"),
        (checkpoint(80, generation=0), 0, [], "is no log's origin"),
        ("host.example/log/1\n71\n", 70, [], "no checkpoint"),
    ],
)
def test_what_was_rewound_or_rewritten_is_not(key, text, old, hashes, complaint):
    """The refusal says what is known, and nothing is kept of it."""
    note = key.sign(checkpoint(70), 0, [])
    with pytest.raises(ProofError, match=complaint):
        key.sign(text, old, hashes)
    assert key.last("host.example/log/1").note == note


def test_nonsense_is_refused_and_the_next_is_answered(path, tmp_path):
    """Whatever is asked."""
    with SignerServer(tmp_path / "socket", path) as server:
        for line in (
            "",
            "sign",
            "sign a b c",
            "sign YQ== -1",
            "sign YQ== ²",
            "sign \udcff 0",
            "vkey a b",
            "vkey a+b",
            "x 1",
        ):
            assert server.answer(line) == "refused This is nothing that a signer is asked."
        assert server.answer("sign YQ== 0").startswith("refused This is no checkpoint")
        assert server.answer("last host.example/log/1") == "last"
        assert (tmp_path / "socket").stat().st_mode & 0o777 == 0o660
    with SignerServer(tmp_path / "socket", path):
        pass


def test_what_cannot_be_used(path, tmp_path):
    """A sentence for each: no signer, no key, a witness's key, a memory that is damaged."""
    with pytest.raises(ProofError, match="does not answer: No such file"):
        SocketKey(tmp_path / "none").vkey("a")
    write_key(tmp_path / "witness.key", new_signer("witness.example", COSIGNATURE))
    with pytest.raises(ProofError, match="is a witness's"):
        FileKey(tmp_path / "witness.key").vkey("a")
    memory_path(path, "host.example/log/1").write_text("nonsense")
    with pytest.raises(ProofError, match=r"log\.key\.\w{8}\.last, which keeps what the key has signed last: "):
        FileKey(path).sign(checkpoint(5), 0, [])


def test_a_folder_that_cannot_be_written(path, tmp_path, monkeypatch):
    """The log is signed nevertheless; a signer, whose folder is its own, refuses."""

    def full(key, note):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("signal_log.seal.keys.signer.remember", full)
    assert signed_by(FileKey(path).sign(checkpoint(5), 0, []), [FileKey(path).vkey("host.example/log/1")])
    with SignerServer(tmp_path / "socket", path) as server:
        text = "aG9zdC5leGFtcGxlL2xvZy8xCjAKNDdERVFwajhIQlNhKy9USW1XKzVKQ2V1UWVSa201Tk1wSldaRzNoU3VGVT0K"
        assert "could not be kept beside the key: No space left" in server.answer(f"sign {text} 0")


def test_what_its_operator_begins(key, path):
    """A generation after the last that was signed, until something of it is signed; nothing else."""
    second = "host.example/log/2"
    key.sign(checkpoint(70), 0, [])
    for origin, follows, complaint in (
        (second, checkpoint(69), "has signed host.example/log/1 of 70 events, which is later than"),
        (second, checkpoint(70, OTHERS), "has signed another checkpoint"),
        (second, checkpoint(70, generation=2), "does not follow"),
        ("other.example/log/2", checkpoint(70), r"signs for host\.example/log alone, and not for other\.example/log"),
        ("host.example/log/3", checkpoint(70), "does not follow"),
    ):
        with pytest.raises(ProofError, match=complaint):
            begin(path, origin, follows)
    if isinstance(key, SocketKey):
        with pytest.raises(ProofError, match=f"`signal_seal begin {second} --key FILE`, where the key is"):
            key.begin(second, checkpoint(70))
    begin(path, second, checkpoint(70))
    key.begin(second, checkpoint(70))
    begin(path, second, checkpoint(90))
    assert key.followed(second) == checkpoint(90)
    begun = [leaf_hash(sha256(checkpoint(90).encode()).digest()), *OTHERS]
    key.sign(checkpoint(2, begun, 2), 1, proof(1, 2, begun))
    for follows in (checkpoint(70), checkpoint(90)):
        with pytest.raises(ProofError, match=r"has begun host\.example/log/2 already"):
            begin(path, second, follows)
