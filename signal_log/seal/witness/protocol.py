"""What a log and a witness say to each other (c2sp.org/tlog-witness), and when a witness countersigns (no Django).

The client builds a request and the server decides about it here, so that both keep to the same rules. Who holds what
is passed in; nothing is stored, sent or timed in this file.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Final

from signal_log.errors import ProofError
from signal_log.seal.checkpoint import LARGEST, Checkpoint, read_checkpoint
from signal_log.seal.keys.key import Signer
from signal_log.seal.merkle import EMPTY_ROOT, HASH_BYTES, verify_consistency
from signal_log.seal.note import Note, Signature, VerifierKey, read_note, signed_by

ADD_CHECKPOINT: Final = "add-checkpoint"
SIZE_TYPE: Final = "text/x.tlog.size"
TEXT_TYPE: Final = "text/plain; charset=utf-8"
MOST_HASHES: Final = 63
"""Of a proof: enough for any tree of fewer than 2^63 leaves."""
MOST_BYTES: Final = 256 * 1024
"""Of a request."""
_SIZE: Final = re.compile(rb"0|[1-9]\d{0,18}")


@dataclass(frozen=True, slots=True)
class Request:
    """A log asks for a countersignature: its checkpoint, and the proof that it grew from the one of size ``old``."""

    old: int
    proof: Sequence[bytes]
    note: Note
    checkpoint: Checkpoint

    def encode(self) -> bytes:
        """The body of ``add-checkpoint``."""
        lines = [b"old %d\n" % self.old, *(base64.b64encode(one) + b"\n" for one in self.proof), b"\n"]
        return b"".join(lines) + self.note.encode()


@dataclass(frozen=True, slots=True)
class Held:
    """The last checkpoint of a log that a witness countersigned; an empty tree where there was none."""

    size: int = 0
    root: bytes = EMPTY_ROOT


@dataclass(frozen=True, slots=True)
class Answer:
    """A witness's answer, over whatever it goes."""

    status: int
    body: bytes
    content_type: str = TEXT_TYPE


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request that a witness may countersign, as soon as it has recorded that the tree ``held`` has grown to it."""

    request: Request
    signatures: tuple[Signature, ...]
    """Those of the log's keys, verified."""
    held: Held

    def cosigned(self, signer: Signer, time: int) -> tuple[Note, Answer]:
        """The note to record, and then the answer to give."""
        text = self.request.note.text
        signature = signer.cosign(text, time)
        return Note(text, (*self.signatures, signature)), Answer(HTTPStatus.OK, signature.line().encode())


def read_request(body: bytes) -> Request:
    """Read the body of ``add-checkpoint``; raises ``ProofError``."""
    head, empty, content = body.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    word, _, size = first.partition(b" ")
    if not empty or word != b"old":
        raise ProofError("A request is a line `old SIZE`, the lines of the proof, an empty line, and a checkpoint.")
    if len(lines) > MOST_HASHES:
        raise ProofError(f"A proof has at most {MOST_HASHES} lines, not {len(lines):,}.")
    note = read_note(content)
    return Request(read_size(size), [_hash(line) for line in lines], note, read_checkpoint(note.text))


def read_size(text: bytes) -> int:
    """A tree's size as a witness or a log writes it; raises ``ProofError``."""
    if not _SIZE.fullmatch(text) or int(text) > LARGEST:
        raise ProofError(f"{text[:30]!r} is no size of a tree.")
    return int(text)


def decide(
    body: bytes, keys_of: Callable[[str], Sequence[VerifierKey]], held_of: Callable[[str], Held]
) -> Accepted | Answer:
    """Whether a witness countersigns; if not, its answer. ``keys_of`` an unknown origin are none."""
    try:
        request = read_request(body)
    except ProofError as error:
        return refusal(HTTPStatus.BAD_REQUEST, str(error))
    checkpoint = request.checkpoint
    keys = keys_of(checkpoint.origin)
    if not keys:
        return refusal(HTTPStatus.NOT_FOUND, "This witness does not know a log of this origin.")
    try:
        signatures = tuple(signed_by(request.note, keys).values())
    except ProofError as error:
        return refusal(HTTPStatus.FORBIDDEN, str(error))
    if not signatures:
        return refusal(HTTPStatus.FORBIDDEN, "No key that this witness trusts for this log has signed the checkpoint.")
    if request.old > checkpoint.size:
        return refusal(HTTPStatus.BAD_REQUEST, "The old size is larger than the checkpoint's.")
    held = held_of(checkpoint.origin)
    if request.old != held.size:
        return conflict(held)
    if why := _unproved(request, held):
        return refusal(HTTPStatus.UNPROCESSABLE_ENTITY, why)
    return Accepted(request, signatures, held)


def conflict(held: Held) -> Answer:
    """The log has to prove that it grew from what is held here, which is of this size."""
    return Answer(HTTPStatus.CONFLICT, b"%d\n" % held.size, SIZE_TYPE)


def refusal(status: HTTPStatus, why: str) -> Answer:
    """An answer that says why not."""
    return Answer(status, f"{why}\n".encode())


def checkpoint_path(origin: str) -> str:
    """Where a witness shows the last checkpoint of a log that it countersigned, below its prefix."""
    return f"{origin_hash(origin)}/checkpoint"


def origin_hash(origin: str) -> str:
    """How a witness's addresses name a log."""
    return sha256(origin.encode()).hexdigest()


def _unproved(request: Request, held: Held) -> str:
    """Why the checkpoint does not follow from what is held; empty if it does."""
    checkpoint = request.checkpoint
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        return "The root is not that of an empty tree."
    if held.size == 0 < checkpoint.size:
        return "There is nothing to prove for a first checkpoint." if request.proof else ""
    if held.size == checkpoint.size and held.root != checkpoint.root:
        return "This witness has countersigned another root for a tree of this size."
    if not verify_consistency(held.size, checkpoint.size, held.root, checkpoint.root, request.proof):
        return "The proof does not show that this tree grew from the one that this witness countersigned last."
    return ""


def _hash(line: bytes) -> bytes:
    try:
        value = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != HASH_BYTES or base64.b64encode(value) != line:
        raise ProofError(f"{line[:60]!r} is no line of a proof: 32 bytes in base64.")
    return value
