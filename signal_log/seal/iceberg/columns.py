"""The columns of an Iceberg archive, and how a leaf with its event becomes a row and is read again (no Django).

``header``, ``subject`` and ``payload`` are the canonical bytes that were hashed, ``salt``, ``digest`` and
``kept_hashes`` what they were hashed with: whoever has these needs no other column to verify. The others repeat what is
in them, for those who search. A row whose event is not here has only its place and its ``leaf``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import orjson
import pyarrow as pa
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    IcebergType,
    IntegerType,
    LongType,
    NestedField,
    StringType,
    TimestamptzType,
)

from signal_log.seal.archive import Line
from signal_log.seal.canonical import DOMAIN, ERASED, parts, timestamp
from signal_log.seal.iceberg.place import LEAVES
from signal_log.seal.merkle import leaf_hash

GENERATION: Final = "generation"
PART: Final = "part"
_PLACE: Final[tuple[tuple[str, IcebergType], ...]] = (
    (GENERATION, IntegerType()), (PART, IntegerType()), ("leaf_index", LongType()), ("leaf", BinaryType()),
)  # fmt: skip
_BYTES: Final = ("header", "subject", "payload", "salt", "digest", "kept_hashes")
_TYPED: Final[tuple[tuple[str, IcebergType], ...]] = (
    ("signal", StringType()), ("sender", StringType()), ("object_pk", StringType()), ("object_repr", StringType()),
    ("created", BooleanType()), ("outcome", StringType()), ("actor_pk", StringType()), ("actor_repr", StringType()),
    ("source", StringType()), ("request_id", StringType()), ("trace_id", StringType()), ("position", IntegerType()),
    ("operation", IntegerType()),
)  # fmt: skip
_MOMENTS: Final = ("occurred_at", "redacted_at")
COLUMNS: Final[tuple[tuple[str, IcebergType], ...]] = (
    *_PLACE, ("id", LongType()), *((name, BinaryType()) for name in _BYTES), *_TYPED,
    *((name, TimestamptzType()) for name in _MOMENTS),
)  # fmt: skip
NAMES: Final = tuple(name for name, _ in COLUMNS)
BOUNDED: Final = (GENERATION, PART, "leaf_index", "id", "occurred_at")
"""Of these alone the table's metadata has the least and the largest value: the others may name people."""

LINE_COLUMNS: Final = ("leaf_index", "leaf", "id", *_BYTES, "redacted_at")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


def schema() -> Schema:
    """The table's."""
    always = {name for name, _ in _PLACE}
    return Schema(*(
        NestedField(number, name, kind, required=name in always) for number, (name, kind) in enumerate(COLUMNS, 1)
    ))  # fmt: skip


def partitions() -> PartitionSpec:
    """A part of one generation is one partition, so that it is written, and replaced, as one file."""
    return PartitionSpec(*(
        PartitionField(source_id=NAMES.index(name) + 1, field_id=1_000 + at, transform=IdentityTransform(), name=name)
        for at, name in enumerate((GENERATION, PART))
    ))  # fmt: skip


def rows_of(generation: int, lines: Iterable[Line]) -> pa.Table:
    """The rows of some leaves, of one part."""
    columns: list[list[Any]] = [[] for _ in NAMES]
    for line in lines:
        place = (generation, line.index // LEAVES, line.index, line.leaf)
        for column, value in zip(columns, (*place, line.id, *_told(line.event)), strict=True):
            column.append(value)
    kinds = schema().as_arrow()
    arrays = [pa.array(column, one.type) for column, one in zip(columns, kinds, strict=True)]
    return pa.Table.from_arrays(arrays, schema=kinds)


def _told(event: Mapping[str, Any] | None) -> Sequence[Any]:
    """What a row has of an event, which is by column, as an export has it."""
    if event is None:
        return (None,) * (len(_BYTES) + len(_TYPED) + len(_MOMENTS))
    kept = bytes.fromhex(event["kept_hashes"]) if event["kept_hashes"] else None
    held = (*parts(event), bytes.fromhex(event["salt"]), bytes.fromhex(event["digest"]), kept)
    return (*held, *(event[name] for name, _ in _TYPED), *(_moment(event[name]) for name in _MOMENTS))


def lines_of(table: pa.Table) -> Iterator[Line]:
    """The leaves of some rows, with their events out of the canonical bytes; raises ``ValueError`` and the like."""
    for batch in table.select(LINE_COLUMNS).to_batches(max_chunksize=4_096):
        for row in zip(*(batch.column(name).to_pylist() for name in LINE_COLUMNS), strict=True):
            yield _line(*row)


def _line(
    index: int, leaf: bytes, number: int | None, header: bytes, subject: bytes, payload: bytes, salt: bytes,
    digest: bytes, kept: bytes | None, redacted_at: datetime | None,
) -> Line:  # fmt: skip
    if number is None:
        return Line(index, leaf)
    event = {**orjson.loads(header), **orjson.loads(subject), **orjson.loads(payload)}
    event |= {
        "salt": salt.hex(), "digest": digest.hex(), "kept_hashes": kept.hex() if kept else None,
        "redacted_at": written(redacted_at),
    }  # fmt: skip
    return Line(index, leaf, number, event)


def line_of_row(row: Mapping[str, Any]) -> Line:
    """One row, as a leaf with its event."""
    return _line(*(row[name] for name in LINE_COLUMNS))


def is_sound(row: Mapping[str, Any]) -> bool:
    """Whether the bytes of a row give its digest and its leaf, and its other columns repeat what is in the bytes."""
    if row["id"] is None:
        return all(row[name] is None for name in NAMES[len(_PLACE) :])
    try:
        digest = digest_of(row)
        told = {**orjson.loads(row["header"]), **orjson.loads(row["subject"]), **orjson.loads(row["payload"])}
        return (
            digest == row["digest"]
            and leaf_hash(digest) == row["leaf"]
            and (row["kept_hashes"] is None or parts(told) == (row["header"], row["subject"], row["payload"]))
            and all(row[name] == told[name] for name, _ in _TYPED)
            and written(row["occurred_at"]) == told["occurred_at"]
        )
    except (ValueError, TypeError, KeyError):
        return False


def digest_of(row: Mapping[str, Any]) -> bytes:
    """The digest that a row's bytes give; of a part that was erased, its hash was kept."""
    salt, kept = row["salt"], row["kept_hashes"] or b""
    subject, payload = (
        kept[at : at + 32] if kept and salt[half : half + 16] == ERASED
        else sha256(salt[half : half + 16] + row[name]).digest()
        for name, half, at in (("subject", 0, 0), ("payload", 16, 32))
    )  # fmt: skip
    return sha256(DOMAIN + row["header"] + b"\n" + subject + payload).digest()


def written(moment: datetime | None) -> str | None:
    """A moment as events have it."""
    return None if moment is None else timestamp(moment)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    if not _MOMENT.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no moment of an event.")
    return datetime.fromisoformat(text)
