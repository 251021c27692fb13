"""Builds a tree again out of its lowest tiles, and compares the tiles above and every stated root with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from signal_log.models import SealTile, SealTree
from signal_log.seal.merkle import Tree, joined
from signal_log.seal.ranges import Ranges
from signal_log.seal.stored import hashes_of
from signal_log.seal.tiles import HEIGHT, WIDTH, tile_root
from signal_log.seal.verify.altered_tiles import Above
from signal_log.seal.verify.doubled_leaves import Twice
from signal_log.seal.verify.findings import TILE, TREE, Report
from signal_log.seal.verify.tiles import StoredTile, tiles_of_level, width_at

MOST_MENDED: Final = 64
"""So many altered tiles are looked at together with their rows."""


@dataclass(slots=True)
class Stated:
    """A size and a root that somebody states; ``tell`` is called if the tiles do not give it."""

    size: int
    root: bytes
    tell: Callable[[int], None]
    """Is given the size up to which what was stated before held, as far as somebody signed it."""
    is_signed: bool = True


@dataclass(slots=True)
class _Level:
    """Hashes of one level that are still to be compared with their tile."""

    index: int = 0
    hashes: list[bytes] = field(default_factory=list)


class Roots:
    """One tree, built again."""

    def __init__(self, tree: SealTree, report: Report) -> None:
        self._tree = tree
        self._report = report
        self._levels: list[_Level] = []
        self._whole = Tree()  # over full tiles of level 0
        self.is_known = True
        """Whether every leaf is there, so that roots can be compared."""
        self.is_sound = True
        """Whether no tile was found to be wrong."""
        self.held = 0
        self._mending = Above(tree)
        self._mended_tiles = 0
        self._above: list[bytes] = []
        self._above_at = -1
        self._hashed = b""
        """The root of the tile that is being added."""

    def check(self, stated: Iterator[Stated], progress: Callable[[int], Any]) -> None:
        """Compare everything; ``stated`` comes in order of size."""
        tree = self._tree
        following = next(stated, None)
        while following is not None and following.size <= 0:
            following = self._compare(following, [], stated)
        twice = Twice(tree)
        for tile in tiles_of_level(tree, 0, tree.size):
            tile = self._mended(tile)  # noqa: PLW2901
            twice.add(tile)
            inner, begin = Tree(), tile.index * WIDTH
            while following is not None and following.size < begin + tile.needed:
                _fill(inner, tile, following.size - begin)
                known = [*self._whole.subtrees, *inner.subtrees] if tile.is_whole else None
                following = self._compare(following, known, stated)
            if tile.needed == WIDTH:
                self._add(tile)
            else:
                _fill(inner, tile, tile.needed)
                self._end(inner)
            known = [*self._whole.subtrees, *inner.subtrees] if tile.needed < WIDTH else self._whole.subtrees
            while following is not None and following.size == begin + tile.needed:
                following = self._compare(following, known, stated)
            progress(tile.needed)
        if tree.size % WIDTH == 0:
            self._end(Tree())
        self._finish_levels()
        if self.is_sound:
            twice.tell(self._report)
        while following is not None:  # larger than the tree: the caller has told it
            following = next(stated, None)

    def _compare(self, one: Stated, subtrees: list[bytes] | None, stated: Iterator[Stated]) -> Stated | None:
        """Compare one; without subtrees a tile is damaged that it ends in, which is told."""
        if self.is_known and subtrees is not None:
            if joined(subtrees) == one.root:
                self.held = one.size if one.is_signed else self.held
            else:
                one.tell(self.held)
        return next(stated, None)

    def _add(self, tile: StoredTile) -> None:
        """A full tile becomes a hash of level 1."""
        if tile.is_whole:
            hashed = self._hashed
        else:
            above = _stored(self._tree, 1, tile.index // WIDTH)
            place = tile.index % WIDTH
            if above is None or len(above) <= place:
                self.is_known = False
                return
            hashed = above[place]
        self._whole.append(hashed)
        self._push(1, tile.index, hashed)

    def _mended(self, tile: StoredTile) -> StoredTile:
        """A tile, or, if it was altered and its rows were not, what these give."""
        if not tile.is_whole:
            self._tell_damaged(tile)
            is_told = True
        elif tile.needed == WIDTH:
            self._hashed = tile_root(tile.leaves)
            if tile.index // WIDTH != self._above_at:
                self._above_at = tile.index // WIDTH
                self._above = _stored(self._tree, 1, self._above_at) or []
            is_told = self._above[tile.index % WIDTH :][:1] == [self._hashed]
            if is_told:
                return tile
        elif self._mending.gives(tile.index, tile.leaves) or not self._mending.is_sound:
            return tile
        else:
            is_told = False
        leaves = self._mending.rows_of(tile) if self._mended_tiles < MOST_MENDED else None
        if leaves is None:
            self.is_known = self.is_known and (tile.is_whole or tile.needed == WIDTH)
            return tile
        self._mended_tiles += 1
        self._hashed = tile_root(leaves) if tile.needed == WIDTH else b""
        if not is_told:
            self.is_sound = False
            first, last = tile.index * WIDTH, tile.index * WIDTH + tile.needed - 1
            self._report.find(
                TILE,
                f"Tile {tile.index:,} of level 0, over {_events(first, last)}, was altered: its rows give what is "
                "above it.", indexes={self._tree.generation: Ranges([(first, last)])},
            )  # fmt: skip
        return replace(tile, leaves=leaves, is_damaged=False)

    def _push(self, level: int, index: int, hashed: bytes) -> None:
        if level > len(self._levels):
            self._levels.append(_Level())
        at = self._levels[level - 1]
        at.hashes.append(hashed)
        if len(at.hashes) == WIDTH:
            self._compare_tile(level, at)
            self._push(level + 1, at.index, tile_root(at.hashes))
            at.index += 1
            at.hashes = []

    def _finish_levels(self) -> None:
        if not self.is_known:
            return
        for level, at in enumerate(self._levels, 1):
            if at.hashes:
                self._compare_tile(level, at)

    def _compare_tile(self, level: int, at: _Level) -> None:
        stored = _stored(self._tree, level, at.index)
        if stored is not None and stored[: len(at.hashes)] == at.hashes:
            return
        self.is_sound = False
        name = f"Tile {at.index:,} of level {level}"
        if stored is None:
            self._report.find(TILE, f"{name} is missing.")
            return
        pairs = zip(at.hashes, [*stored, *([b""] * len(at.hashes))], strict=False)
        below = [which for which, (one, other) in enumerate(pairs) if one != other]
        first = (at.index * WIDTH + below[0]) << HEIGHT * level
        last = min(((at.index * WIDTH + below[-1] + 1) << HEIGHT * level), self._tree.size) - 1
        leaves = Ranges([(first, last)])
        self._report.find(
            TILE,
            f"{name} does not fit the tiles below it; one of the two was altered. It is over {_events(first, last)}.",
            events=rows_at(self._tree, first, last), indexes={self._tree.generation: leaves},
        )  # fmt: skip

    def _end(self, inner: Tree) -> None:
        """The tree's own row, at its full size."""
        tree = self._tree
        if not self.is_known:
            return
        subtrees = [*self._whole.subtrees, *inner.subtrees]
        wrong = [
            name
            for name, is_right in (
                ("root", joined(subtrees) == bytes(tree.root)),
                ("subtrees", b"".join(subtrees) == bytes(tree.subtrees)),
            )
            if not is_right
        ]
        if wrong:
            self._report.find(
                TREE, f"The tree's row has not the {' and '.join(wrong)} that its {tree.size:,} leaves give."
            )

    def _tell_damaged(self, tile: StoredTile) -> None:
        tree, report, first = self._tree, self._report, tile.index * WIDTH
        self.is_sound = False
        last = first + tile.needed - 1
        name = f"Tile {tile.index:,} of level 0, over {_events(first, last)},"
        if tile.is_damaged:
            report.unchecked.append(f"{name} is damaged: its bytes are not the hashes that it says it has.")
            return
        what = "is missing" if not tile.leaves else f"has {len(tile.leaves)} hashes instead of {tile.needed}"
        report.find(
            TILE, f"{name} {what}.", events=rows_at(tree, first, last),
            indexes={tree.generation: Ranges([(first, last)])},
        )  # fmt: skip


