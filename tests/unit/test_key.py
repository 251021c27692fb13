"""Private keys in files."""

import base64
import os
import pickle
import stat
from pathlib import Path

import pytest

from signal_log.errors import ProofError
from signal_log.seal.keys.key import new_signer, read_key, write_key
from signal_log.seal.note import COSIGNATURE, ED25519, Note, read_note, signed_by, time_of, verifier_key

# What Go's note.GenerateKey documents as its example.
PETER = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PETERS = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = "log.example/1\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "key"


def refused(file: Path) -> str:
    with pytest.raises(ProofError) as caught:
        read_key(file)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def test_kept(file: Path):
    """Comes back from a file that only its owner may read, and signs the same."""
    signer = new_signer("log.example/1", ED25519)
    write_key(file, signer)
    again = read_key(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert again.vkey() == signer.vkey()
    assert again.sign(TEXT) == signer.sign(TEXT)
    assert file.read_text().startswith("PRIVATE+KEY+log.example/1+")


def test_go(file: Path):
    """A key that Go's library made is read, and a note that it signed is verified."""
    file.touch(0o600)
    file.write_text(PETER)
    signer = read_key(file)
    assert str(signer.vkey()) == PETERS
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    line = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    assert signer.sign(text).line() == f"— PeterNeumann {line}\n"


def test_signs_for_another_name():
    """A log's key signs for each generation's origin under that name."""
    signer = new_signer("log.example/1", ED25519)
    note = Note(TEXT).signed(signer.sign(TEXT), signer.sign(TEXT, "log.example/2"))
    second = verifier_key(str(signer.vkey("log.example/2")))
    assert second.name == "log.example/2"
    assert signed_by(read_note(note.encode()), [second]) == {second: note.signatures[1]}


def test_cosigns():
    """A witness's key signs text and time, and nothing else than a witness's."""
    signer = new_signer("witness.example", COSIGNATURE)
    signature = signer.cosign(TEXT, 1_700_000_000)
    assert time_of(signature) == 1_700_000_000
    assert signer.vkey().verifies(TEXT, signature)
    assert not signer.vkey().verifies(TEXT.replace("7", "8"), signature)
    with pytest.raises(ProofError, match="is a witness's; a log's key is needed"):
        signer.sign(TEXT)
    with pytest.raises(ProofError, match="is a log's; a witness's key is needed"):
        new_signer("log.example/1", ED25519).cosign(TEXT, 1)
    with pytest.raises(ProofError, match="is the clock set"):
        signer.cosign(TEXT, 0)


def test_never_overwritten(file: Path):
    """A file that is there stays as it is; so does a link that leads nowhere."""
    file.write_text("precious")
    with pytest.raises(ProofError, match="never overwritten"):
        write_key(file, new_signer("a", ED25519))
    assert file.read_text() == "precious"
    link = file.with_name("link")
    link.symlink_to(file.with_name("elsewhere"))
    with pytest.raises(ProofError, match="never overwritten"):
        write_key(link, new_signer("a", ED25519))
    with pytest.raises(ProofError, match="could not be made: No such file or directory"):
        write_key(file.parent / "no" / "key", new_signer("a", ED25519))


def test_not_a_key(file: Path):
    """One sentence for each thing that is no key, and none of it in the sentence."""
    assert "There is no key's file" in refused(file)
    assert "could not be read: Is a directory" in refused(file.parent)
    os.mkfifo(file.with_name("pipe"))
    assert "is no file" in refused(file.with_name("pipe"))
    file.touch(0o600)
    secret = PETER.split("+", 4)[4]
    other = base64.b64encode(b"\x02" + base64.b64decode(secret)[1:]).decode()
    for content in (
        "",
        secret,
        PETERS,
        PETER[:-4],
        PETER + "\n" + PETER,
        PETER.replace("PeterN", "Peter N"),
        PETER.replace(secret, other),
        PETER + "\n" * 3000,
        "\udcff" + PETER,
    ):
        file.write_bytes(content.encode(errors="surrogateescape"))
        said = refused(file)
        assert "holds no private key" in said
        assert secret[:8] not in said
    file.write_text(PETER.replace("c74f20a3", "c74f20a4"))
    assert "does not have the id" in refused(file)
    for mode in (0o640, 0o604, 0o620):
        file.chmod(mode)
        assert f"has the mode {mode:04o}" in refused(file)


def test_not_shown():
    """Neither repr nor str nor a pickle shows the key."""
    signer = new_signer("log.example/1", ED25519)
    assert repr(signer) == str(signer) == f"<Signer {signer.vkey()}>"
    with pytest.raises(TypeError):
        pickle.dumps(signer)
    with pytest.raises(ProofError, match="spaces and plus signs"):
        new_signer("a b", ED25519)
