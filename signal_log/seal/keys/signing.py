"""The keys in ``SEAL_KEYS``: the first signs, in this process or in a signer's, and all of them verify."""

from __future__ import annotations

import base64
import binascii
import logging
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from signal_log.conf import conf
from signal_log.errors import ProofError
from signal_log.seal.checkpoint import read_checkpoint
from signal_log.seal.keys.bound import is_origin, must_be_of
from signal_log.seal.keys.key import Signer, read_key
from signal_log.seal.keys.remembered import Remembered, followed, generation_of, log_of, read_remembered, recall
from signal_log.seal.keys.signer import LONGEST_LINE, SECONDS, begin, begins, sign_next
from signal_log.seal.note import ED25519, Note, VerifierKey, read_note, signed_by, verifier_key

SOCKET: Final = "unix:"
_logger: Final = logging.getLogger(__name__)


class SealKey(Protocol):
    """A key that signs. Its methods raise ``ProofError``, with a sentence for people."""

    def vkey(self, name: str) -> VerifierKey:
        """What verifies its signatures under the origin of a log that it signs for, and of no other."""

    def last(self, origin: str) -> Remembered | None:
        """What it has signed last of this log; None if that is not known."""

    def followed(self, origin: str) -> str | None:
        """The text of the checkpoint that the newest generation follows that it has begun; None for none."""

    def begin(self, origin: str, follows: str) -> None:
        """Begin a generation after this checkpoint, the text of one; without that it signs nothing of it."""

    def sign(self, text: str, old: int, proof: Sequence[bytes]) -> Note:
        """Sign a checkpoint, which by this proof has grown from the one of ``old`` events that it has signed last."""


class FileKey:
    """A key in a file that this process reads."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def signer(self) -> Signer:
        """The key itself; raises ``ProofError`` if it is none that signs a log."""
        key = read_key(self.path)
        if key.kind != ED25519:
            raise ProofError(f"The key in {self.path} is a witness's; the log needs one of its own.")
        return key

    def vkey(self, name: str) -> VerifierKey:
        """What verifies its signatures under a log's origin."""
        signer = self.signer()
        must_be_of(self.path, signer.name, name)
        return signer.vkey(name)

    def last(self, origin: str) -> Remembered | None:
        """What it has signed last of this log."""
        return recall(self.path, origin)

    def followed(self, origin: str) -> str | None:
        """What the newest generation follows that it has begun."""
        return followed(self.path, origin)

    def begin(self, origin: str, follows: str) -> None:
        """Begin a generation: whoever runs this may read the key."""
        begin(self.path, origin, follows)

    def sign(self, text: str, old: int, proof: Sequence[bytes]) -> Note:
        """Sign a checkpoint; where what is signed cannot be kept, as beside a mounted secret, that is only logged."""
        signer = read_key(self.path)
        try:
            return sign_next(self.path, signer, text, old, proof)
        except OSError as error:
            if generation_of(text.partition("\n")[0]) > 1:
                raise ProofError(f"What is signed could not be kept beside {self.path}: {error.strerror}.") from None
            _logger.debug("What %s has signed could not be kept beside it: %s", self.path, error.strerror)
            return Note(text, (signer.sign(text, text.partition("\n")[0]),))


class SocketKey:
    """A key that another process keeps, which is asked by its socket (``signal_seal signer``)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def vkey(self, name: str) -> VerifierKey:
        """What verifies its signatures under a log's origin."""
        return verifier_key(self._ask("key", f"vkey {name}"))

    def last(self, origin: str) -> Remembered | None:
        """What it has signed last of this log."""
        told = self._ask("last", f"last {origin}")
        return read_remembered(self._decoded(told)) if told else None

    def followed(self, origin: str) -> str | None:
        """What the newest generation follows that it has begun."""
        return self._decoded(self._ask("followed", f"followed {origin}")).decode(errors="replace") or None

    def begin(self, origin: str, follows: str) -> None:
        """See that the signer's operator has had it begin this generation."""
        if not begins(self.last(origin), origin, follows):
            raise ProofError(
                f"The signer at {self.path} has not begun {origin} after {read_checkpoint(follows)}. Only its operator "
                f"can: `signal_seal begin {origin} --key FILE`, where the key is, and with --follows FILE if the key "
                "has not signed that itself. Then do this again."
            )

    def sign(self, text: str, old: int, proof: Sequence[bytes]) -> Note:
        """Have a checkpoint signed; the signature is verified before it is used."""
        encoded = [base64.b64encode(one).decode() for one in (text.encode(), *proof)]
        note = read_note(self._decoded(self._ask("note", " ".join(["sign", encoded[0], str(old), *encoded[1:]]))))
        if note.text != text or not signed_by(note, [self.vkey(text.partition("\n")[0])]):
            raise ProofError(f"The signer at {self.path} answered with something else than a signature of what it got.")
        return note

    def _ask(self, expected: str, line: str) -> str:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(SECONDS)
                connection.connect(str(self.path))
                connection.sendall(f"{line}\n".encode())
                with connection.makefile("rb") as answers:
                    answered = answers.readline(LONGEST_LINE).decode(errors="replace")
        except OSError as error:
            why = error.strerror or "it took too long"
            raise ProofError(f"The signer at {self.path} does not answer: {why}.") from None
        kind, _, rest = answered.removesuffix("\n").partition(" ")
        if kind == "refused":
            raise ProofError(f"The signer at {self.path} refused. {rest}")
        if kind != expected or not answered.endswith("\n"):
            raise ProofError(f"What answers at {self.path} is no signer.")
        return rest

    def _decoded(self, text: str) -> bytes:
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise ProofError(f"What answers at {self.path} is no signer.") from None


def signing_key() -> SealKey | None:
    """The key that signs; None if ``SEAL_KEYS`` names none. Raises ``ProofError`` for an entry that cannot sign."""
    return key_that_signs(conf.SEAL_KEYS[0]) if conf.SEAL_KEYS else None


def key_that_signs(entry: str) -> SealKey:
    """The key of an entry: a path, or ``unix:`` and the path of a signer's socket; raises ``ProofError``."""
    if entry.startswith(SOCKET):
        return SocketKey(Path(entry.removeprefix(SOCKET)))
    if "+" in entry and not Path(entry).exists():
        raise ProofError("The first of SEAL_KEYS signs; a verifier key is none that can, and has to come after it.")
    return FileKey(Path(entry))


def log_vkeys(origin: str) -> list[VerifierKey]:
    """What verifies this log's checkpoints: of every key in ``SEAL_KEYS``. Raises ``ProofError``."""
    return [vkey_of(entry, origin) for entry in conf.SEAL_KEYS]


def vkey_of(entry: str, origin: str) -> VerifierKey:
    """What verifies the signatures of an entry of ``SEAL_KEYS``, which may be a verifier key itself; ``ProofError``."""
    if is_vkey(entry):
        return under(verifier_key(entry), origin)
    return key_that_signs(entry).vkey(origin)


def is_vkey(entry: str) -> bool:
    """Whether an entry of ``SEAL_KEYS`` is a verifier key, and no path."""
    return "+" in entry and not entry.startswith(SOCKET) and not Path(entry).exists()


def under(key: VerifierKey, origin: str) -> VerifierKey:
    """A log's key under the name of another generation of that log; ``ProofError`` if it is another log's."""
    if not is_origin(key.name) or log_of(key.name) != log_of(origin):
        raise ProofError(f"The key {key} is of the log {log_of(key.name) or key.name}, and not of {log_of(origin)}.")
    return VerifierKey(origin, key.kind, key.public)
