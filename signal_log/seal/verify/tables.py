"""Compares Iceberg archives with the tree: every row's bytes with its leaf, and its columns with its bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from signal_log.errors import ProofError
from signal_log.models import SealTree
from signal_log.seal.archive import AlteredArchiveError
from signal_log.seal.iceberg.opening import open_archive
from signal_log.seal.iceberg.place import LEAVES
from signal_log.seal.ranges import Ranges
from signal_log.seal.tiles import WIDTH
from signal_log.seal.verify.allowed import Allowed, Archived
from signal_log.seal.verify.archived_lines import State, ToldOfFile
from signal_log.seal.verify.events import Seen
from signal_log.seal.verify.findings import ARCHIVE, MODIFIED, REWOUND, Report
from signal_log.seal.verify.tiles import tiles_of_level

if TYPE_CHECKING:
    from signal_log.seal.iceberg.part import Part
    from signal_log.seal.iceberg.table import Archive

ROWS_AT_ONCE: Final = 4_096


def open_tables(urls: Sequence[str], origins: Sequence[str]) -> list[Archive]:
    """The archives at some URLs; raises ``ProofError`` for one that is not there, or of another log."""
    return [open_archive(url, [origin.rpartition("/")[0] for origin in origins]) for url in urls]


class Tables:
    """The Iceberg archives of one run, as far as they are in its part of all leaves."""

    def __init__(self, archives: Sequence[Archive], trees: Sequence[SealTree], shard: tuple[int, int]) -> None:
        self.archives = archives
        self.trees = {tree.generation: tree for tree in trees}
        self.part, self.parts = shard
        self.held: dict[int, Ranges] = {}
        """Leaves whose events are there, by generation."""

    def is_mine(self, part: Part) -> bool:
        """Whether a part of a table is in this part of the run: each takes one in so many."""
        return part.number % self.parts == self.part - 1

    def mine(self, generation: int) -> Ranges:
        """The leaves of a generation that are in this part of the run."""
        tree = self.trees.get(generation)
        numbers = range(self.part - 1, -(-tree.size // LEAVES) if tree else 0, self.parts)
        return Ranges((number * LEAVES, (number + 1) * LEAVES - 1) for number in numbers)

    def compare(self, seen: Seen, allowed: Allowed, report: Report) -> None:
        """Compare every file."""
        for archive in self.archives:
            try:
                parts = archive.parts()
            except ProofError as error:
                report.unchecked.append(str(error))
                continue
            twice = Counter((part.generation, part.number) for part in parts)
            for part in filter(self.is_mine, parts):
                told = allowed.archives.get(part.name, Archived())
                try:
                    if twice[part.generation, part.number] > 1:
                        raise AlteredArchiveError(f"{part} holds leaves that another file of the table holds, too.")
                    self._compare(archive, part, seen, allowed, report)
                except AlteredArchiveError as error:
                    report.find(ARCHIVE, str(error), events=told.ids)
                except ProofError as error:
                    report.unchecked.append(str(error))

    def _compare(self, archive: Archive, part: Part, seen: Seen, allowed: Allowed, report: Report) -> None:
        tree = self.trees.get(part.generation)
        if tree is None or part.last >= tree.size:
            has = f"has {tree.size:,}" if tree is not None else "is gone"
            report.find(REWOUND, f"{part} is of generation {part.generation}, whose tree {has}.")
            return
        found = Compared(part, allowed)
        tiles = tiles_of_level(tree, 0, tree.size, part.first // WIDTH, part.last // WIDTH + 1)
        tile = next(tiles)
        for index, row in enumerate(_rows(archive, part), part.first):
            if row["leaf_index"] != index:
                raise AlteredArchiveError(f"{part} has leaf {row['leaf_index']} where leaf {index:,} should be.")
            while index >= (tile.index + 1) * WIDTH:
                tile = next(tiles)
            found.take(row, tile.leaves[index % WIDTH] if tile.is_whole else None, seen)
        self.held.setdefault(part.generation, Ranges()).update(found.there)
        found.tell(report)


class Compared:
    """What the rows of one part come to."""

    def __init__(self, part: Part, allowed: Allowed) -> None:
        self.part = part
        self.ids = allowed.ids_of(part.generation, part.first, part.last)
        self.told = ToldOfFile(part.generation, Ranges([(part.low, part.high)]), part.name, allowed)
        self.newest = -1
        """The id before, as leaves are in the order of ids."""
        self.places, self.events = Ranges(), Ranges()
        self.there, self.unfinished = Ranges(), Ranges()

    def take(self, row: dict[str, Any], leaf: bytes | None, seen: Seen) -> None:
        """Compare one with its leaf, which is None where the tree's own tile is damaged."""
        from signal_log.seal.iceberg.columns import is_sound, line_of_row

        index, number = row["leaf_index"], row["id"]
        state = State.AS_LEFT
        is_right = is_sound(row) and leaf in (None, row["leaf"])
        if number is not None:
            is_right = is_right and self.part.low <= number <= self.part.high
            is_right = is_right and number == self.ids.get(index, number) and number > self.newest
            self.newest = number
            is_redacted = row["redacted_at"] is not None or row["kept_hashes"] is not None
            if is_right and (is_redacted or number in self.told.named):
                state = self.told.state(line_of_row(row))
            seen.archived += 1
            self.there.add(index)
            if is_redacted:
                seen.redacted_in_archives.add(number)
        if not is_right or state is State.ALTERED:
            self.places.add(index)
            if number is not None:
                self.events.add(number)
        elif state is State.BEFORE:
            self.unfinished.add(number or 0)

    def tell(self, report: Report) -> None:
        """Report what is wrong."""
        if self.places:
            hold = "holds 1 event that is" if self.places.count == 1 else f"holds {self.places.count:,} events that are"
            report.find(
                MODIFIED, f"{self.part} {hold} not what was sealed, or not what a redaction left.",
                events=self.events, indexes={self.part.generation: self.places},
            )  # fmt: skip
        if self.unfinished:
            it_was = (
                "1 event as it was" if self.unfinished.count == 1 else f"{self.unfinished.count:,} events as they were"
            )
            report.unchecked.append(
                f"{self.part} still holds {it_was} before a redaction that was begun and not ended: {self.unfinished}. "
                "Run signal_redact again."
            )


def _rows(archive: Archive, part: Part) -> Iterator[dict[str, Any]]:
    for batch in archive.rows(part).to_batches(max_chunksize=ROWS_AT_ONCE):
        yield from batch.to_pylist()
