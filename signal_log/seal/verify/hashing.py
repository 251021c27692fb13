"""Computes leaves from the raw values of rows, as fast as Python can: what consecutive rows share is encoded once.

A row that was altered need not be understood, only found. So a value's stored text is not read and written again where
the digest can tell: it is put between the names of the fields as it stands, and gives the digest that was sealed only
if it is, byte for byte, what was hashed then. No value can hide another: a field's name in quotes, with a colon, is in
no text of JSON, where quotes are escaped, and a nested value is parsed, so that it ends where it seems to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from typing import Any, Final

from orjson import Fragment, JSONDecodeError, JSONEncodeError, dumps, loads

from signal_log.event import HEADER_FIELDS, INCOMPLETE, PAYLOAD_FIELDS, SUBJECT_FIELDS
from signal_log.seal.canonical import DOMAIN, ERASED, canonical
from signal_log.seal.merkle import leaf_hash
from signal_log.seal.verify.row import Row, Rows

JSON: Final = frozenset({"update_fields", "origin", "changes", "overwrote", "labels"})
BOOLEANS: Final = frozenset({"raw", "created"})
_MOMENT_AT, _TRACE_AT = HEADER_FIELDS.index("occurred_at"), HEADER_FIELDS.index("trace_id")
_HEAD, _MIDDLE, _END = (
    HEADER_FIELDS[:_MOMENT_AT], HEADER_FIELDS[_MOMENT_AT + 1 : _TRACE_AT], HEADER_FIELDS[_TRACE_AT + 1 :],
)  # fmt: skip
ALONE: Final = ("id", "digest", "salt", "kept_hashes", "redacted_at", "occurred_at")
OPERATION: Final = ("trace_id", *SUBJECT_FIELDS, *PAYLOAD_FIELDS)
"""What the two events of a save or delete mostly have in common."""
KIND: Final = (*_HEAD, *_MIDDLE, *_END)
"""The rest of the header, which many events have in common."""
GROUPS: Final = (OPERATION, KIND)
"""A row's values are those of ``ALONE``, then those of each group: on SQLite as one JSON array for each."""
UNREADABLE: Final = (
    TypeError, ValueError, KeyError, AttributeError, OverflowError, JSONDecodeError, JSONEncodeError, RecursionError,
    IndexError,
)  # fmt: skip
MOST_SHARED: Final = 4_096
"""So many shared parts of headers are kept encoded."""
_ID, _DIGEST, _SALT, _KEPT, _REDACTED, _MOMENT = range(len(ALONE))
_ERROR: Final = OPERATION.index("error")
_TRUTH: Final = {None: None, 0: False, 1: True}
"""Django takes any number but 0 for true."""
_WITH_FRACTION: Final = len("2026-11-22 09:42:17.950112")
_begun: Final = sha256().copy
"""Cheaper than a new hash each time, for which OpenSSL 3 looks up the algorithm."""