def _fill(inner: Tree, tile: StoredTile, size: int) -> None:
    """Let a tree over a tile's leaves grow, as far as they are there."""
    while inner.size < size and tile.is_whole:
        inner.append(tile.leaves[inner.size])


def check_beyond(tree: SealTree, report: Report) -> None:
    """Tiles that a tree of the size that it has now has not."""
    before = SealTree.objects.get(pk=tree.pk)
    newest = SealTile.objects.filter(tree=tree, level=0).order_by("-index").values_list("index", "last_id").first()
    now = SealTree.objects.get(pk=tree.pk)
    is_last = newest is not None and newest[0] == (now.size - 1) // WIDTH and now.size == before.size
    if newest is not None and is_last and (newest[1] or now.after_id) != now.last_id:
        report.find(TREE, f"The tree's row ends with event {now.last_id}, and its last tile with event {newest[1]}.")
    level = 0
    while True:
        number = now.size >> HEIGHT * level
        tiles = SealTile.objects.filter(tree=tree, level=level).order_by("-index")
        found = tiles.values_list("index", "width").first()
        if found is not None and found[0] * WIDTH + found[1] > SealTree.objects.get(pk=tree.pk).size >> HEIGHT * level:
            report.find(
                TREE if level == 0 else TILE,
                f"Tile {found[0]:,} of level {level} has {found[0] * WIDTH + found[1] - number:,} more hashes than a "
                f"tree of {now.size:,} leaves has: the tree's row was set back, or the tile was added.",
            )
        if not number:
            return
        level += 1


