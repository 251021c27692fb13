"""Compares each row with its leaf: streams rows and tiles side by side, in bounded memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from signal_log.models import SealTree
from signal_log.seal.ranges import Ranges
from signal_log.seal.tiles import WIDTH
from signal_log.seal.verify.altered_tiles import Above
from signal_log.seal.verify.anchors import Anchors
from signal_log.seal.verify.findings import Places
from signal_log.seal.verify.matching import Extra, Lost, Modified, Moved, match
from signal_log.seal.verify.row import Row, Rows
from signal_log.seal.verify.rows import rows_between
from signal_log.seal.verify.tiles import StoredTile, tiles_of_level

LOWEST: Final = -(2**63)
"""No id is below 1, unless somebody has put it there."""
MOST_KEPT: Final = 20_000
"""Of so many rows and leaves that fit nothing it is remembered what they hold, to find those that were exchanged."""
MOST_IN_TILE: Final = 4 * WIDTH


@dataclass(slots=True)
class Seen:
    """What the rows told, over all generations."""

    rows: int = 0
    archived: int = 0
    """Events compared in archives."""
    modified: list[tuple[int, Modified]] = field(default_factory=list)
    lost: list[tuple[int, Lost]] = field(default_factory=list)
    extra: list[tuple[int, Extra]] = field(default_factory=list)
    moved: list[tuple[int, Moved]] = field(default_factory=list)
    more: dict[str, Places] = field(default_factory=dict)
    """Those beyond what is kept, by kind."""
    gone: dict[int, Ranges] = field(default_factory=dict)
    """Leaves without a row, by generation: lost, or pruned."""
    redacted: Ranges = field(default_factory=Ranges)
    redacted_in_archives: Ranges = field(default_factory=Ranges)
    restated: Ranges = field(default_factory=Ranges)
    """Rows that are what was sealed, but for their digest."""
    incomplete: Ranges = field(default_factory=Ranges)
    unsealed: int = 0
    unsealed_wrong: Ranges = field(default_factory=Ranges)
    misnamed: Places = field(default_factory=Places)
    """Rows at an end of a tile, of which the tile names another id."""
    renumbered: Places = field(default_factory=Places)
    """Rows whose ids do not fit those that sealed events name."""

    def keep(self, generation: int, kind: str, one: Any) -> None:
        """Remember one that fits nothing."""
        kept: list[Any] = getattr(self, kind)
        if len(kept) < MOST_KEPT:
            kept.append((generation, one))
            return
        if kind == "lost":
            return  # it is in `gone`
        number = getattr(one, "id", None)
        index = getattr(one, "index", None)
        self.more.setdefault(kind, Places()).add(
            (number, number) if number is not None else None, (index, index) if index is not None else None, generation
        )


class Cursor:
    """Rows in order of id, taken up to an id at a time."""

    def __init__(self, above: int, last: int, progress: Callable[[int, int], None]) -> None:
        self._pages = rows_between(above, last)
        self._page = Rows([], [], {})
        self._at = 0
        self._progress = progress

    def up_to(self, last: int) -> Iterator[Rows]:
        """The next rows up to an id, in stretches."""
        while True:
            page, at = self._page, self._at
            if at < len(page):
                end = len(page) if page.ids[-1] <= last else bisect_right(page.ids, last, at)
                self._at = end
                if at < end:
                    yield page.between(at, end)
                if end < len(page):
                    return
            following = next(self._pages, None)
            if following is None:
                return
            self._progress(len(following), following.ids[-1])
            self._page, self._at = following, 0


def compare(
    tree: SealTree, seen: Seen, ids: Anchors, *, pruned: Ranges | None = None, begin: int = 0, end: int | None = None,
    progress: Callable[[int, int], None], passed: Callable[[int, int], None] = lambda tiles, last: None,
) -> None:  # fmt: skip
    """Compare the tiles from ``begin`` to below ``end`` with their rows, and the ids of rows with those that are named.

    ``passed`` is told how many tiles are done, and the last row of them.
    """
    stop = -(-tree.size // WIDTH)
    end = stop if end is None else min(end, stop)
    if begin >= end:
        return
    low = _last_id_before(tree, begin) if begin or tree.generation > 1 else LOWEST
    high = tree.last_id if end == stop else _last_id_before(tree, end)
    rows, above = Cursor(low, high, progress), Above(tree)
    tiles = tiles_of_level(tree, 0, tree.size, begin, end)
    tile = next(tiles)
    while True:
        following = next(tiles, None)
        low = _compare_tile(tree, seen, ids, tile, following, rows, low, high, pruned or Ranges(), above)
        passed(tile.index + 1, low)
        if following is None:
            break
        tile = following
    _keep_extra(seen, tree.generation, rows, high)


def _last_id_before(tree: SealTree, index: int) -> int:
    """The last row of the tile before this one; that of an earlier one if it names none."""
    found = tree.tiles.filter(level=0, index__lt=index, last_id__isnull=False).order_by("-index")
    return found.values_list("last_id", flat=True).first() or tree.after_id


def _compare_tile(
    tree: SealTree, seen: Seen, ids: Anchors, tile: StoredTile, following: StoredTile | None, rows: Cursor, low: int,
    high: int, pruned: Ranges, above: Above,
) -> int:  # fmt: skip
    """Compare one tile, whose rows are above ``low``; returns the last id that was its."""
    generation, first, leaves = tree.generation, tile.index * WIDTH, tile.leaves
    if tile.index == 0 and tree.previous is not None:
        first, leaves = 1, leaves[1:]
    limit = following.first_id - 1 if following and following.first_id else high
    last = min(tile.last_id or 0, limit) if following else high
    if last <= low:
        last = limit if not tile.is_whole or leaves else low
    begin = tile.first_id if tile.first_id and low < tile.first_id <= last else low + 1
    _keep_extra(seen, generation, rows, begin - 1)
    if not tile.is_whole:  # the tile's own finding tells; its rows are compared with nothing
        seen.rows += sum(map(len, rows.up_to(last)))
        return last
    found = _taken(seen, generation, rows, last, leaves)
    if not found:
        if leaves:
            seen.gone.setdefault(generation, Ranges()).add(first, first + len(leaves) - 1)
        return last
    numbers: list[int] = found.ids
    indexes: Sequence[int] = range(first, first + len(leaves))
    if found.leaves != leaves and above.gives(tile.index, [*tile.leaves[: tile.needed - len(leaves)], *found.leaves]):
        leaves = [leaf for leaf in found.leaves if leaf is not None]  # that the tile was altered is told with the tree
    if found.leaves != leaves:
        _keep_all(seen, generation, match(first, leaves, list(found), begin - 1, last + 1, pruned))
        at = dict(zip(leaves, indexes, strict=True))
        placed = [(row.id, at[row.leaf]) for row in found if row.leaf in at]
        numbers, indexes = [number for number, _ in placed], [index for _, index in placed]
    _compare_ids(seen, generation, ids, tile, first, numbers, indexes)
    for row in found.odd.values():
        _remark(seen, row)
    return last


def _compare_ids(
    seen: Seen, generation: int, ids: Anchors, tile: StoredTile, first: int, numbers: Sequence[int],
    indexes: Sequence[int],
) -> None:  # fmt: skip
    """Compare the ids of rows with those that the tile names for its first and last, and that sealed events name."""
    if not numbers:
        return
    ends = [(first, indexes[0], numbers[0], tile.first_id)]
    if tile.needed == WIDTH:  # else it may have grown since the tree was read
        ends.append((tile.index * WIDTH + WIDTH - 1, indexes[-1], numbers[-1], tile.last_id))
    for end, index, number, named in ends:
        if index == end and number != named:
            seen.misnamed.add((number, number), (index, index), generation)
    for number, index in ids.moved(generation, numbers, indexes):
        seen.renumbered.add((number, number), (index, index), generation)


def _keep_extra(seen: Seen, generation: int, rows: Cursor, last: int) -> None:
    """Rows up to an id that no tile names."""
    for stretch in rows.up_to(last):
        for row in stretch:
            seen.keep(generation, "extra", Extra(row.id, row.leaf))


def _remark(seen: Seen, row: Row) -> None:
    if row.redacted:
        seen.redacted.add(row.id)
    if row.incomplete:
        seen.incomplete.add(row.id)
    if row.stored != row.leaf:
        seen.restated.add(row.id)


def _taken(seen: Seen, generation: int, rows: Cursor, last: int, leaves: list[bytes]) -> Rows:
    """The rows of a tile; of very many only those that could be its."""
    found = Rows([], [], {})
    sealed: set[bytes] = set()
    for stretch in rows.up_to(last):
        if len(found) + len(stretch) <= MOST_IN_TILE:
            found.add(stretch)
            continue
        sealed = sealed or set(leaves)
        fitting = []
        for row in stretch:
            if row.leaf in sealed or row.stored in sealed:
                fitting.append(row)
            else:
                seen.keep(generation, "extra", Extra(row.id, row.leaf))
        found.add(Rows.of(fitting))
    seen.rows += len(found)
    return found


def _keep_all(seen: Seen, generation: int, matched: Any) -> None:
    for kind in ("modified", "lost", "extra", "moved"):
        for one in getattr(matched, kind):
            seen.keep(generation, kind, one)
            if kind == "lost":
                seen.gone.setdefault(generation, Ranges()).add(one.index)


def compare_unsealed(above: int, last: int, seen: Seen, progress: Callable[[int, int], None]) -> None:
    """Rows that no tree has yet can only be compared with their own digest."""
    for page in rows_between(above, last):
        progress(len(page), page.ids[-1])
        seen.unsealed += len(page)
        for row in page.odd.values():
            if row.leaf != row.stored:
                seen.unsealed_wrong.add(row.id)
            if row.redacted:
                seen.redacted.add(row.id)
