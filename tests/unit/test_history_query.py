"""The history's query string is parsed into filters, times and a place in the list, and written back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.http import QueryDict
from django.utils import timezone

from signal_log.errors import FilterError
from signal_log.show.query.query import parse
from signal_log.show.words.moments import parse_moment


def test_filters_times_and_places_are_understood() -> None:
    """Filters, times and places are all parsed together."""
    query = parse(QueryDict("sender=auth.User&sender=a.B&source=!migration&since=2026-11-22&before=9&every=1"))
    assert not query.problems
    assert query.filters.wanted == {"sender": ("auth.User", "a.B")}
    assert query.filters.excluded == {"source": ("migration",)}
    assert (query.before, query.after, query.every) == (9, None, True)
    assert query.since == datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent", "key", "says"),
    [
        ("outcome=perhaps", "outcome", "committed, rolled_back, failed"),
        ("trace=xyz", "trace", "UUID"),
        ("since=yesterday", "since", "2026-11-22T09:42:17Z"),
        ("since=2026-13-45", "since", "2026-11-22T09:42:17Z"),
        ("since=0001-01-01T00:00:00%2B23:00", "since", "2026-11-22"),
        ("before=x", "before", "event number"),
        ("after=-1", "after", "event number"),
        ("before=99999999999999999999", "before", "event number"),
        ("colour=red", "colour", "Accepted: sender"),
        ("q=%00", "q", "At character 1"),
        ("q=guido+OR", "q", "At character 7: OR has nothing after it"),
        ("q=" + "x" * 501, "q", "500"),
        ("since=2026-11-22&until=2026-11-21", "until", "earlier"),
    ],
)
def test_invalid_values_are_listed_by_key(sent: str, key: str, says: str) -> None:
    """Errors are listed by key, name the accepted values, and keep what was typed."""
    query = parse(QueryDict(sent))
    assert says in query.problems[key]
    assert query.given[key]


def test_a_pill_leads_to_the_page_without_it() -> None:
    """Each pill links to the page without its own value and from the start, keeping all other filters."""
    pills = parse(QueryDict("sender=a.A&sender=b.B&actor=!ada&before=7&every=1")).pills("/events/")
    assert [(pill.name, pill.value, pill.excluded, pill.without) for pill in pills] == [
        ("model", "a.A", False, "/events/?sender=b.B&actor=%21ada&every=1"),
        ("model", "b.B", False, "/events/?sender=a.A&actor=%21ada&every=1"),
        ("actor", "ada", True, "/events/?sender=a.A&sender=b.B&every=1"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("emial:x", [("changed field emial", "x", "")]),
        ("-old:(a OR b) took:>1s", [("not query", "old:(a OR b)", "took:>1s"), ("took", ">1s", "-old:(a OR b)")]),
        ("email: two words", [("changed field", "email", "two words"), ("text", "two", "email: words"),
                              ("text", "words", "email: two")]),
        ("new:a@x email: since:now-5m", [("changed field email, new value", "a@x", "email: since:now-5m"),
                                         ("changed field", "email", "new:a@x since:now-5m"),
                                         ("since", "now-5m", "new:a@x email:")]),
        ("model:User OR ada", [("query", "model:User OR ada", "")]),
        ("(half", [("text", "(half", "")]),
        ("\u202ename\u202e:x", [("text", "[U+202E]name[U+202E]:x", "")]),
    ],
)  # fmt: skip
def test_a_pill_says_what_was_understood(text: str, said: list[tuple[str, str, str]]) -> None:
    """Each condition of a query has a pill, and leads to the page with the rest of it."""
    sent = QueryDict(mutable=True)
    sent.update({"q": text, "actor": "ada"})
    pills = parse(sent).pills("/")
    assert (pills[0].name, len(pills)) == ("actor", len(said) + 1)
    shown = [(f"{'not ' if one.excluded else ''}{one.name}", one.value, one.without) for one in pills[1:]]
    assert [one[:2] for one in shown] == [one[:2] for one in said]
    assert [QueryDict(one[2].lstrip("/?")).get("q", "") for one in shown] == [one[2] for one in said]


def test_the_form_keeps_what_it_cannot_show() -> None:
    """Multiple values, exclusions and keys that the form has no field for are kept as hidden fields."""
    query = parse(QueryDict("sender=a.A&sender=b.B&actor=!ada&q=x&actor_pk=7"))
    assert list(query.hidden()) == [("sender", "a.A"), ("sender", "b.B"), ("actor", "!ada"), ("actor_pk", "7")]
    assert (query.one("sender"), query.one("q")) == ("", "x")


def test_asking_for_a_signal_shows_every_signal() -> None:
    """Filtering by signal turns folding off, because folding would hide the very pre signals that were asked for."""
    assert parse(QueryDict("signal=pre_save")).every


def test_times_without_an_offset_are_local() -> None:
    """Times without an offset are local; times with an offset or Z are exact."""
    with timezone.override("Europe/Vienna"):
        assert parse_moment("at", "2026-07-01 12:00") == datetime(2026, 7, 1, 10, tzinfo=UTC)
        assert parse_moment("at", "2026-07-01T12:00:00Z") == datetime(2026, 7, 1, 12, tzinfo=UTC)
        assert parse_moment("at", "2026-07-01T12:00:00 02:00") == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert parse_moment("at", "  ") is None
    with pytest.raises(FilterError):
        parse_moment("at", "noon")
