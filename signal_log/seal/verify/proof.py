"""The proof of one event (c2sp.org/tlog-proof): a file that shows, by itself, what was sealed (pure; no Django).

Its ``extra`` line holds what the leaf is computed from: the event's three parts with their salts, or the kept hash of a
part that was redacted. None of it is believed; the leaf that it gives has to be in the tree that the log has signed.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import orjson

from signal_log.errors import ProofError
from signal_log.seal.canonical import ERASED, canonical
from signal_log.seal.checkpoint import Checkpoint, read_checkpoint
from signal_log.seal.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from signal_log.seal.note import COSIGNATURE, ED25519, Note, VerifierKey, read_note, signed_by, time_of

HEAD: Final = "c2sp.org/tlog-proof@v1"
FORMAT: Final = "signal_log/event/2"
SUFFIX: Final = ".tlog-proof"
MOST_BYTES: Final = 10_000_000
MOST_HASHES: Final = 64
_DOMAIN: Final = FORMAT.encode() + b"\n"
_KEYS: Final = frozenset(("format", "id", "header"))
_INDEX: Final = re.compile(r"index (0|[1-9]\d{0,18})", re.ASCII)
_SALT_BYTES: Final = 16


class Disproved(ProofError):
    """The file is a proof, and does not prove what it says."""


@dataclass(frozen=True, slots=True)
class EventProof:
    """A proof as it was read; nothing of it is verified yet."""

    index: int
    hashes: tuple[bytes, ...]
    note: Note
    checkpoint: Checkpoint
    extra: bytes


@dataclass(frozen=True, slots=True)
class Proved:
    """What is shown beyond doubt."""

    header: dict[str, Any]
    subject: dict[str, Any] | None
    """None if it is not in the file: it was redacted, or whoever made the file left it out."""
    payload: dict[str, Any] | None
    index: int
    checkpoint: Checkpoint
    key: VerifierKey
    """The log's, by which the checkpoint is signed."""
    witnesses: Mapping[VerifierKey, int]
    """Who has countersigned it, and when, in seconds since 1970."""
    said_id: int | None
    """The event's id as the file says; it is no part of what was sealed."""


def extra_of(number: int, parts: tuple[bytes, bytes, bytes], salt: bytes, kept: bytes | None = None) -> bytes:
    """What a proof's ``extra`` holds, from the canonical bytes of an event's parts.

    ``kept`` are the hashes of a redacted row's parts, of which those count whose half of the salt is erased.
    """
    header, subject, payload = parts
    told: dict[str, Any] = {"format": FORMAT, "id": number, "header": orjson.Fragment(header)}
    for name, part, at in (("subject", subject, 0), ("payload", payload, 1)):
        half = salt[at * _SALT_BYTES : (at + 1) * _SALT_BYTES]
        if kept and half == ERASED:
            told |= {name: None, f"{name}_hash": kept[at * HASH_BYTES : (at + 1) * HASH_BYTES].hex()}
        else:
            told |= {name: orjson.Fragment(part), f"{name}_salt": half.hex()}
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def write_proof(index: int, hashes: Sequence[bytes], note: bytes, extra: bytes) -> bytes:
    """The file."""
    lines = [HEAD, f"extra {_base64(extra)}", f"index {index}", *(_base64(one) for one in hashes), "", ""]
    return "\n".join(lines).encode() + note


def read_proof(content: bytes) -> EventProof:
    """Read a file; raises ``ProofError``."""
    if len(content) > MOST_BYTES:
        raise ProofError(f"A proof of {len(content):,} bytes is not read; the limit is {MOST_BYTES:,}.")
    head, empty, note_bytes = content.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        lines = [""]
    if lines.pop(0) != HEAD:
        raise ProofError(f"This is no proof of one event: it does not begin with {HEAD}.")
    if not empty:
        raise ProofError("This proof is cut short: nothing follows that the log has signed.")
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = _decoded(lines.pop(0).removeprefix("extra "), "what it says of the event")
    match = _INDEX.fullmatch(lines.pop(0)) if lines else None
    if match is None:
        raise ProofError("This proof does not say which leaf of the tree it is about.")
    hashes = tuple(_decoded(line, "a hash") for line in lines)
    if len(hashes) > MOST_HASHES or any(len(one) != HASH_BYTES for one in hashes):
        raise ProofError("This proof is damaged: its hashes are not as SHA-256 has them.")
    note = read_note(note_bytes)
    return EventProof(int(match[1]), hashes, note, read_checkpoint(note.text), extra)


