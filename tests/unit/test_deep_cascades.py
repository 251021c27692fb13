"""Cascades of two thousand levels, each one the cause of the next: deeper than Python can call."""

from __future__ import annotations

import pytest

from signal_log.show.cascade.compare import compare, folded, lines, typical
from signal_log.show.cascade.document import document
from signal_log.show.cascade.findings import findings
from signal_log.show.cascade.lines import DEEPEST_INDENT, as_text, told
from signal_log.show.cascade.operation import Cascade
from signal_log.show.cascade.report import MOST_BYTES, report
from signal_log.show.cascade.shape import given_shape, shape
from signal_log.show.sessions.compared import rows
from signal_log.show.toolbar.rows import stats_of
from tests.story import Story

LEVELS = 2_000


def chain(last: str = "shop.Last") -> Cascade:
    story, by = Story(), None
    for level in range(LEVELS):
        sender = last if level == LEVELS - 1 else "shop.Item"
        by = story.save(sender, by=by, receiver="shop.again" if by else "", object_pk=str(level % 1_500))
        story.run(by, "shop.again", 10)
    return story.cascade()


@pytest.fixture(scope="module")
def deep() -> Cascade:
    return chain()


def test_it_is_told_line_by_line(deep):
    """Lines beyond a depth are not indented further, but tell their level."""
    found = told(deep)
    assert [line.level for line in found] == list(range(LEVELS))
    assert as_text(found[DEEPEST_INDENT]).startswith("  " * (DEEPEST_INDENT - 1) + "└ again → ")
    assert as_text(found[-1]).startswith("  " * (DEEPEST_INDENT - 1) + "└ 1999 again → updated shop.Last")
    assert len(report(["a trace"], findings(deep, 1), deep).encode()) <= MOST_BYTES


def test_its_shape_is_read_back(deep):
    found = shape(deep)
    assert len(found) == LEVELS
    assert given_shape("\n".join(found)) == found


def test_its_circles_are_found(deep):
    (cycle,) = [one for one in findings(deep, 1) if one.kind == "cycle"]
    assert cycle.positions[0] == 2 * 1_501 + 1


def test_programs_and_the_panel_read_it(deep):
    assert document({}, deep, telemetry="complete")["total"] == LEVELS
    stats = stats_of(deep, 1)
    assert len(stats["rows"]) + stats["more"] == 2 * LEVELS


def test_two_of_them_are_compared(deep):
    """The one difference is at the end of the chain, and so are the lines; levels beyond a depth are numbers."""
    difference = compare(folded(deep), folded(chain("shop.Other")))
    found = list(lines(difference))
    assert [line.split()[:4] for line in found[-4:]] == [
        [sign, level, *words]
        for sign, last in (("-", "shop.Last"), ("+", "shop.Other"))
        for level, words in (("3998", ["updated", last]), ("3999", ["shop.again", "×"]))
    ]
    assert [row.change for row in rows(difference)].count("added") == 2
    assert not compare(typical([folded(deep)] * 3), typical([folded(deep)] * 3)).differs
