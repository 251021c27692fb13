"""Private keys: made, kept in a file of mode 0600 outside the database, and used to sign notes (no Django).

The file holds one line, as Go's ``sumdb/note`` writes it: ``PRIVATE+KEY+<name>+<id>+<base64 of type and 32 bytes>``.
No message and no ``repr`` of anything here shows any of the 32 bytes.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from signal_log.errors import ProofError
from signal_log.seal.note import COSIGNATURE, ED25519, TYPES, Signature, VerifierKey, cosigned_message, is_name

MODE: Final = 0o600
LONGEST: Final = 2_000
"""A key's file, in bytes."""
LATEST: Final = 2**63 - 1
_HEAD: Final = "PRIVATE+KEY+"
_SEED_BYTES: Final = 32
_FORM: Final = "it has to be one line that begins with PRIVATE+KEY+, as signal_seal and signal_witness write it"


class Signer:
    """A private key, and the name that it signs for: a log's (``ED25519``), or a witness's (``COSIGNATURE``)."""

    def __init__(self, name: str, kind: int, private: Ed25519PrivateKey) -> None:
        if not is_name(name):
            raise ProofError(f"A key cannot be named {name[:60]!r}: spaces and plus signs are not possible in a name.")
        if kind not in TYPES:
            raise ProofError(f"A key of the type {kind} is not known here; Ed25519 is.")
        self.name = name
        self.kind = kind
        self._private = private

    def __repr__(self) -> str:
        return f"<Signer {self.vkey()}>"

    def vkey(self, name: str = "") -> VerifierKey:
        """What verifies this key's signatures; under another name, if one is given, as a log has one a generation."""
        return VerifierKey(name or self.name, self.kind, self._private.public_key().public_bytes_raw())

    def sign(self, text: str, name: str = "") -> Signature:
        """A log's signature over a note's text."""
        self._must_be(ED25519)
        return self._signature(name, self._private.sign(text.encode()))

    def cosign(self, text: str, time: int, name: str = "") -> Signature:
        """A witness's signature over a checkpoint's text and the time, in seconds since 1970."""
        self._must_be(COSIGNATURE)
        if not 0 < time <= LATEST:
            raise ProofError(f"A checkpoint cannot be countersigned at the time {time}; is the clock set?")
        return self._signature(name, time.to_bytes(8, "big") + self._private.sign(cosigned_message(text, time)))

    def _signature(self, name: str, value: bytes) -> Signature:
        key = self.vkey(name)
        return Signature(key.name, key.key_id, value)

    def _must_be(self, kind: int) -> None:
        if self.kind != kind:
            is_log = self.kind == ED25519
            mine, other = ("a log's", "a witness's") if is_log else ("a witness's", "a log's")
            raise ProofError(f"The key of {self.name} is {mine}; {other} key is needed here, which is another one.")


def new_signer(name: str, kind: int) -> Signer:
    """A new key; raises ``ProofError`` where it cannot have this name."""
    return Signer(name, kind, Ed25519PrivateKey.generate())


def write_key(path: Path, signer: Signer) -> None:
    """Write the key into a new file of mode 0600; raises ``ProofError``, also where there is a file already."""
    line = f"{_HEAD}{signer.name}+{signer.vkey().key_id.hex()}+{_encoded(signer)}\n".encode()
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    except FileExistsError:
        raise ProofError(f"There is a file {path} already; a key is never overwritten. Name another file.") from None
    except OSError as error:
        raise ProofError(f"The key's file {path} could not be made: {error.strerror}.") from None
    try:
        with open(opened, "wb") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink()
        raise ProofError(f"The key's file {path} could not be written: {error.strerror}.") from None


def read_key(path: Path) -> Signer:
    """Read a key's file; raises ``ProofError`` where it is missing, no key, or others than its owner may read it."""
    return read_private(_content(path), str(path))


def read_private(text: bytes, where: str) -> Signer:
    """Read a key's line; ``where`` it stood is all that a ``ProofError`` tells of it."""
    no_key = ProofError(f"{where} holds no private key: {_FORM}.")
    try:
        line = text.decode().strip("\r\n")
    except UnicodeDecodeError:
        raise no_key from None
    name, _, rest = line.removeprefix(_HEAD).partition("+")
    given_id, _, encoded = rest.partition("+")
    try:
        material = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        material = b""
    if not line.startswith(_HEAD) or not is_name(name) or len(material) != 1 + _SEED_BYTES or material[0] not in TYPES:
        raise no_key from None
    signer = Signer(name, material[0], Ed25519PrivateKey.from_private_bytes(material[1:]))
    if given_id != signer.vkey().key_id.hex():
        raise ProofError(f"The key in {where} does not have the id that it names; copy the file again, as a whole.")
    return signer


def _encoded(signer: Signer) -> str:
    return base64.b64encode(bytes([signer.kind]) + signer._private.private_bytes_raw()).decode()


def _content(path: Path) -> bytes:
    try:
        # Not blocking: a named pipe without a writer would keep us here for ever.
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(opened, "rb") as file:
            mode = os.fstat(opened).st_mode
            if not stat.S_ISREG(mode):
                raise ProofError(f"The key's file {path} is no file.")
            if mode & 0o077:
                raise ProofError(
                    f"The key's file {path} has the mode {mode & 0o777:04o}, so that others may use it: run `chmod 600`"
                    " on it, and make a new key if anybody could have read this one."
                )
            content = file.read(LONGEST + 1)
    except FileNotFoundError:
        raise ProofError(f"There is no key's file {path}; `init` makes one.") from None
    except OSError as error:
        raise ProofError(f"The key's file {path} could not be read: {error.strerror}.") from None
    if len(content) > LONGEST:
        raise ProofError(f"{path} holds no private key: {_FORM}.")
    return content
