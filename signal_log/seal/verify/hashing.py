"""Computes leaves from the raw values of rows, as fast as Python can: what consecutive rows share is encoded once.

A row that was altered need not be understood, only found. So a value's stored text is not read and written again where
the digest can tell: it is put between the names of the fields as it stands, and gives the digest that was sealed only
if it is, byte for byte, what was hashed then. No value can hide another: a field's name in quotes, with a colon, is in
no text of JSON, where quotes are escaped, and a nested value is parsed, so that it ends where it seems to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any, Final

from orjson import Fragment, JSONDecodeError, JSONEncodeError, dumps, loads

from signal_log.event import HEADER_FIELDS, INCOMPLETE, PAYLOAD_FIELDS, SUBJECT_FIELDS
from signal_log.seal.canonical import DOMAIN, ERASED, canonical, compiled
from signal_log.seal.merkle import leaf_hash
from signal_log.seal.verify.row import Row, Rows

JSON: Final = frozenset({"update_fields", "origin", "changes", "overwrote", "labels"})
BOOLEANS: Final = frozenset({"raw", "created"})


class Part:
    """Some fields that are encoded together."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self.by_name = compiled(self.names, self.names)
        self.nested = [name for name in self.names if name in JSON]
        self.booleans = [name for name in self.names if name in BOOLEANS]


SUBJECT: Final = Part(SUBJECT_FIELDS)
PAYLOAD: Final = Part(PAYLOAD_FIELDS)
_moment_at, _trace_at = HEADER_FIELDS.index("occurred_at"), HEADER_FIELDS.index("trace_id")
_HEAD, _MIDDLE, _END = map(
    Part, (HEADER_FIELDS[:_moment_at], HEADER_FIELDS[_moment_at + 1 : _trace_at], HEADER_FIELDS[_trace_at + 1 :])
)
SHARED: Final = Part([*_HEAD.names, *_MIDDLE.names, *_END.names])
"""What many events have in common of the header."""
ALONE: Final = ("id", "digest", "salt", "kept_hashes", "redacted_at", "occurred_at", "trace_id")
PARTS: Final = (SUBJECT, PAYLOAD, SHARED)
"""A row's values are those of ``ALONE``, then those of each part: on SQLite as one JSON array for each part."""
UNREADABLE: Final = (
    TypeError, ValueError, KeyError, AttributeError, OverflowError, JSONDecodeError, JSONEncodeError, RecursionError,
    IndexError,
)  # fmt: skip
MOST_SHARED: Final = 4_096
"""So many shared parts of headers are kept encoded."""
_ID, _DIGEST, _SALT, _KEPT, _REDACTED, _MOMENT, _TRACE = range(len(ALONE))
_TRUTH: Final = {0: False, 1: True}
_WITH_FRACTION: Final = len("2026-11-22 09:42:17.950112")


