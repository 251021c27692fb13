"""Queries are read as the tables say, and whatever is typed, the answer is a tree or a sentence with its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_log.query_language import parse, write
from signal_log.query_language.matching import condition
from signal_log.query_language.messages import LONGEST
from tests.vectors import tables

PIECES = (
    " ", "  ", "(", ")", '"', "\\", '\\"', "-", "!", ":", "//", "OR", "AND", "NOT", " OR ", " -", "a", "b c", "10:42",
    "email:", "Email:x", "old:", "new:a", "value:(", "model:User", "field:", "since:5m", "until:now-", "took:>1s",
    "größe:", "outcome:failed", "text:", "actor:", "\u202e", "\U0001f388", "\0", "\ud800", "\u2003", "x" * 90,
)  # fmt: skip

typed = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=40).map("".join))


@pytest.mark.parametrize("name", ["query", "query_matches"])
def test_the_tables_hold(name: str) -> None:
    """A change of the language means rewriting the tables (`python -m tests.vectors.tables`) for both languages."""
    made, held = tables.made()[name], tables.read(name)
    for now, then in zip(made, held, strict=True):
        assert now == then


def test_a_query_matches_what_it_says() -> None:
    """Python lets through exactly the events that the table names."""
    for case in tables.read("query_matches"):
        parsed = parse(case["query"])
        assert not parsed.problems, case
        assert (parsed.node is None or condition(parsed.node)(case["event"])) == case["matches"], case


@given(typed, st.booleans())
def test_whatever_is_typed_is_understood_or_said(text: str, typing: bool) -> None:
    """There is never a traceback, each problem has a place in the text, and what was understood can be written."""
    parsed = parse(text, typing=typing)
    for problem in parsed.problems:
        assert 0 <= problem.at < problem.at + problem.length <= len(text)
        assert problem.message.endswith(".")
    written = write(parsed.node, parsed.since, parsed.until)
    again = parse(written)
    if len(written) <= LONGEST:
        assert (again.node, again.since, again.until, again.problems) == (parsed.node, parsed.since, parsed.until, ())
        assert write(again.node, again.since, again.until) == written


@given(typed)
def test_while_it_is_typed_only_its_end_is_forgiven(text: str) -> None:
    """What is no problem at the end is one when more follows, and nothing else is forgiven."""
    half, whole = parse(text, typing=True).problems, parse(text).problems
    assert set(half) <= set(whole)
    if not half and whole:
        assert any(
            problem.at + problem.length >= len(text.rstrip()) or "bracket" in problem.message for problem in whole
        )
