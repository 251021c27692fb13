"""The tree as files that any tlog-tiles reader takes (c2sp.org/tlog-tiles): 256 hashes a tile (pure; no Django).

A tile is named by its level, its index on that level, and its width: the rightmost tile of a level is partial until
it is full. The hashes of level 0 are those of leaves, each hash above is the root over a full tile below.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from signal_log.seal.merkle import HASH_BYTES, level_above

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
ENTRY_BYTES: Final = 32
"""An entry is an event's digest."""
_LENGTH: Final = ENTRY_BYTES.to_bytes(2, "big")
_PATH: Final = re.compile(r"tile/(entries|0|[1-9]\d?)((?:/x\d{3})*/\d{3})(?:\.p/([1-9]\d{0,2}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile's name; ``width`` hashes of it are there."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Where it is published."""
        return f"tile/{self.level}/{_number(self.index)}{_partial(self.width)}"


def bundle_path(index: int, width: int = WIDTH) -> str:
    """Where the entries below a tile of level 0 are published."""
    return f"tile/entries/{_number(index)}{_partial(width)}"


def read_path(path: str) -> Tile | None:
    """The tile of a path, of level -1 for a bundle of entries; None if it is neither."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    kind, number, width = found.groups()
    level = -1 if kind == "entries" else int(kind)
    index = int(number.replace("/x", "").replace("/", ""))
    tile = Tile(level, index, int(width) if width else WIDTH)
    same = bundle_path(index, tile.width) if level < 0 else tile.path
    return tile if same == path and level < 64 and tile.width <= WIDTH else None


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile of a tree of this size."""
    yield from tiles_between(0, size)


def tiles_between(old: int, size: int) -> Iterator[Tile]:
    """The tiles that a tree of ``size`` has and the one of ``old`` had not, or had narrower."""
    level = 0
    while size >> HEIGHT * level:
        before, after = old >> HEIGHT * level, size >> HEIGHT * level
        if after > before:
            for index in range(before // WIDTH, (after - 1) // WIDTH + 1):
                yield Tile(level, index, min(WIDTH, after - index * WIDTH))
        level += 1


def bundle(entries: Sequence[bytes]) -> bytes:
    """Entries as they are published, each with its length."""
    return b"".join(_LENGTH + entry for entry in entries)


def entries_in(content: bytes) -> list[bytes]:
    """The entries of a bundle; raises ``ValueError`` if it is cut or holds anything else."""
    step = len(_LENGTH) + ENTRY_BYTES
    found = [content[at : at + step] for at in range(0, len(content), step)]
    if any(len(one) != step or not one.startswith(_LENGTH) for one in found):
        raise ValueError("A bundle of entries is cut short, or not of this kind of log.")
    return [one[len(_LENGTH) :] for one in found]


def hashes_in(content: bytes) -> list[bytes]:
    """The hashes of a tile; raises ``ValueError`` if it is cut."""
    if len(content) % HASH_BYTES or not 0 < len(content) <= WIDTH * HASH_BYTES:
        raise ValueError("A tile is cut short, or too long.")
    return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]


def tile_root(hashes: Sequence[bytes]) -> bytes:
    """The hash over a full tile, or over as many hashes as a complete subtree has."""
    row = b"".join(hashes)
    while len(row) > HASH_BYTES:
        row = level_above(row)
    return row


def node_in(read: Callable[[int, int], Sequence[bytes]]) -> Callable[[int, int], bytes]:
    """Hashes of complete subtrees out of tiles; ``read(level, index)`` gives the hashes that a tile has."""

    def node(level: int, index: int) -> bytes:
        tile_level, above = divmod(level, HEIGHT)
        number = 1 << above
        first = index * number
        hashes = read(tile_level, first // WIDTH)[first % WIDTH : first % WIDTH + number]
        if len(hashes) != number:
            raise ValueError(f"Tile {first // WIDTH:,} of level {tile_level} has fewer hashes than the tree needs.")
        return tile_root(hashes)

    return node


def subtrees_of(hashes: Sequence[bytes]) -> list[bytes]:
    """The complete subtrees over the hashes of a tile, the largest first."""
    subtrees, at = [], 0
    for bit in reversed(range(len(hashes).bit_length())):
        if len(hashes) >> bit & 1:
            subtrees.append(tile_root(hashes[at : at + (1 << bit)]))
            at += 1 << bit
    return subtrees


def _number(index: int) -> str:
    groups = []
    while True:
        index, group = divmod(index, 1000)
        groups.append(f"{group:03}")
        if not index:
            break
    first, *rest = groups
    return "/".join([*(f"x{group}" for group in reversed(rest)), first])


def _partial(width: int) -> str:
    return "" if width == WIDTH else f".p/{width}"
