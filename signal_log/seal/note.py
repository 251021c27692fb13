"""Signed notes (c2sp.org/signed-note): a text, and lines of signatures below it (pure; no Django).

Two kinds of keys sign here: a log's own (``ED25519``) and a witness's (``COSIGNATURE``), whose signature begins with
the time at which it was made.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from signal_log.errors import ProofError

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04
"""Ed25519 over a time and the text (c2sp.org/tlog-cosignature)."""
TYPES: Final = (ED25519, COSIGNATURE)
MOST_BYTES: Final = 1_000_000
MOST_SIGNATURES: Final = 100
_DASH: Final = "— "
_ID_BYTES: Final = 4
_PUBLIC_BYTES: Final = 32
_TIME_BYTES: Final = 8
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class Signature:
    """A line: whose it says that it is, and its bytes."""

    name: str
    key_id: bytes
    value: bytes

    def line(self) -> str:
        """As it stands in the note, with its newline."""
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.value).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends with a newline, and what is signed below it."""

    text: str
    signatures: tuple[Signature, ...] = ()

    def encode(self) -> bytes:
        """The note's bytes."""
        return f"{self.text}\n{''.join(one.line() for one in self.signatures)}".encode()

    def signed(self, *signatures: Signature) -> Note:
        """With more signatures."""
        return Note(self.text, (*self.signatures, *signatures))


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key and the name that it signs for."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes by which a signature names the key."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:_ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"

    def verifies(self, text: str, signature: Signature) -> bool:
        """Whether this signature is this key's, over this text."""
        value, message = signature.value, text.encode()
        if self.kind == COSIGNATURE:
            time, value = value[:_TIME_BYTES], value[_TIME_BYTES:]
            message = cosigned_message(text, int.from_bytes(time, "big"))
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(value, message)
        except InvalidSignature:
            return False
        return True


def verifier_key(text: str) -> VerifierKey:
    """Read ``name+id+key``; raises ``ProofError``."""
    name, plus, rest = text.strip().partition("+")
    given_id, second, encoded = rest.partition("+")
    material = _decoded(encoded)
    if not (plus and second and is_name(name) and material):
        raise ProofError(f"{text[:60]!r} is no verifier key: it has the form name+id+key.")
    if material[0] not in TYPES or len(material) != 1 + _PUBLIC_BYTES:
        raise ProofError(f"The key of {name[:60]!r} is of a kind that is not known here; Ed25519 is.")
    key = VerifierKey(name, material[0], material[1:])
    if given_id != key.key_id.hex():
        raise ProofError(f"The key of {name[:60]!r} does not have the id {given_id[:16]!r}; copy it again, as a whole.")
    return key


def is_name(name: str) -> bool:
    """Whether a key, or an origin, may have this name."""
    return bool(name) and "+" not in name and not any(one.isspace() for one in name) and name.isprintable()


def cosigned_message(text: str, time: int) -> bytes:
    """What a witness signs."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def time_of(signature: Signature) -> int:
    """When a witness made this signature, in seconds since 1970."""
    return int.from_bytes(signature.value[:_TIME_BYTES], "big")


def read_note(content: bytes) -> Note:
    """Read a note, of whose signatures nothing is known yet; raises ``ProofError``."""
    if len(content) > MOST_BYTES:
        raise ProofError(f"A signed note of {len(content):,} bytes is not read; the limit is {MOST_BYTES:,}.")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ProofError("This is no signed note: it is not UTF-8.") from None
    body, empty, lines = text.rpartition("\n\n")
    if not empty or not lines.endswith("\n") or _CONTROL.search(text):
        raise ProofError("This is no signed note: a text, an empty line, and signatures, each on a line that ends.")
    signatures = [_signature(line) for line in lines[:-1].split("\n")]
    if len(signatures) > MOST_SIGNATURES:
        raise ProofError(f"A note with {len(signatures):,} signatures is not read; the limit is {MOST_SIGNATURES}.")
    return Note(f"{body}\n", tuple(signatures))


def signed_by(note: Note, keys: Iterable[VerifierKey]) -> Mapping[VerifierKey, Signature]:
    """The signatures of these keys, each verified; those of others are ignored.

    Raises ``ProofError`` if one that says that it is by one of these keys is not, as the specification asks for.
    """
    known = {(key.name, key.key_id): key for key in keys}
    found: dict[VerifierKey, Signature] = {}
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        if not key.verifies(note.text, signature):
            raise ProofError(
                f"The signature of {key.name} is not by its key {key.key_id.hex()}, or not over this text."
            )
        found[key] = signature
    return found


def signature_lines(content: bytes) -> Sequence[Signature]:
    """Lines of signatures alone, as a witness answers; raises ``ProofError``."""
    try:
        return [_signature(line) for line in content.decode().splitlines()[:MOST_SIGNATURES]]
    except UnicodeDecodeError:
        raise ProofError("These are no lines of signatures: they are not UTF-8.") from None


def _signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    value = _decoded(encoded)
    if not line.startswith(_DASH) or not space or not is_name(name) or len(value) <= _ID_BYTES:
        raise ProofError(f"{line[:60]!r} is no signature's line.")
    return Signature(name, value[:_ID_BYTES], value[_ID_BYTES:])


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
