"""Which leaves a redaction names, beside the ids of its rows, which are in no hash (pure; no Django).

The label ``indexes`` has the leaves of those rows that were sealed by then, in the order of the ids: ``g1:3-9,12``. Of
the others, which have the highest ids, the label ``digests`` has the digests.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from signal_log.errors import ProofError
from signal_log.seal.merkle import HASH_BYTES
from signal_log.seal.ranges import Ranges, format_indexes, parse_indexes

INDEXES: Final = "indexes"
DIGESTS: Final = "digests"

Leaf = tuple[int, int]
"""A generation and an index in it."""


class Row(NamedTuple):
    """A row that is to be named."""

    id: int
    leaf: Leaf | None
    """Where it stands in the tree, if it does by now."""
    digest: bytes


class NamedLeaves(NamedTuple):
    """The leaves that an event names."""

    ids: Ranges
    """Of the rows whose leaves are named by their indexes."""
    indexes: Mapping[int, Ranges]
    digests: Mapping[int, bytes]
    """Of the others, by id."""

    def leaf_of(self, number: int) -> Leaf | None:
        """The leaf of a row, if its index is named."""
        if number not in self.ids:
            return None
        left = self.ids.rank(number)
        for generation, ranges in sorted(self.indexes.items()):
            if left < ranges.count:
                return generation, ranges.at(left)
            left -= ranges.count
        return None

    def by_generation(self) -> Iterator[tuple[int, Ranges, Ranges]]:
        """Each generation with the ids and the indexes that are named in it."""
        left = self.ids
        for generation, ranges in sorted(self.indexes.items()):
            own = left.lowest(ranges.count)
            left = left.without(own)
            yield generation, own, ranges


def labels_of(rows: Iterable[Row]) -> dict[str, str]:
    """How an event names the leaves of rows, which come in the order of their ids."""
    indexes: dict[int, Ranges] = {}
    digests: list[bytes] = []
    for row in rows:
        if row.leaf is None or digests:
            digests.append(row.digest)
        else:
            indexes.setdefault(row.leaf[0], Ranges()).add(row.leaf[1])
    told = {INDEXES: format_indexes(indexes), DIGESTS: base64.b64encode(b"".join(digests)).decode()}
    return {name: text for name, text in told.items() if text}


def leaves_by(labels: Mapping[str, Any], rows: Ranges) -> NamedLeaves:
    """What the labels of an event say that names these rows; raises ``ProofError``."""
    indexes = parse_indexes(str(labels.get(INDEXES, "")))
    try:
        digests = base64.b64decode(str(labels.get(DIGESTS, "")), validate=True)
    except (binascii.Error, ValueError):
        digests = b"?"
    sealed = sum(ranges.count for ranges in indexes.values())
    if len(digests) % HASH_BYTES or sealed + len(digests) // HASH_BYTES != rows.count:
        raise ProofError("It does not name the leaves of its rows.")
    ids = rows.lowest(sealed)
    others = (number for first, last in rows.without(ids) for number in range(first, last + 1))
    starts = range(0, len(digests), HASH_BYTES)
    return NamedLeaves(
        ids, indexes, {number: digests[at : at + HASH_BYTES] for number, at in zip(others, starts, strict=True)}
    )
