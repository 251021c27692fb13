"""Old and new values as the pages show them."""

from __future__ import annotations

import time

from signal_log.event import MASK
from signal_log.show.words.diff import field_diffs
from signal_log.show.words.text import duration, one_line, visible


def test_update_shows_both_sides_and_marks_the_words_that_differ() -> None:
    """In a long text only the changed words are marked, each on its own side."""
    old = "One accurate measurement is worth a thousand opinions."
    new = "One accurate measurement is worth ten thousand opinions."
    [field] = field_diffs({"bio": [old, new]}, "updated")
    assert field.old is not None
    assert field.new is not None
    assert (field.old.text, field.new.text) == (old, new)
    assert [p.text for p in field.old.pieces if p.marked] == ["a"]
    assert [p.text for p in field.new.pieces if p.marked] == ["ten"]


def test_short_or_unlike_texts_are_shown_whole() -> None:
    """Short or very different texts are shown whole, because scattered marks would hide more than they show."""
    for old, new in (("Ada", "Augusta"), ("the quick brown fox jumps", "zebras wear striped pyjamas")):
        [field] = field_diffs({"name": [old, new]}, "updated")
        assert field.old is not None
        assert [p.marked for p in field.old.pieces] == [False]


def test_created_and_deleted_show_one_side() -> None:
    """A creation has no old side and a deletion no new side."""
    [created] = field_diffs({"name": [None, "Ada"]}, "created")
    [deleted] = field_diffs({"name": ["Ada", None]}, "deleted")
    assert created.old is None
    assert created.new is not None
    assert deleted.old is not None
    assert deleted.new is None


def test_relations_and_other_signals_show_what_there_is() -> None:
    """Added relations have no old side, removed relations no new side, and a signal's arguments have only one value."""
    [added] = field_diffs({"tags": [None, [1]]}, "m2m")
    [removed] = field_diffs({"tags": [[1], None]}, "m2m")
    [given] = field_diffs({"request": [None, "/accounts/login/"]}, "signal")
    assert (added.old, removed.new, given.old) == (None, None, None)
    assert None not in (added.new, removed.old, given.new)


def test_null_empty_and_masked_are_said() -> None:
    """Null, an empty text and a masked secret are each named, so none can be mistaken for another or for a value."""
    fields = {f.name: f for f in field_diffs({"a": [None, ""], "password": [MASK, MASK]}, "updated")}
    assert fields["a"].old is not None
    assert fields["a"].new is not None
    assert (fields["a"].old.style, fields["a"].new.style) == ("null", "empty")
    assert fields["password"].masked
    assert not fields["a"].masked


def test_rows_that_somebody_else_wrote_do_not_break_the_page() -> None:
    """Changes of any JSON shape can be shown, even in rows this app did not write."""
    for changes in (None, [], "x", {"a": 1}, {"a": [1, 2, 3]}, {"a": {"b": [True]}}):
        field_diffs(changes, "updated")
    [field] = field_diffs({"a": [1, 2, 3]}, "updated")
    assert field.new is not None
    assert "3" in field.new.text


def test_huge_texts_are_compared_in_no_time() -> None:
    """Values of 100,000 words are shown whole, in less than a second."""
    started = time.perf_counter()
    field_diffs({"bio": ["word " * 100_000, "werd " * 100_000]}, "updated")
    assert time.perf_counter() - started < 1


def test_what_cannot_be_seen_is_named() -> None:
    """Control, bidirectional and zero-width characters are shown by code point; line breaks and tabs stay."""
    assert visible("a\x00b\x07c\x85d\u202eexe\u200b\n\t") == ("a[U+0000]b[U+0007]c[U+0085]d[U+202E]exe[U+200B]\n\t")
    assert visible("Ünï🎈") == "Ünï🎈"


def test_one_line_is_one_short_line() -> None:
    """A text is put on one line with its line breaks drawn as symbols, and cut however long it is."""
    assert one_line("a\nb") == "a⏎b"
    assert one_line("x" * 1_000_000, 10) == "x" * 10 + "…"


def test_durations_have_three_digits_at_most() -> None:
    """Durations have at most three digits, from microseconds to seconds."""
    assert [duration(us) for us in (7, 999, 1_200, 284_000, 1_234_567, None)] == [
        "7 µs", "999 µs", "1.2 ms", "284 ms", "1.23 s", "not finished",
    ]  # fmt: skip
