"""What a redaction leaves of a row: exactly nothing, or a rest whose hash its event names (pure; no Django).

Where something in a part is masked, the part's salt is gone, and the kept hash proves only what stood there before. So
the redaction's event has a salted hash of what remains in each row, in the order of the ids in its label ``events``.
The salt follows the kept hashes in the row, and goes with the next redaction: what is erased later cannot be guessed.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

from signal_log.errors import ProofError
from signal_log.event import MASK, PAYLOAD_FIELDS, SUBJECT_FIELDS
from signal_log.seal.canonical import ERASED, parts
from signal_log.seal.merkle import HASH_BYTES
from signal_log.seal.named_leaves import NamedLeaves, leaves_by
from signal_log.seal.ranges import Ranges, parse_ranges

ERASED_SUBJECT: Final[dict[str, Any]] = {"object_pk": "", "actor_pk": "", "origin": None, "request_id": ""}
ERASED_PAYLOAD: Final[dict[str, Any]] = {
    "object_repr": MASK, "actor_repr": MASK, "changes": {}, "error": "", "path": "", "remote_addr": "",
    "call_site": "", "labels": None,
}  # fmt: skip
ERASE: Final = "erased"
"""In the label ``what`` of a redaction's event: its rows are erased as a whole."""
MASKED: Final = "masked"
LABEL: Final = "remains"
DONE: Final = "done"
"""In an event that follows: which events' redactions of an archive have been done, as ids."""
KEPT: Final = 2 * HASH_BYTES
"""So many bytes of ``kept_hashes`` are the hashes; what follows is the salt of what remains."""
SALT_BYTES: Final = 16
REMAINDER_BYTES: Final = 24
"""Of each SHA-256: 32 characters in a label."""
_DOMAIN: Final = b"signal_log/remains/1\n"


class Left(NamedTuple):
    """What one redaction says that it left."""

    rows: Ranges
    hashes: Mapping[int, bytes] | None
    """By id; None where every row is erased."""
    leaves: NamedLeaves

    def fits(self, number: int, row: Mapping[str, Any], salt: bytes, kept: bytes | None) -> bool:
        """Whether a row that is named is as it was left."""
        try:
            if self.hashes is None:
                return is_erased(row, salt, kept)
            return kept is not None and remainder(row, kept) == self.hashes[number]
        except (TypeError, ValueError, KeyError):  # values that no redaction leaves
            return False


def remainder(row: Mapping[str, Any], kept: bytes) -> bytes:
    """The hash of what remains in a row."""
    if len(kept) != KEPT + SALT_BYTES:
        raise ValueError("A row that is masked has a salt after its kept hashes.")
    _, subject, payload = parts(row)
    return sha256(_DOMAIN + kept[KEPT:] + subject + b"\n" + payload).digest()[:REMAINDER_BYTES]


def is_erased(row: Mapping[str, Any], salt: bytes, kept: bytes | None) -> bool:
    """Whether a row is exactly what is left of one that was erased."""
    erased = {**ERASED_SUBJECT, **ERASED_PAYLOAD}
    is_empty = all(row[name] == erased[name] for name in (*SUBJECT_FIELDS, *PAYLOAD_FIELDS))
    return is_empty and salt == ERASED * 2 and kept is not None and len(kept) == KEPT


def label_of(remainders: Iterable[bytes]) -> str:
    """Hashes as the label has them."""
    return base64.b64encode(b"".join(remainders)).decode()


def left_by(labels: Mapping[str, Any] | None) -> Left:
    """What the labels of a redaction's event say; raises ``ProofError``."""
    told = labels or {}
    rows = parse_ranges(str(told.get("events", "")))
    leaves = leaves_by(told, rows)
    if told.get("what") == ERASE:
        return Left(rows, None, leaves)
    try:
        hashes = base64.b64decode(str(told.get(LABEL, "")), validate=True)
    except (binascii.Error, ValueError):
        hashes = b""
    if told.get("what") != MASKED or len(hashes) != rows.count * REMAINDER_BYTES:
        raise ProofError("It does not say what it left.")
    starts = range(0, len(hashes), REMAINDER_BYTES)
    ids = (number for first, last in rows for number in range(first, last + 1))
    remain = {number: hashes[at : at + REMAINDER_BYTES] for number, at in zip(ids, starts, strict=True)}
    return Left(rows, remain, leaves)
