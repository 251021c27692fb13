"""Tiles: the names, widths and hashes that c2sp.org/tlog-tiles asks for."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_log.seal import merkle, tiles
from signal_log.seal.tiles import Tile


def written(size: int) -> dict[tuple[int, int], list[bytes]]:
    """Every tile of a tree of numbered entries, by level and index."""
    row = [merkle.leaf_hash(number.to_bytes(32, "big")) for number in range(size)]
    found: dict[tuple[int, int], list[bytes]] = {}
    level = 0
    while row:
        for at in range(0, len(row), tiles.WIDTH):
            found[level, at // tiles.WIDTH] = row[at : at + tiles.WIDTH]
        full = len(row) // tiles.WIDTH
        row = [tiles.tile_root(row[at * tiles.WIDTH : (at + 1) * tiles.WIDTH]) for at in range(full)]
        level += 1
    return found


def test_the_specification_s_example():
    """A tree of 70,000."""
    counted = Counter((tile.level, tile.width) for tile in tiles.tiles_of(70_000))
    assert counted == {(0, 256): 273, (0, 112): 1, (1, 256): 1, (1, 17): 1, (2, 1): 1}
    assert [tile for tile in tiles.tiles_of(256) if tile.level] == [Tile(1, 0, 1)]


@pytest.mark.parametrize(
    ("tile", "path"),
    [(Tile(0, 0), "tile/0/000"), (Tile(0, 1_234_067), "tile/0/x001/x234/067"), (Tile(2, 999, 1), "tile/2/999.p/1"),
     (Tile(63, 1_000, 255), "tile/63/x001/000.p/255"), (Tile(-1, 1_000_000, 7), "tile/entries/x001/x000/000.p/7")],
)  # fmt: skip
def test_paths(tile: Tile, path: str):
    """Written and read."""
    assert (tiles.bundle_path(tile.index, tile.width) if tile.level < 0 else tile.path) == path
    assert tiles.read_path(path) == tile


@pytest.mark.parametrize(
    "path",
    ["tile/0/0", "tile/00/000", "tile/64/000", "tile/0/x000/001", "tile/0/000.p/0", "tile/0/000.p/256",
     "tile/0/000.p/01", "tile/0/001/002", "tile/0/../000", "tile/0/\N{ARABIC-INDIC DIGIT ZERO}00", "tile/x/000",
     "checkpoint", "tile/0/000\n"],
)  # fmt: skip
def test_other_paths_are_none_of_ours(path: str):
    """No two paths name one tile, and none leads elsewhere."""
    assert tiles.read_path(path) is None


@given(st.integers(0, 2_000), st.integers(0, 2_000))
def test_what_is_new_is_what_the_larger_tree_has_besides(one: int, other: int):
    """From any size to any other."""
    old, size = sorted((one, other))
    assert set(tiles.tiles_between(old, size)) == set(tiles.tiles_of(size)) - set(tiles.tiles_of(old))


@pytest.mark.parametrize("size", [1, 255, 256, 257, 70_000])
def test_proofs_are_made_of_tiles_alone(size: int):
    """Whatever subtree they need."""
    found = written(size)
    assert {(tile.level, tile.index): tile.width for tile in tiles.tiles_of(size)} == {
        name: len(row) for name, row in found.items()
    }
    node = tiles.node_in(lambda level, index: found[level, index])
    root = merkle.root_of(size, node)
    for index in {0, size // 3, size - 1}:
        proof = merkle.inclusion_proof(index, size, node)
        assert merkle.verify_inclusion(index, size, merkle.leaf_hash(index.to_bytes(32, "big")), proof, root)
    for old in {1, size // 2 or 1, size}:
        proof = merkle.consistency_proof(old, size, node)
        assert merkle.verify_consistency(old, size, merkle.root_of(old, node), root, proof)


def test_a_tile_that_is_too_narrow_is_noticed():
    """It is never taken for a whole one."""
    node = tiles.node_in(lambda level, index: [b"x" * 32] * 5)
    with pytest.raises(ValueError, match="fewer hashes"):
        node(3, 0)


def test_bundles_and_tiles_are_read_as_they_were_written():
    """And nothing else is read as one."""
    rows = [bytes([number]) * 32 for number in range(3)]
    assert tiles.entries_in(tiles.bundle(rows)) == rows
    assert tiles.hashes_in(b"".join(rows)) == rows
    for cut in (tiles.bundle(rows)[:-1], b"\x00\x21" + b"x" * 33):
        with pytest.raises(ValueError, match="cut short"):
            tiles.entries_in(cut)
    for cut in (b"", b"x" * 31, b"x" * 32 * 257):
        with pytest.raises(ValueError, match="cut short"):
            tiles.hashes_in(cut)
