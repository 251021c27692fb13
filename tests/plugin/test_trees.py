"""Trees that tests expect: typed, compared in order and not, wholly and in part."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_log.testing import trees

FIRED = trees.given_lines("""
    updated users.Profile (name)
      sync_user → updated auth.User (first_name)
        reindex → created search.Entry × 3
      notify → created mail.Message
    deleted shop.Item
""")


def test_a_tree_can_be_typed() -> None:
    """Any indentation, and what a keyboard has for the arrow and the times sign."""
    assert trees.given_lines("a.B\n\n   f -> c.D x 2\n   f → c.D") == ["a.B", "  f → c.D × 3"]


def test_counted_lines_count() -> None:
    """The number of operations takes in those below counted lines."""
    assert trees.number(FIRED) == 7
    assert trees.number(["a.B × 2", "  f → c.D × 5"]) == 12


@pytest.mark.parametrize(
    ("text", "in_order", "anyhow"),
    [
        ("deleted shop.Item", True, True),
        ("reindex → created search.Entry × 2", True, True),
        ("reindex → created search.Entry × 4", False, False),
        ("sync_user → updated auth.User (first_name)\n  reindex → created search.Entry", True, True),
        ("updated users.Profile (name)\n  reindex → created search.Entry", False, False),
        (("updated users.Profile (name)\n  notify → created mail.Message\n"
         "  sync_user → updated auth.User (first_name)"), False, True),
        ("deleted shop.Item\nupdated users.Profile (name)", False, True),
    ],
)  # fmt: skip
def test_a_part_of_what_fired(text: str, in_order: bool, anyhow: bool) -> None:
    """What is expected may begin anywhere; below its lines only what fired right below them counts."""
    expected = trees.given_lines(text)
    assert trees.contains(FIRED, expected, ordered=True) is in_order
    assert trees.contains(FIRED, expected, ordered=False) is anyhow


def test_equal_siblings_make_way_for_each_other() -> None:
    """The first of two equal lines is not taken from the one that needs it."""
    fired = ["a.B", "  f → c.D", "a.B"]
    assert trees.contains(fired, ["a.B", "a.B", "  f → c.D"], ordered=False)
    assert not trees.contains(fired, ["a.B", "  f → c.D", "a.B", "  f → c.D"], ordered=False)


def by_trying_all(fired: list[trees.Node], expected: list[trees.Node]) -> bool:
    """Whether some choice of as many fired nodes fits, found by trying each."""
    return any(
        all(node.text == wanted.text and by_trying_all(node.children, wanted.children)
            for node, wanted in zip(chosen, expected, strict=True))
        for chosen in itertools.permutations(fired, len(expected))
    )  # fmt: skip


siblings = st.recursive(
    st.just([]),
    lambda below: st.lists(st.builds(trees.Node, st.sampled_from("ab"), below), max_size=4),
    max_leaves=6,
)


@given(siblings, siblings)
def test_any_order_is_decided_as_by_trying_all(fired: list[trees.Node], expected: list[trees.Node]) -> None:
    """However equal and unequal nodes stand in each other's way."""
    lines = [[line for node in nodes for line in node.lines()] for nodes in (fired, expected)]
    same = trees.sorted_lines(lines[0]) == trees.sorted_lines(lines[1])
    assert trees._assigned(fired, expected) is by_trying_all(fired, expected)
    assert not same or trees._assigned(fired, expected)


def test_thousands_of_equal_saves_are_counted() -> None:
    """Neither a deep recursion nor a comparison of each with each."""
    lines = trees.given_lines("created a.B × 5000\n  f → created c.D")
    assert trees.contains(lines, lines, ordered=False)
    assert not trees.contains(lines, [*lines, "created a.B"], ordered=False)


def test_long_equal_parts_are_left_out() -> None:
    """Of a hundred lines, those around the difference are shown."""
    fired = [f"created a.M{number}" for number in range(100)]
    shown = trees.difference([*fired, "deleted a.B"], fired)
    assert shown[8:10] == ["    … 84 lines the same", "    created a.M92"]
    assert shown[-1] == "  - deleted a.B"
    assert len(shown) == 18


def test_receivers_are_named_as_the_test_names_them() -> None:
    """Short, or by as much of the dotted path as is given; a local function's line number never shows."""
    naming = trees.Naming.of(["a.B", "  users.signals.sync → c.D", "  signals.other → c.D"])
    paths = ("users.signals.sync", "shop.signals.other", "shop.sync", "tests.x.<locals>.sync_user:12")
    assert [naming(path) for path in paths] == ["users.signals.sync", "signals.other", "sync", "sync_user"]
