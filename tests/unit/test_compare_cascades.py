"""Two cascades compared: what is new, gone, more often, moved or slower, and what chance explains."""

from __future__ import annotations

import pytest

from signal_log.show.cascade.compare import Node, compare, folded, have_anything_in_common, lines, typical
from tests.story import Story


def checkout(*receivers: tuple[str, int], items: int = 2, took_us: int = 400_000):
    story = Story()
    order = story.save("shop.Order", created=True, took_us=took_us)
    for name, us in receivers:
        story.run(order, name, us)
    for _ in range(items):
        story.save(by=order, receiver=receivers[0][0])
    return folded(story.cascade())


def test_equal_cascades_are_the_same_whatever_their_values_and_times():
    difference = compare(checkout(("crm", 3), ("mail", 9)), checkout(("crm", 90_000), ("mail", 1), took_us=900_000))
    assert not difference.differs
    assert list(lines(difference)) == ["  … 1 the same"]


def test_counts_additions_and_removals_are_facts():
    before = checkout(("crm", 3_000), ("mail", 9), items=200)
    after = checkout(("crm", 3_000), ("crm", 3_000), ("search", 40), items=202)
    assert list(lines(compare(before, after))) == [
        "  created shop.Order   403 → 403 ms",
        "~   crm   × 1 → × 2   3.0 → 6.0 ms",
        "~     updated shop.Item   × 200 → × 202",
        "-   mail   × 1 → × 0   9 → 0 µs",
        "+   search   × 0 → × 1   0 → 40 µs",
    ]


def test_siblings_that_changed_places_have_moved():
    difference = compare(checkout(("a", 1), ("b", 1), ("c", 1)), checkout(("a", 1), ("c", 1), ("b", 1)))
    (order,) = difference.children
    assert [child.key[1] for child in order.children if child.moved] in (["b"], ["c"])
    assert [child.change for child in order.children].count("changed") == 1


@pytest.mark.parametrize(
    ("before", "after", "runs", "counts"),
    [(100_000, 121_000, 3, True), (100_000, 121_000, 2, False), (100_000, 119_000, 3, False),
     (10_000, 14_900, 3, False), (121_000, 100_000, 3, False), (125_000, 100_000, 3, True)],
)  # fmt: skip
def test_a_time_differs_from_three_runs_a_fifth_and_five_milliseconds_on(before, after, runs, counts):
    sides = [typical([checkout(("crm", us)) for _ in range(runs)]) for us in (before, after)]
    (order,) = compare(*sides).children
    assert order.children[0].is_slower_or_faster is counts


def test_several_runs_are_told_by_their_median():
    node = typical([checkout(("crm", us), items=items) for us, items in ((1, 2), (5, 2), (900, 7))])
    crm = node.children["operation", "created shop.Order"].children["receiver", "crm"]
    assert (crm.took_us, crm.children["operation", "updated shop.Item"].count, crm.runs) == (5, 2, 3)


def test_what_one_run_lacks_counts_as_none_there():
    one, other = Node(), checkout(("crm", 4))
    assert typical([one, other, one]).children["operation", "created shop.Order"].count == 0


def test_cascades_with_nothing_in_common():
    story = Story()
    story.save("users.Profile")
    assert not have_anything_in_common(compare(folded(story.cascade()), checkout(("crm", 1))))
    assert have_anything_in_common(compare(checkout(("crm", 1)), checkout(("mail", 1))))


def test_queries_of_a_receiver_count():
    sides = []
    for queries in (3, 203):
        story = Story()
        story.run(story.save(), "crm", 0, queries=queries)
        sides.append(folded(story.cascade()))
    assert list(lines(compare(*sides))) == ["  updated shop.Item", "~   crm   3 → 203 queries"]
