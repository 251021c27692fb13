"""Values of any size are cheap for a page to show; their wording is in the tables (``test_vectors.py``)."""

from __future__ import annotations

import time

from signal_log.show.words.diff import field_diffs
from signal_log.show.words.summary import change
from signal_log.show.words.text import one_line
from tests.factories import event_value


def test_huge_texts_are_compared_in_no_time() -> None:
    """A value of 100,000 words is shown whole, in less than a second."""
    started = time.perf_counter()
    field_diffs({"bio": ["word " * 100_000, "werd " * 100_000]}, "updated")
    assert time.perf_counter() - started < 1


def test_a_huge_value_is_one_short_line() -> None:
    """The rest is cut, even of a text of a million characters."""
    assert one_line("x" * 1_000_000, 10) == "x" * 9 + "…"
    event = event_value(changes={"bio": ["a\u202eb\nc", "y" * 1_000_000]})
    assert len(" ".join(part.text for part in change(event))) < 100