class Hashing:
    """Makes rows of raw values; ``carefully`` computes the digest of one whose values come in another form.

    On SQLite times and traces are converted here, and their text and that of JSON has to be the recorder's own: what a
    reader takes for the same is not the same to a filter.
    """

    def __init__(self, carefully: Callable[[int], bytes | None], *, on_sqlite: bool) -> None:
        self._carefully = carefully
        self._on_sqlite = on_sqlite
        self._subject_at, self._payload_at, self._shared_at = _places(as_arrays=on_sqlite)
        self._headers: dict[Any, tuple[str, str, str]] = {}
        self._in_subject: Any = None
        self._in_payload: Any = None
        self._subject = self._payload = b""
        self._in_trace = self._trace = ""
        self._is_incomplete = False

    def rows(self, found: Iterable[Sequence[Any]]) -> Rows:
        """From the values of each."""
        ids: list[int] = []
        leaves: list[bytes | None] = []
        odd: dict[int, Row] = {}
        digest_of = self._digest
        for values in found:
            told = values[_DIGEST]
            try:
                digest = digest_of(values)
            except UNREADABLE:
                digest = None
            ids.append(values[_ID])
            is_plain = values[_REDACTED] is None and values[_KEPT] is None and not self._is_incomplete
            if digest is not None and digest == told and is_plain:
                leaves.append(leaf_hash(digest))
            else:
                row = odd[values[_ID]] = self._odd(values, digest)
                leaves.append(row.leaf)
        return Rows(ids, leaves, odd)

    def _odd(self, values: Sequence[Any], digest: bytes | None) -> Row:
        """A row that does not give its digest like others, or of which there is something to remark."""
        number, told = values[_ID], values[_DIGEST]
        incomplete = digest is not None and self._is_incomplete
        redacted = values[_KEPT] is not None or values[_REDACTED] is not None
        stored = stored_leaf(told)
        if redacted and self._on_sqlite:
            try:
                _refuse_other_forms(values)
            except UNREADABLE:
                digest, incomplete = None, False
        if digest is not None and digest == told:
            return Row(number, stored, stored, redacted, incomplete)
        digest = self._carefully(number)
        return Row(number, leaf_hash(digest) if digest else None, stored, redacted, incomplete)

    def _digest(self, values: Sequence[Any]) -> bytes:
        """What the row before had, too, is not encoded again."""
        subject, payload, shared = values[self._subject_at], values[self._payload_at], values[self._shared_at]
        if subject != self._in_subject:
            self._in_subject, self._subject = None, self._encoded(SUBJECT, self._found(SUBJECT, subject))
            self._in_subject = subject
        if payload != self._in_payload:
            self._in_payload, found = None, self._found(PAYLOAD, payload)
            error = found["error"]
            self._is_incomplete = bool(error) and error.startswith(INCOMPLETE)
            self._payload = self._encoded(PAYLOAD, found)
            self._in_payload = payload
        moment, trace, salt = values[_MOMENT], values[_TRACE], values[_SALT]
        if self._on_sqlite:
            moment = _moment(moment)
            if trace != self._in_trace:
                self._trace = f"{trace[:8]}-{trace[8:12]}-{trace[12:16]}-{trace[16:20]}-{trace[20:]}"
                self._in_trace = trace
            trace = self._trace
        else:
            moment = moment.removesuffix("AD")  # what is left of another era is no event's
        before, between, after = self._headers.get(shared) or self._header(shared)
        header = f"{before}{moment}{between}{trace}{after}".encode()
        hashes = sha256(salt[:16] + self._subject).digest(), sha256(salt[16:] + self._payload).digest()
        if values[_KEPT] is not None:
            hashes = _of_redacted(hashes, salt, values[_KEPT])
        return sha256(header + hashes[0] + hashes[1]).digest()

    def _header(self, shared: Any) -> tuple[str, str, str]:
        """What is before the time, between it and the trace, and after that; kept, as many events have the same."""
        if len(self._headers) >= MOST_SHARED:
            self._headers.clear()
        found = self._found(SHARED, shared)
        before, between, after = (
            self._encoded(part, {name: found[name] for name in part.names})[1:-1].decode()
            for part in (_HEAD, _MIDDLE, _END)
        )
        made = f'{DOMAIN.decode()}{{{before},"occurred_at":"', f'",{between},"trace_id":"', f'",{after}}}\n'
        self._headers[shared] = made
        return made

    def _found(self, part: Part, stored: Any) -> dict[str, Any]:
        return part.by_name(loads(stored) if self._on_sqlite else stored)

    def _encoded(self, part: Part, found: dict[str, Any]) -> bytes:
        """A part as canonical JSON, if it is what was hashed; JSON that is stored as text as it stands."""
        for name in part.nested:
            if (text := found[name]) is not None:
                value = loads(text)
                if value is None:  # JSON's null, which no filter takes for the column's
                    raise ValueError(name)
                found[name] = Fragment(text) if self._on_sqlite else value
        for name in part.booleans:
            if (number := found[name]) is not None:
                found[name] = _TRUTH[number]  # Django takes any number but 0 for true
        return dumps(found) if self._on_sqlite else canonical(found)


def stored_leaf(told: Any) -> bytes:
    """The leaf that a stored digest gives; on SQLite it may be text, and gives none."""
    return leaf_hash(told) if isinstance(told, bytes) else b""


def _places(*, as_arrays: bool) -> Iterator[int | slice]:
    """Where a row has each part."""
    at = len(ALONE)
    for part in PARTS:
        yield at if as_arrays else slice(at, at + len(part.names))
        at += 1 if as_arrays else len(part.names)


def _of_redacted(hashes: tuple[bytes, bytes], salt: bytes, kept: bytes) -> tuple[bytes, bytes]:
    """The hashes of a redacted row's parts, where the kept one stands for a part that is gone."""
    told = kept[:32], kept[32:64]
    erased = salt[:16] == ERASED, salt[16:] == ERASED
    if any(not gone and one != other for gone, one, other in zip(erased, hashes, told, strict=True)):
        raise ValueError("a kept hash is not that of the part, which is still there")
    return told


def _refuse_other_forms(values: Sequence[Any]) -> None:
    """Raise ``ValueError`` if SQLite has something in another text than the recorder's: no digest tells of the rest."""
    if values[_REDACTED] is not None:
        _moment(values[_REDACTED])
    for part, stored in zip(PARTS, values[len(ALONE) :], strict=True):
        found = part.by_name(loads(stored))
        if any(found[name] is not None and canonical(loads(found[name])) != found[name].encode()
               for name in part.nested):  # fmt: skip
            raise ValueError(stored)


def _moment(text: str) -> str:
    """Canonical text of a time as SQLite has it; raises ``ValueError`` if another text of it would give the same."""
    if text[10] != " " or text.endswith(".000000"):
        raise ValueError(text)
    return f"{text[:10]}T{text[11:]}Z" if len(text) == _WITH_FRACTION else f"{text[:10]}T{text[11:]}.000000Z"
