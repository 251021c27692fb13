"""Writes the golden vectors of proofs of one event: `python -m tests.vectors.event_proofs`.

Each is a file's text, the keys that its reader trusts, the exit status and what is said. Only for a new version of the
format: proofs that people hold are read for ever.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from signal_log.seal.canonical import digest, parts
from signal_log.seal.checkpoint import Checkpoint
from signal_log.seal.keys.key import Signer
from signal_log.seal.merkle import Node, inclusion_proof, leaf_hash, node_hash, root_of
from signal_log.seal.note import COSIGNATURE, ED25519, Note
from signal_log.seal.verify.proof import check_proof, extra_of, read_proof, write_proof
from signal_log.seal.verify.proof_words import said
from tests.vectors.event_digests import events

FILE: Final = Path(__file__).with_name("event_proof_v1.json")
ORIGIN: Final = "log.example/0123456789abcdef/1"
AT: Final = 1_795_000_000
SIZE: Final = 11


def signer(name: str, kind: int, seed: int) -> Signer:
    """A key that everybody knows."""
    return Signer(name, kind, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


LOG: Final = signer(ORIGIN, ED25519, 1)
FIRST: Final = signer("w1.example", COSIGNATURE, 2)
SECOND: Final = signer("w2.example", COSIGNATURE, 3)
STRANGER: Final = signer(ORIGIN, ED25519, 9)


def node_over(leaves: list[bytes]) -> Node:
    """The hashes of complete subtrees over leaves."""

    def node(level: int, index: int) -> bytes:
        if not level:
            return leaves[index]
        return node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))

    return node


def files() -> list[bytes]:
    """The proofs of the first events: two as they are, the third with its payload redacted."""
    found = events()[:SIZE]
    leaves = [leaf_hash(digest(*parts(event), salt)) for event, salt in found]
    node = node_over(leaves)
    stated = Checkpoint(ORIGIN, SIZE, root_of(SIZE, node))
    note = Note(
        stated.text, (LOG.sign(stated.text), FIRST.cosign(stated.text, AT), SECOND.cosign(stated.text, AT + 60))
    )
    made = []
    for index, (event, salt) in enumerate(found[:3]):
        bytes_of, kept = parts(event), None
        if index == 2:
            kept = sha256(salt[:16] + bytes_of.subject).digest() + sha256(salt[16:] + bytes_of.payload).digest()
            salt = salt[:16] + bytes(16)  # noqa: PLW2901
        extra = extra_of(100 + index, bytes_of, salt, kept)
        made.append(write_proof(index, inclusion_proof(index, SIZE, node), note.encode(), extra))
    return made


def vectors() -> Iterator[dict[str, Any]]:
    """Each file, what its reader trusts, and what comes of it."""
    log, other = str(LOG.vkey()), str(STRANGER.vkey())
    first, second = str(FIRST.vkey()), str(SECOND.vkey())
    third = str(signer("w3.example", COSIGNATURE, 4).vkey())
    whole, hostile, redacted = (made.decode() for made in files())
    lines = whole.split("\n")
    moved = whole.replace("\nindex 0\n", "\nindex 1\n")
    altered = read_proof(whole.encode()).extra.replace(b'"ada"', b'"eve"')
    forged = write_proof(0, read_proof(whole.encode()).hashes, read_proof(whole.encode()).note.encode(), altered)
    resized = whole.replace(f"\n{SIZE}\n", f"\n{SIZE + 1}\n")
    yield case("as it was sealed", whole, 0, [log], [first, second])
    yield case("of text that a terminal would obey", hostile, 0, [log], [])
    yield case("with a redacted payload", redacted, 0, [log], [first])
    yield case("by the key of another generation", whole, 0, [log_key_of_generation(2)], [])
    yield case("a quorum of two of three", whole, 0, [log], [first, second, third], quorum=2)
    yield case("one witness is missing", whole, 2, [log], [first, second, third])
    yield case("another value", forged.decode(), 1, [log], [])
    yield case("another index", moved, 1, [log], [])
    yield case("another size", resized, 1, [log], [])
    yield case("a hash is missing", "\n".join([*lines[:4], *lines[5:]]), 1, [log], [])
    yield case("another key", whole, 2, [other], [])
    yield case("the key of another log", whole, 2, [str(signer("other.example/1", ED25519, 1).vkey())], [])
    yield case("no proof", "hello\n", 2, [log], [])
    yield case("cut within the hashes", whole[: whole.index("\n\n")], 2, [log], [])
    yield case("cut within the checkpoint", whole[:-60], 2, [log], [])
    yield case("cut within what it says", whole.replace(lines[1], lines[1][:-3]), 2, [log], [])
    yield case("nothing said", whole.replace(f"{lines[1]}\n", ""), 2, [log], [])


def log_key_of_generation(generation: int) -> str:
    """The log's key as its later checkpoints name it."""
    return str(LOG.vkey(f"{ORIGIN.rpartition('/')[0]}/{generation}"))


def case(name: str, text: str, code: int, keys: list[str], witnesses: list[str], **options: Any) -> dict[str, Any]:
    """A vector; what a good proof says is computed here and read by people in the file."""
    made = {"name": name, "proof": text, "vkeys": keys, "witnesses": witnesses, "exit": code, **options}
    if not code:
        from signal_log.seal.note import verifier_key

        trusted = [[verifier_key(key) for key in some] for some in (keys, witnesses)]
        made["said"] = list(said(check_proof(read_proof(text.encode()), *trusted, quorum=options.get("quorum"))))
    return made


if __name__ == "__main__":
    FILE.write_text("[\n" + ",\n".join(json.dumps(one, ensure_ascii=True) for one in vectors()) + "\n]\n")