def check_proof(
    proof: EventProof, keys: Sequence[VerifierKey], witnesses: Sequence[VerifierKey] = (), *, quorum: int | None = None,
    not_older_than: datetime | None = None,
) -> Proved:  # fmt: skip
    """What a proof shows, to somebody who trusts these keys of the log, and these witnesses.

    Raises ``Disproved`` where it shows that something was altered, and ``ProofError`` where it shows nothing to who
    trusts these. Without a ``quorum`` every witness has to have countersigned.
    """
    needed = len(witnesses) if quorum is None else quorum
    if any(key.kind != COSIGNATURE for key in witnesses) or any(key.kind != ED25519 for key in keys):
        raise ProofError("A key of the log and one of a witness were taken for each other.")
    if needed > len({key.public for key in witnesses}):
        raise ProofError(f"A quorum of {needed} is not possible with {len(witnesses)} witnesses.")
    if not_older_than is not None and not needed:
        raise ProofError("How old a proof is only a witness can tell; name one, and no quorum of 0.")
    parts = _parts(proof.extra)
    key = _signer(proof, keys)
    times = _countersigned(proof, witnesses)
    if not verify_inclusion(proof.index, proof.checkpoint.size, parts.leaf, proof.hashes, proof.checkpoint.root):
        raise Disproved(
            f"What this file says is not what the log sealed: no such event is in its tree of "
            f"{proof.checkpoint.size:,} at the index {proof.index:,}."
        )
    if len({one.public for one in times}) < needed:
        raise ProofError(
            f"Of the {len(witnesses)} witnesses named {len(times)} have countersigned this checkpoint, and {needed} "
            "are needed."
        )
    if not_older_than is not None:
        recent = [one for one, time in times.items() if time >= not_older_than.timestamp()]
        if len({one.public for one in recent}) < needed:
            last = datetime.fromtimestamp(max(times.values()), UTC)
            raise ProofError(f"This proof is too old: it was countersigned at {last:%Y-%m-%d %H:%M:%S} UTC.")
    return Proved(
        parts.header, parts.subject, parts.payload, proof.index, proof.checkpoint, key, times, parts.said_id
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Parts:
    header: dict[str, Any]
    subject: dict[str, Any] | None
    payload: dict[str, Any] | None
    leaf: bytes
    said_id: int | None


def _parts(extra: bytes) -> _Parts:
    damaged = ProofError("This proof holds nothing of a signal_log event that could be compared with the tree.")
    try:
        told = orjson.loads(extra)
        header, number = told["header"], told.get("id")
        known = _KEYS.union(*(_keys(told, name) for name in ("subject", "payload")))
        more, is_number = told.keys() - known, type(number) is int or number is None
        if told["format"] != FORMAT or not isinstance(header, dict) or not is_number:
            raise damaged
        is_twice = canonical(told) != extra
        hashes = _inner(told, "subject") + _inner(told, "payload")
        leaf = leaf_hash(sha256(_DOMAIN + canonical(header) + b"\n" + hashes).digest())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise damaged from None
    if more:
        raise ProofError(f"This proof says more of its event than was sealed: {_names(more)}.")
    if is_twice:
        raise ProofError("This proof says something of its event twice, or in another form than it is written in.")
    return _Parts(header, told["subject"], told["payload"], leaf, number)


def _names(keys: Iterable[str]) -> str:
    """A few of these keys, as nothing but text."""
    return ", ".join(ascii(key[:40]) for key in sorted(keys)[:5])


def _keys(told: Mapping[str, Any], name: str) -> tuple[str, str]:
    """What says a part: the part with its salt, or, where it is not in the file, its hash."""
    return name, f"{name}_hash" if told[name] is None else f"{name}_salt"


def _inner(told: Mapping[str, Any], name: str) -> bytes:
    """The hash of a part: of what is there, or the one that was kept."""
    part = told[name]
    if part is None:
        kept = bytes.fromhex(told[f"{name}_hash"])
        if len(kept) != HASH_BYTES:
            raise ValueError(name)
        return kept
    salt = bytes.fromhex(told[f"{name}_salt"])
    if not isinstance(part, dict) or len(salt) != _SALT_BYTES:
        raise ValueError(name)
    return sha256(salt + canonical(part)).digest()


def _signer(proof: EventProof, keys: Sequence[VerifierKey]) -> VerifierKey:
    origin = proof.checkpoint.origin
    # Each generation of a log signs under a name of its own, with the same key.
    log = origin.rpartition("/")[0]
    own = [
        VerifierKey(origin, key.kind, key.public)
        for key in keys
        if key.name == origin or (log and key.name.rpartition("/")[0] == log)
    ]
    if not own:
        names = ", ".join(key.name for key in keys) or "none"
        raise ProofError(f"This is a proof of the log {origin}, and no key of it was given, but of {names}.")
    try:
        found = signed_by(proof.note, own)
    except ProofError as error:
        raise Disproved(str(error)) from None
    if not found:
        raise ProofError(f"The checkpoint of {origin} in this proof is not signed by the key that was given.")
    return next(iter(found))


def _countersigned(proof: EventProof, witnesses: Sequence[VerifierKey]) -> dict[VerifierKey, int]:
    try:
        return {key: time_of(signature) for key, signature in signed_by(proof.note, witnesses).items()}
    except ProofError as error:
        raise Disproved(str(error)) from None


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _decoded(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ProofError(f"This proof is damaged: {what} is not base64.") from None
