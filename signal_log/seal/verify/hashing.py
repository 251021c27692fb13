"""Computes leaves from the raw values of rows, as fast as Python can: what consecutive rows share is encoded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

from orjson import JSONDecodeError, JSONEncodeError, loads

from signal_log.event import HEADER_FIELDS, INCOMPLETE, PAYLOAD_FIELDS, SUBJECT_FIELDS
from signal_log.seal.canonical import ERASED, canonical

COLUMNS: Final = (
    *HEADER_FIELDS,
    *SUBJECT_FIELDS,
    *PAYLOAD_FIELDS,
    "salt",
    "digest",
    "id",
    "kept_hashes",
    "redacted_at",
)
"""In which order a row's values come: each part of the digest as its canonical JSON has it."""
JSON: Final = frozenset({"update_fields", "origin", "changes", "overwrote", "labels"})
BOOLEANS: Final = frozenset({"raw", "created"})
UNREADABLE: Final = (TypeError, ValueError, KeyError, JSONDecodeError, JSONEncodeError, RecursionError)
MOST_SHARED: Final = 4_096
"""So many beginnings, middles and ends of headers are kept encoded."""
_DOMAIN: Final = b"signal_log/event/2\n"
_TRUTH: Final = {0: False, 1: True}
_MOMENT, _TRACE = HEADER_FIELDS.index("occurred_at"), HEADER_FIELDS.index("trace_id")
_SUBJECT, _PAYLOAD = len(HEADER_FIELDS), len(HEADER_FIELDS) + len(SUBJECT_FIELDS)
_SALT = _PAYLOAD + len(PAYLOAD_FIELDS)
_DIGEST, _ID, _KEPT, _REDACTED = range(_SALT + 1, _SALT + 5)
_ERROR = COLUMNS.index("error")
_HEAD, _MIDDLE, _END = (
    HEADER_FIELDS[:_MOMENT], HEADER_FIELDS[_MOMENT + 1 : _TRACE], HEADER_FIELDS[_TRACE + 1 :],
)  # fmt: skip


class Row(NamedTuple):
    """What verification knows of a row."""

    id: int
    leaf: bytes | None
    """The leaf's hash that its values give; None if they can be no event's."""
    stored: bytes
    """The one that its stored digest gives."""
    redacted: bool = False
    incomplete: bool = False
    """Whether the recorder itself says that it could not record everything of it."""
    plain: bool = False
    """Whether there is nothing to remark of it but its leaf."""


class Hashing:
    """Makes rows of raw values; ``carefully`` computes the digest of one whose values come in another form.

    On SQLite times and traces are converted here.
    """

    def __init__(self, carefully: Callable[[int], bytes | None], *, on_sqlite: bool) -> None:
        self._carefully = carefully
        self._on_sqlite = on_sqlite
        self._heads: dict[Any, bytes] = {}
        self._middles: dict[Any, bytes] = {}
        self._ends: dict[Any, bytes] = {}
        self._in_subject: Any = None
        self._in_payload: Any = None
        self._subject = self._payload = b""

    def row(self, values: Sequence[Any]) -> Row:
        """From the values of ``COLUMNS``."""
        told, kept, error = values[_DIGEST], values[_KEPT], values[_ERROR]
        try:
            digest: bytes | None = self._digest(values)
            incomplete = bool(error) and error.startswith(INCOMPLETE)
        except UNREADABLE:
            digest, incomplete = None, False
        leaf = sha256(b"\x00" + told).digest()
        redacted = kept is not None or values[_REDACTED] is not None
        if digest == told:
            return Row(values[_ID], leaf, leaf, redacted, incomplete, not (redacted or incomplete))
        digest = self._carefully(values[_ID])
        return Row(values[_ID], digest and sha256(b"\x00" + digest).digest(), leaf, redacted, incomplete)

    def _digest(self, values: Sequence[Any]) -> bytes:
        moment, trace, kept = values[_MOMENT], values[_TRACE], values[_KEPT]
        if self._on_sqlite:
            moment = f"{moment[:10]}T{moment[11:19]}.{moment[20:] or '000000'}Z"
            trace = f"{trace[:8]}-{trace[8:12]}-{trace[12:16]}-{trace[16:20]}-{trace[20:]}"
        head = values[:_MOMENT]
        middle = values[_MOMENT + 1 : _TRACE]
        end = values[_TRACE + 1 : _SUBJECT]
        header = b'{%b,"occurred_at":"%b",%b,"trace_id":"%b",%b}' % (
            self._heads.get(head) or _shared(self._heads, head, _HEAD),
            moment.encode(),
            self._middles.get(middle) or _shared(self._middles, middle, _MIDDLE),
            trace.encode(),
            self._ends.get(end) or _shared(self._ends, end, _END),
        )
        subject, payload = values[_SUBJECT:_PAYLOAD], values[_PAYLOAD:_SALT]
        if subject != self._in_subject:
            self._in_subject, self._subject = None, _encoded(SUBJECT_FIELDS, subject)
            self._in_subject = subject
        if payload != self._in_payload:
            self._in_payload, self._payload = None, _encoded(PAYLOAD_FIELDS, payload)
            self._in_payload = payload
        salt = values[_SALT]
        if kept is None:
            subject_hash = sha256(salt[:16] + self._subject).digest()
            payload_hash = sha256(salt[16:] + self._payload).digest()
        else:
            subject_hash = kept[:32] if salt[:16] == ERASED else sha256(salt[:16] + self._subject).digest()
            payload_hash = kept[32:64] if salt[16:] == ERASED else sha256(salt[16:] + self._payload).digest()
        return sha256(b"%b%b\n%b%b" % (_DOMAIN, header, subject_hash, payload_hash)).digest()


def _shared(kept: dict[Any, bytes], values: Sequence[Any], names: Sequence[str]) -> bytes:
    """A stretch of the header, without braces; kept, as many events have the same."""
    if len(kept) >= MOST_SHARED:
        kept.clear()
    encoded = kept[values] = _encoded(names, values)[1:-1]
    return encoded


def _encoded(names: Sequence[str], values: Sequence[Any]) -> bytes:
    """These fields as canonical JSON."""
    found = dict(zip(names, values, strict=True))
    for name in names:
        value = found[name]
        if value is None:
            continue
        if name in JSON:
            # Parsed, not taken as it stands: within the text of one column another could be hidden.
            found[name] = loads(value)
        elif name in BOOLEANS:
            found[name] = _TRUTH[value]  # Django takes any number but 0 for true
    return canonical(found)
