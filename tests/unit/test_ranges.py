"""Ranges of numbers in labels: written, read, merged, searched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_log.errors import ProofError
from signal_log.seal.ranges import Ranges, format_indexes, parse_indexes, parse_ranges

NUMBERS = st.lists(st.integers(0, 60), max_size=30)


@given(NUMBERS, NUMBERS)
def test_they_are_the_sets_of_their_numbers(some, others):
    """However they are added."""
    ranges, other = Ranges.of(some), Ranges.of(others)
    assert [n for n in range(62) if n in ranges] == sorted(set(some)) == numbers(ranges)
    assert ranges.count == len(set(some))
    assert numbers(ranges.without(other)) == sorted(set(some) - set(others))
    assert all(last + 1 < first for (_, last), (first, _) in zip(list(ranges), list(ranges)[1:], strict=False))
    assert parse_ranges(str(ranges)) == ranges
    both = Ranges(ranges)
    both.update(other)
    assert numbers(both) == sorted({*some, *others})


def numbers(ranges: Ranges) -> list[int]:
    """One by one."""
    return [number for first, last in ranges for number in range(first, last + 1)]


def test_their_text():
    """As labels have it."""
    assert str(Ranges.of([12, 7, 5, 6, 8, 9])) == "5-9,12"
    assert str(parse_ranges("")) == ""
    assert not parse_ranges("")
    leaves = {2: Ranges([(0, 4)]), 1: Ranges([(256, 511), (600, 600)]), 3: Ranges()}
    assert format_indexes(leaves) == "g1:256-511,600 g2:0-4"
    assert parse_indexes(format_indexes(leaves)) == {1: leaves[1], 2: leaves[2]}


@pytest.mark.parametrize("text", ["5-", "-5", "9-5", "5 - 9", "05", "1,,2", "1;2", "٣", "9" * 19 + "9", "1-2-3", "x"])
def test_what_is_no_range(text):
    """It is said, and nothing guessed."""
    with pytest.raises(ProofError, match="is no range"):
        parse_ranges(text)
    with pytest.raises(ProofError, match=r"is no range|names no leaves"):
        parse_indexes(f"g1:{text}")
    with pytest.raises(ProofError, match="names no leaves"):
        parse_indexes("256-511")