class Hashing:
    """Makes rows of raw values; ``carefully`` computes the digest of one whose values come in another form.

    On SQLite times and traces are converted here, and their text and that of JSON has to be the recorder's own: what a
    reader takes for the same is not the same to a filter.
    """

    def __init__(self, carefully: Callable[[int], bytes | None], *, on_sqlite: bool) -> None:
        self._carefully = carefully
        self._on_sqlite = on_sqlite
        encode = partial(_encoder, nested=_as_stored, written=dumps) if on_sqlite else _encoder
        self._subject_of, self._payload_of = encode(SUBJECT_FIELDS, OPERATION), encode(PAYLOAD_FIELDS, OPERATION)
        self._header_of = [encode(names, KIND) for names in (_HEAD, _MIDDLE, _END)]
        self._operation_at, self._kind_at = _places(as_arrays=on_sqlite)
        self._operation: Any = None
        """That of the row before, and what was made of it."""
        self._trace = ""
        self._subject = self._payload = b""
        self._is_incomplete = False
        self._headers: dict[Any, tuple[str, str, str]] = {}

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
        operation, kind = values[self._operation_at], values[self._kind_at]
        salt, moment = values[_SALT], values[_MOMENT]
        if operation != self._operation:
            self._take(operation)
        before, between, after = self._headers.get(kind) or self._header(kind)
        # Of another era something is left behind the time.
        moment = _moment(moment) if self._on_sqlite else moment.removesuffix("AD")
        header = f"{before}{moment}{between}{self._trace}{after}".encode()
        subject, payload, event = _begun(), _begun(), _begun()
        subject.update(salt[:16])
        subject.update(self._subject)
        payload.update(salt[16:])
        payload.update(self._payload)
        hashes = subject.digest(), payload.digest()
        if values[_KEPT] is not None:
            hashes = _of_redacted(hashes, salt, values[_KEPT])
        event.update(header)
        event.update(hashes[0])
        event.update(hashes[1])
        return event.digest()

    def _take(self, operation: Any) -> None:
        """Encode what the next row may have in common with this one."""
        self._operation = None  # and so it stays if an exception comes
        values = self._values(operation)
        trace, error = values[0], values[_ERROR]
        if self._on_sqlite:
            trace = f"{trace[:8]}-{trace[8:12]}-{trace[12:16]}-{trace[16:20]}-{trace[20:]}"
        self._trace = trace
        self._is_incomplete = bool(error) and error.startswith(INCOMPLETE)
        self._subject = self._subject_of(values)
        self._payload = self._payload_of(values)
        self._operation = operation

    def _header(self, kind: Any) -> tuple[str, str, str]:
        """What is before the time, between it and the trace, and after that; kept, as many events have the same."""
        if len(self._headers) >= MOST_SHARED:
            self._headers.clear()
        values = self._values(kind)
        before, between, after = (part(values)[1:-1].decode() for part in self._header_of)
        made = f'{DOMAIN.decode()}{{{before},"occurred_at":"', f'",{between},"trace_id":"', f'",{after}}}\n'
        self._headers[kind] = made
        return made

    def _values(self, group: Any) -> Sequence[Any]:
        values: Sequence[Any] = loads(group) if self._on_sqlite else group
        return values


def _parsed(text: str | None) -> Any:
    """The value of JSON, whose text is not the canonical one; JSON's null no filter takes for the column's."""
    if text is None:
        return None
    if (value := loads(text)) is None:
        raise ValueError(text)
    return value


def _as_stored(text: str | None) -> Fragment | None:
    """JSON as it stands, if it is whole."""
    if text is None:
        return None
    if loads(text) is None:
        raise ValueError(text)
    return Fragment(text)


def _encoder(
    names: Sequence[str], group: Sequence[str],
    nested: Callable[[str | None], Any] = _parsed, written: Callable[[Any], bytes] = canonical,
) -> Callable[[Sequence[Any]], bytes]:  # fmt: skip
    """A function from the values of a group to these of its fields as canonical JSON, if they are what was hashed.

    It is compiled: a dict display takes a third of the time of loops.
    """
    forms = {name: f"nested(row[{at}])" if name in JSON else f"truth[row[{at}]]" if name in BOOLEANS else f"row[{at}]"
             for at, name in enumerate(group)}  # fmt: skip
    items = ", ".join(f"{name!r}: {forms[name]}" for name in names)
    known = {"nested": nested, "truth": _TRUTH, "written": written}
    made: Callable[[Sequence[Any]], bytes] = eval(f"lambda row: written({{{items}}})", known)  # noqa: S307  our own
    return made


def stored_leaf(told: Any) -> bytes:
    """The leaf that a stored digest gives; on SQLite it may be text, and gives none."""
    return leaf_hash(told) if isinstance(told, bytes) else b""


def _places(*, as_arrays: bool) -> Iterator[int | slice]:
    """Where a row has each group."""
    at = len(ALONE)
    for names in GROUPS:
        yield at if as_arrays else slice(at, at + len(names))
        at += 1 if as_arrays else len(names)


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
    for names, array in zip(GROUPS, values[len(ALONE) :], strict=True):
        for name, value in zip(names, loads(array), strict=True):
            if name in JSON and value is not None and canonical(loads(value)) != value.encode():
                raise ValueError(name)


def _moment(text: str) -> str:
    """Canonical text of a time as SQLite has it; raises ``ValueError`` if another text of it would give the same."""
    if text[10] != " " or text.endswith(".000000"):
        raise ValueError(text)
    return f"{text[:10]}T{text[11:]}Z" if len(text) == _WITH_FRACTION else f"{text[:10]}T{text[11:]}.000000Z"
