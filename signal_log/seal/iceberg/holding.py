"""Tells whether an Iceberg archive holds an event exactly as the log does, before it goes from the log."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from signal_log.models import SignalEvent
from signal_log.seal.canonical import parts
from signal_log.seal.iceberg.columns import is_sound
from signal_log.seal.iceberg.part import part_name
from signal_log.seal.iceberg.place import LEAVES
from signal_log.seal.iceberg.table import Archive
from signal_log.seal.merkle import leaf_hash
from signal_log.store.read import as_mapping

KEPT: Final = 2
"""So many parts are kept, for events whose operation ends in the next."""
ROWS_AT_ONCE: Final = 4_096

Held = dict[int, tuple[int, bytes]]
"""By leaf, the event's id and a hash of all that is told of it."""


class Holding:
    """Reads each part once, verifies it row by row, and remembers what is sound."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self._kept: dict[tuple[int, int], Held] = {}

    def has(self, generation: int, index: int, row: SignalEvent) -> bool:
        """Whether the event of this leaf is there, gives its digest, and tells what the row tells.

        A row that was redacted after it was archived, and not in the archive, is not there; raises ``ProofError``
        where the archive cannot be read.
        """
        told = parts(as_mapping(row))
        leaf = leaf_hash(bytes(row.digest))
        return self._part(generation, index // LEAVES).get(index) == (row.pk, _of(leaf, *told))

    def name(self, generation: int, index: int) -> str:
        """What the event of a prune calls the file with a leaf."""
        return f"{self.archive.place.location}/{part_name(generation, index // LEAVES)}"

    def _part(self, generation: int, number: int) -> Held:
        key = generation, number
        if key not in self._kept:
            part = self.archive.part(generation, number)
            held: Held = {}
            if part is not None:
                for batch in self.archive.rows(part).to_batches(max_chunksize=ROWS_AT_ONCE):
                    for row in batch.to_pylist():
                        if row["id"] is not None and is_sound(row):
                            said = _of(row["leaf"], row["header"], row["subject"], row["payload"])
                            held[row["leaf_index"]] = row["id"], said
            while len(self._kept) >= KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = held
        return self._kept[key]


def _of(*told: bytes) -> bytes:
    return sha256(b"\n".join(told)).digest()
