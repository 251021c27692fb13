"""What happened to the rows of a tile: whatever is done to them, it is named, and nothing else is."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given, settings
from hypothesis import strategies as st

from signal_log.seal.verify.matching import match
from signal_log.seal.verify.row import Row

FIRST = 512
NUMBER = 12


def leaf(text: object) -> bytes:
    """A hash."""
    return sha256(str(text).encode()).digest()


LEAVES = [leaf(at) for at in range(NUMBER)]
PLACES = st.sets(st.integers(0, NUMBER - 1), max_size=5)


def rows() -> list[Row]:
    """As they were sealed, with ids 10, 20 and so on."""
    return [Row(10 * at + 10, one, one) for at, one in enumerate(LEAVES)]


def named(found: list[Row]) -> tuple[set[int], set[int], set[int], set[int]]:
    """Which ids are modified and inserted, which leaves lost, which ids moved."""
    matched = match(FIRST, LEAVES, found, 0, 10 * NUMBER + 10)
    return (
        {one.id for one in matched.modified},
        {one.id for one in matched.extra},
        {one.index - FIRST for one in matched.lost},
        {one.id for one in matched.moved},
    )


@settings(max_examples=40)
@given(PLACES, st.booleans())
def test_modified(places, keeping):
    """With the old digest or with a new one; each is paired with its own leaf."""
    found = rows()
    for at in places:
        found[at] = Row(found[at].id, leaf(("other", at)), found[at].stored if keeping else leaf(("other", at)))
    matched = match(FIRST, LEAVES, found, 0, 999)
    assert [(one.id, one.index) for one in matched.modified] == [(10 * at + 10, FIRST + at) for at in sorted(places)]
    assert not (matched.lost)
    assert not (matched.extra)
    assert not (matched.moved)


@settings(max_examples=40)
@given(PLACES)
def test_lost(places):
    """Each leaf, and between which ids its row was."""
    found = [row for at, row in enumerate(rows()) if at not in places]
    matched = match(FIRST, LEAVES, found, 0, 999)
    assert [one.index - FIRST for one in matched.lost] == sorted(places)
    for one in matched.lost:
        assert one.above < 10 * (one.index - FIRST) + 10 < one.below
    assert not (matched.modified)
    assert not (matched.extra)
    assert not (matched.moved)


@settings(max_examples=40)
@given(PLACES, PLACES)
def test_inserted_and_lost(inserted, lost):
    """A new row where no leaf is missing is an insertion; where one is, it stands for it."""
    found = [row for at, row in enumerate(rows()) if at not in lost]
    found += [Row(10 * at + 15, leaf(("new", at)), leaf(("new", at))) for at in inserted]
    modified, extra, missing, moved = named(sorted(found))
    assert not moved
    assert modified | extra == {10 * at + 15 for at in inserted}
    assert len(missing) + len(modified) == len(lost)
    assert missing <= lost
    if not lost:
        assert not modified


@settings(max_examples=40)
@given(st.integers(0, NUMBER - 1), st.integers(0, NUMBER - 1))
def test_exchanged(one, other):
    """Both of two."""
    found = rows()
    first, second = found[one], found[other]
    found[one], found[other] = first._replace(id=second.id), second._replace(id=first.id)
    modified, extra, missing, moved = named(sorted(found))
    assert moved == ({first.id, second.id} if one != other else set())
    assert not modified
    assert not extra
    assert not missing


@settings(max_examples=40)
@given(st.integers(0, NUMBER - 1), st.integers(0, NUMBER))
def test_copied(what, where):
    """The copy is no leaf's row, wherever it stands."""
    found = sorted([*rows(), rows()[what]._replace(id=10 * where + 5)])
    modified, extra, missing, moved = named(found)
    assert len(extra) == 1
    assert extra | moved <= {10 * where + 5, 10 * what + 10}
    assert not modified
    assert not missing


@settings(max_examples=40)
@given(st.permutations(range(NUMBER)))
def test_shuffled(order):
    """Nothing but places is wrong, and those that are not named stand in order."""
    found = [Row(10 * at + 10, LEAVES[one], LEAVES[one]) for at, one in enumerate(order)]
    modified, extra, missing, moved = named(found)
    assert not modified
    assert not extra
    assert not missing
    left = [one for at, one in enumerate(order) if 10 * at + 10 not in moved]
    assert left == sorted(left)
    assert bool(moved) == (list(order) != sorted(order))
