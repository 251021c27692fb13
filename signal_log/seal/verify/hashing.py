"""Computes leaves from the raw values of rows, as fast as Python can: what consecutive rows share is encoded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

from orjson import OPT_SORT_KEYS, Fragment, JSONDecodeError, JSONEncodeError, dumps, loads

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
UNREADABLE: Final = (
    TypeError, ValueError, KeyError, AttributeError, OverflowError, JSONDecodeError, JSONEncodeError, RecursionError,
)  # fmt: skip
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

    On SQLite times and traces are converted here, and their text and that of JSON has to be the recorder's own: what a
    reader takes for the same is not the same to a filter.
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
        try:
            leaf = sha256(b"\x00" + told).digest()
        except TypeError:  # on SQLite it may be text
            leaf = b""
        redacted = kept is not None or values[_REDACTED] is not None
        if digest == told:
            return Row(values[_ID], leaf, leaf, redacted, incomplete, not (redacted or incomplete))
        digest = self._carefully(values[_ID])
        return Row(values[_ID], digest and sha256(b"\x00" + digest).digest(), leaf, redacted, incomplete)

    def _digest(self, values: Sequence[Any]) -> bytes:
        moment, trace, kept = values[_MOMENT], values[_TRACE], values[_KEPT]
        if self._on_sqlite:
            moment = _moment(moment)
            trace = f"{trace[:8]}-{trace[8:12]}-{trace[12:16]}-{trace[16:20]}-{trace[20:]}"
            if values[_REDACTED] is not None:
                _moment(values[_REDACTED])
        else:
            moment = moment.removesuffix("AD")  # what is left of another era is no event's
        head = values[:_MOMENT]
        middle = values[_MOMENT + 1 : _TRACE]
        end = values[_TRACE + 1 : _SUBJECT]
        header = b'{%b,"occurred_at":"%b",%b,"trace_id":"%b",%b}' % (
            self._heads.get(head) or self._shared(self._heads, head, _HEAD),
            moment.encode(),
            self._middles.get(middle) or self._shared(self._middles, middle, _MIDDLE),
            trace.encode(),
            self._ends.get(end) or self._shared(self._ends, end, _END),
        )
        subject, payload = values[_SUBJECT:_PAYLOAD], values[_PAYLOAD:_SALT]
        if subject != self._in_subject:
            self._in_subject, self._subject = None, _encoded(SUBJECT_FIELDS, subject, as_text=self._on_sqlite)
            self._in_subject = subject
        if payload != self._in_payload:
            self._in_payload, self._payload = None, _encoded(PAYLOAD_FIELDS, payload, as_text=self._on_sqlite)
            self._in_payload = payload
        salt = values[_SALT]
        hashes = sha256(salt[:16] + self._subject).digest(), sha256(salt[16:] + self._payload).digest()
        if kept is not None:
            hashes = _of_redacted(hashes, salt, kept)
        return sha256(b"%b%b\n%b%b" % (_DOMAIN, header, *hashes)).digest()

    def _shared(self, kept: dict[Any, bytes], values: Sequence[Any], names: Sequence[str]) -> bytes:
        """A stretch of the header, without braces; kept, as many events have the same."""
        if len(kept) >= MOST_SHARED:
            kept.clear()
        encoded = kept[values] = _encoded(names, values, as_text=self._on_sqlite)[1:-1]
        return encoded


def _of_redacted(hashes: tuple[bytes, bytes], salt: bytes, kept: bytes) -> tuple[bytes, bytes]:
    """The hashes of a redacted row's parts, where the kept one stands for a part that is gone."""
    told = kept[:32], kept[32:64]
    erased = salt[:16] == ERASED, salt[16:] == ERASED
    if any(not gone and one != other for gone, one, other in zip(erased, hashes, told, strict=True)):
        raise ValueError("a kept hash is not that of the part, which is still there")
    return told


def _moment(text: str) -> str:
    """Canonical text of a time as SQLite has it; raises ``ValueError`` unless it is just as the recorder writes it."""
    rest = text[19:]
    if text[10] != " " or rest == ".000000":
        raise ValueError(text)
    return f"{text[:10]}T{text[11:19]}{rest or '.000000'}Z"


def _encoded(names: Sequence[str], values: Sequence[Any], *, as_text: bool) -> bytes:
    """These fields as canonical JSON; ``as_text`` if JSON is stored as text, which has to be canonical then."""
    found = dict(zip(names, values, strict=True))
    for name in names:
        value = found[name]
        if value is None:
            continue
        if name in JSON:
            # Parsed, not taken as it stands: within the text of one column another could be hidden.
            parsed = loads(value)
            if parsed is None:  # JSON's null, which no filter takes for the column's
                raise ValueError(name)
            encoded = canonical(parsed)
            if as_text and encoded != value.encode():
                raise ValueError(name)
            found[name] = Fragment(encoded)
        elif name in BOOLEANS:
            found[name] = _TRUTH[value]  # Django takes any number but 0 for true
    return dumps(found, option=OPT_SORT_KEYS)
