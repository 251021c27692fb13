"""Writes sealed leaves and their events into an Iceberg archive: whole parts, each once, where the last run ended.

What is archived is told by the table alone, so a run that was killed is simply begun again: a file that no commit named
is removed, and a part that was committed is not written twice. No event goes from the log: ``signal_prune`` removes
what is archived, when it is old enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from signal_log.models import SealTree, SignalEvent
from signal_log.seal.archive import Line, line_of
from signal_log.seal.iceberg.part import Part
from signal_log.seal.iceberg.place import LEAVES
from signal_log.seal.iceberg.table import Archive
from signal_log.seal.ranges import Ranges
from signal_log.seal.stored import Places, hashes_of, sealed_size, trees
from signal_log.seal.tiles import WIDTH
from signal_log.store.read import as_mapping, events

AT_ONCE: Final = 2_000
"""So many rows of the log are read at once."""

Progress = Callable[[int, int], object]
"""Is told of how many leaves, and of how many altogether."""


@dataclass
class Written:
    """What a run has done."""

    parts: list[Part] = field(default_factory=list)
    events: int = 0
    leaves: dict[int, Ranges] = field(default_factory=dict)
    """Those that were added, by generation."""
    bare: int = 0
    """How many of them have no event, as the table has it no more: it was pruned before, or is gone."""
    altered: Ranges = field(default_factory=Ranges)
    """Rows that are not what was sealed, so that the parts with them were not written."""
    waiting: int = 0
    """Sealed leaves that do not fill a part yet."""
    left: str = ""
    """Why the storage still has bytes of what was removed, in a sentence; empty if it has none."""


@dataclass(frozen=True, slots=True)
class Due:
    """A part that is to be written, up to a leaf; in the place of what the archive has of it."""

    tree: SealTree
    number: int
    end: int
    there: Part | None

    @property
    def first(self) -> int:
        """Its first leaf."""
        return self.number * LEAVES


class AlteredRowsError(Exception):
    """Rows of a part are not what was sealed."""

    def __init__(self, rows: Ranges) -> None:
        super().__init__(f"Rows are not what was sealed: {rows}.")
        self.rows = rows


def write(
    archive: Archive, done: Written, *, all_leaves: bool = False, progress: Progress = lambda done, whole: None
) -> None:
    """Write every whole part that the archive has not; with ``all_leaves`` also the last ones as far as they go.

    ``done`` says how far it came, also if it raises ``ProofError``. Only whoever has the archive's lock may.
    """
    archive.forget()
    due = list(_due(archive, done, all_leaves=all_leaves))
    whole, reached = sum(one.end - one.first for one in due), 0
    for one in due:
        begun = reached

        def show(number: int, begun: int = begun) -> None:
            progress(begun + number, whole)

        try:
            lines = lines_of_part(archive, one, show)
        except AlteredRowsError as error:
            done.altered.update(error.rows)
        else:
            had = one.there.rows if one.there else 0
            done.parts.append(archive.put(one.tree.generation, lines, replaces=one.there is not None))
            number = sum(line.id is not None for line in lines[had:])
            done.events, done.bare = done.events + number, done.bare + len(lines) - had - number
            done.leaves.setdefault(one.tree.generation, Ranges()).add(one.first + had, one.end - 1)
        reached += one.end - one.first
    done.left = archive.left


def _due(archive: Archive, done: Written, *, all_leaves: bool) -> Iterator[Due]:
    there = {(part.generation, part.number): part for part in archive.parts()}
    for tree in trees():
        size = sealed_size(tree)
        for number in range(-(-size // LEAVES)):
            end = min(size, (number + 1) * LEAVES)
            held = there.get((tree.generation, number))
            if held is not None and held.last + 1 >= end:
                continue
            if end % LEAVES and not all_leaves:
                done.waiting += end - number * LEAVES - (held.rows if held else 0)
                continue
            yield Due(tree, number, end, held)


def lines_of_part(archive: Archive, due: Due, progress: Callable[[int], object] = lambda number: None) -> list[Line]:
    """Its leaves, with the events that the log has, or that the archive has already; raises ``AlteredRowsError``."""
    tiles = due.tree.tiles.filter(level=0, index__gte=due.first // WIDTH, index__lt=-(-due.end // WIDTH))
    leaves: list[bytes] = []
    ids: list[int] = []
    for tile in tiles.order_by("index"):
        leaves += hashes_of(tile.hashes)
        ids += [pk for pk in (tile.first_id, tile.last_id) if pk]
    leaves = leaves[: due.end - due.first]
    if len(leaves) != due.end - due.first:
        raise AlteredRowsError(Ranges.of([*ids[:1], *ids[-1:]]))
    lines = [Line(index, leaf) for index, leaf in enumerate(leaves, due.first)]
    if due.there is not None:
        for line in archive.lines(due.there):
            if line.id is not None:
                lines[line.index - due.first] = line
    if ids:
        _take_rows(lines, min(ids), max(ids), due, progress)
    return lines


def _take_rows(lines: list[Line], low: int, high: int, due: Due, progress: Callable[[int], object]) -> None:
    at = {line.leaf: number for number, line in enumerate(lines)}
    altered, places = Ranges(), Places()
    found = 0
    rows = events().filter(pk__gte=low, pk__lte=high).order_by("pk")
    for row in rows.iterator(chunk_size=AT_ONCE):
        line = _line(row)
        number = at.get(line.leaf) if line is not None else None
        if line is not None and number is not None:
            lines[number] = Line(due.first + number, line.leaf, line.id, line.event)
            found += 1
            if found % AT_ONCE == 0:
                progress(found)
        elif line is None or not _is_elsewhere(row, places):
            altered.add(row.pk)
    if altered:
        raise AlteredRowsError(altered)


def _line(row: SignalEvent) -> Line | None:
    """A row as a line, if it gives its digest; its index is not known yet."""
    try:
        line = line_of(0, row.pk, as_mapping(row))
    except (ValueError, TypeError, AttributeError):
        return None
    return line if line.holds else None


def _is_elsewhere(row: SignalEvent, places: Places) -> bool:
    """Whether it is a leaf of another part, or of another generation: of a part that is not whole, also a later one."""
    return places.of(row.pk, bytes(row.digest)) is not None
