"""Asks one witness: to countersign a checkpoint, or for the newest that it countersigned (no Django, no database).

What comes back is verified against the witness's key before anybody uses it; a witness that lies is a ``ProofError``,
whose sentence goes on from "The witness NAME: ".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NamedTuple

from signal_log.errors import ProofError
from signal_log.seal.checkpoint import Checkpoint, read_checkpoint
from signal_log.seal.http_call import SECONDS, Answered, address, call
from signal_log.seal.keys.key import LATEST
from signal_log.seal.note import (
    COSIGNATURE,
    Note,
    Signature,
    VerifierKey,
    read_note,
    signature_lines,
    signed_by,
    time_of,
    verifier_key,
)
from signal_log.seal.witness.protocol import ADD_CHECKPOINT, SIZE_TYPE, Request, checkpoint_path, read_size

_MEANINGS: Final = {
    HTTPStatus.BAD_REQUEST: "It says that our request is malformed (400).",
    HTTPStatus.FORBIDDEN: "It does not trust the key that signed the checkpoint (403); its operator has to be told of "
    "a new key.",
    HTTPStatus.NOT_FOUND: "It does not know this log (404); its operator has to trust our verifier key, and the "
    "address has to be right.",
}


class Witness(NamedTuple):
    """Where a witness answers, and what verifies its signatures."""

    url: str
    key: VerifierKey

    @property
    def name(self) -> str:
        """As its key calls it."""
        return self.key.name


class Cosigned(NamedTuple):
    """It countersigned."""

    signature: Signature

    @property
    def time(self) -> int:
        """Its own time, in seconds since 1970."""
        return time_of(self.signature)


class Holds(NamedTuple):
    """It last countersigned another size than the one that the proof begins with (409)."""

    size: int


class Contradicts(NamedTuple):
    """What it countersigned before is no beginning of this tree (422)."""


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest checkpoint that a witness shows of a log, verified."""

    note: Note
    checkpoint: Checkpoint
    time: int
    """When it countersigned it, in seconds since 1970."""


def witness(url: str, vkey: str) -> Witness:
    """Read a witness's address and key; raises ``ProofError``."""
    address(url)
    key = verifier_key(vkey)
    if key.kind != COSIGNATURE:
        raise ProofError(f"The key of {key.name} is a log's, not a witness's; ask the witness's operator for its key.")
    return Witness(url.rstrip("/"), key)


def add_checkpoint(to: Witness, request: Request, *, seconds: float = SECONDS) -> Cosigned | Holds | Contradicts:
    """Ask a witness to countersign; raises ``ProofError``."""
    answer = call("POST", f"{to.url}/{ADD_CHECKPOINT}", request.encode(), seconds=seconds,
                  headers={"Content-Type": "text/plain; charset=utf-8"})  # fmt: skip
    if answer.status == HTTPStatus.OK:
        return Cosigned(_cosignature(to.key, request.note.text, answer.body))
    if answer.status == HTTPStatus.CONFLICT and answer.content_type == SIZE_TYPE:
        if not answer.body.endswith(b"\n"):
            raise ProofError("It answered 409 without a whole line that says which size it holds.")
        return Holds(read_size(answer.body[:-1]))
    if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return Contradicts()
    raise ProofError(_meaning(answer))


def newest_from(
    url: str, vkey: str | VerifierKey, origin: str, keys: Iterable[VerifierKey] = (), *, seconds: float = SECONDS
) -> Newest | None:
    """The newest checkpoint of a log that a witness shows; None if it has countersigned none. Raises ``ProofError``.

    It is countersigned by this witness, and signed by one of the log's ``keys`` if any are given.
    """
    to = witness(url, str(vkey))
    answer = call("GET", f"{to.url}/{checkpoint_path(origin)}", seconds=seconds)
    if answer.status == HTTPStatus.NOT_FOUND:
        return None
    if answer.status != HTTPStatus.OK:
        raise ProofError(_meaning(answer))
    note = read_note(answer.body)
    checkpoint = read_checkpoint(note.text)
    if checkpoint.origin != origin:
        raise ProofError(f"It shows a checkpoint of another log, {checkpoint.origin}.")
    found = signed_by(note, [to.key])
    if not found:
        raise ProofError("It shows a checkpoint that it has not countersigned itself.")
    log_keys = list(keys)
    if log_keys and not signed_by(note, log_keys):
        raise ProofError("It shows a checkpoint that none of this log's keys has signed.")
    return Newest(note, checkpoint, _time(found[to.key]))


def _cosignature(key: VerifierKey, text: str, body: bytes) -> Signature:
    """The one line of the answer that is this key's; those of other keys are ignored, as the specification asks for."""
    if not body.endswith(b"\n"):
        raise ProofError("Its answer has no whole lines of signatures.")
    found = signed_by(Note(text, tuple(signature_lines(body))), [key])
    if not found:
        raise ProofError(f"Its answer has no signature of the key {key.key_id.hex()}.")
    _time(found[key])
    return found[key]


def _time(signature: Signature) -> int:
    time = time_of(signature)
    if not 0 < time <= LATEST:
        raise ProofError("Its signature tells no time.")
    return time


def _meaning(answer: Answered) -> str:
    known = {int(status): meaning for status, meaning in _MEANINGS.items()}
    return known.get(answer.status, f"It answered {answer.status}.")
