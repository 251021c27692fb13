"""How an event names leaves beside ids, and which rows' ids do not fit those that are named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_log.errors import ProofError
from signal_log.seal.named_leaves import Row, labels_of, leaves_by
from signal_log.seal.ranges import Ranges
from signal_log.seal.verify.anchors import Anchors


def test_what_is_named_is_read():
    """By index where a row is sealed, else, and for all with a higher id, by digest."""
    digests = {number: bytes([number]) * 32 for number in range(20)}
    places = {3: (1, 7), 5: (1, 8), 6: (2, 1), 9: (2, 4), 10: None, 12: (2, 9)}
    labels = labels_of(Row(number, place, digests[number]) for number, place in places.items())
    assert labels.keys() == {"indexes", "digests"}
    assert labels["indexes"] == "g1:7-8 g2:1,4"
    read = leaves_by(labels, Ranges.of(places))
    assert [read.leaf_of(number) for number in places] == [(1, 7), (1, 8), (2, 1), (2, 4), None, None]
    assert read.digests == {10: digests[10], 12: digests[12]}
    assert read.leaf_of(4) is None
    assert [(generation, str(ids)) for generation, ids, _ in read.by_generation()] == [(1, "3,5"), (2, "6,9")]
    assert labels_of([]) == {}


@pytest.mark.parametrize(
    "labels", [{}, {"indexes": "g1:1"}, {"indexes": "g1:1-3"}, {"digests": "AAAA"}, {"digests": "?"}]
)
def test_too_few_and_too_many(labels):
    """Each row has one leaf."""
    with pytest.raises(ProofError):
        leaves_by(labels, Ranges([(5, 6)]))


@given(st.sets(st.integers(1, 60), min_size=1), st.integers(0, 70))
def test_ranks(numbers, number):
    """As counting tells them."""
    ranges, order = Ranges.of(numbers), sorted(numbers)
    assert ranges.rank(number) == sum(one < number for one in order)
    assert [ranges.at(rank) for rank in range(len(order))] == order
    assert ranges.lowest(number) == Ranges.of(order[:number])
    with pytest.raises(IndexError):
        ranges.at(len(order))


@given(st.lists(st.tuples(st.integers(1, 3), st.booleans()), min_size=1, max_size=40), st.data())
def test_ids_that_were_shifted(gaps, data):
    """Rows are as they were named; one that then has the id of another, or passes one, is told."""
    rows, number = [], 0
    for index, (gap, is_named) in enumerate(gaps):
        number += gap
        rows.append((number, index, is_named))
    named = [(number, index) for number, index, is_named in rows if is_named]
    anchors = Anchors()
    labels = labels_of(Row(number, (1, index), bytes(32)) for number, index in named)
    anchors.add(leaves_by(labels, Ranges.of(number for number, _ in named)))
    left = [(number, index) for number, index, is_named in rows if not is_named or data.draw(st.booleans())]
    assert anchors.moved(1, [number for number, _ in left], [index for _, index in left]) == []
    assert anchors.moved(2, [1], [1]) == []
    by = data.draw(st.integers(-5, 5))
    shifted = [(number + by, index) for number, index in left]
    wrong = [
        (number, index) for number, index in shifted
        if [one < number for one, _ in named] != [other < index for _, other in named]
        or [one <= number for one, _ in named] != [other <= index for _, other in named]
    ]  # fmt: skip
    assert anchors.moved(1, [number for number, _ in shifted], [index for _, index in shifted]) == wrong