def rows_at(tree: SealTree, first: int, last: int) -> Ranges:
    """The ids of the rows at these indexes, as far as the tiles and the rows tell."""
    low, high = _row_at(tree, first, upwards=True), _row_at(tree, last, upwards=False)
    return Ranges([(low, high)]) if low is not None and high is not None and low <= high else Ranges()


def _row_at(tree: SealTree, index: int, *, upwards: bool) -> int | None:
    """The id at an index; if its tile has lost rows, that of the tile's first or last."""
    from signal_log.models import SignalEvent

    number, place = divmod(index, WIDTH)
    tiles = SealTile.objects.filter(tree=tree, level=0, first_id__isnull=False, last_id__isnull=False)
    tile = tiles.filter(index=number).first()
    if tile is None:  # its neighbours tell between which rows it was
        below = tiles.filter(index__lt=number).order_by("-index").values_list("last_id", flat=True).first()
        above = tiles.filter(index__gt=number).order_by("index").values_list("first_id", flat=True).first()
        return (below or tree.after_id) + 1 if upwards else (above - 1 if above else tree.last_id)
    begin = 1 if number == 0 and tree.previous is not None else 0
    rows = SignalEvent.objects.filter(pk__gte=tile.first_id, pk__lte=tile.last_id).order_by("pk")
    ids = list(rows.values_list("pk", flat=True)[: WIDTH + 1])
    if len(ids) == tile.width - begin and 0 <= place - begin < len(ids):
        return ids[place - begin]
    return tile.first_id if upwards else tile.last_id


def _stored(tree: SealTree, level: int, index: int) -> list[bytes] | None:
    found = SealTile.objects.filter(tree=tree, level=level, index=index).values_list("hashes", flat=True).first()
    return None if found is None else hashes_of(found)[: width_at(level, index, tree.size)]


def _events(first: int, last: int) -> str:
    return f"the leaf {first:,}" if first == last else f"the leaves {first:,} to {last:,}"
