"""Paging through the history repeats nothing and leaves nothing out, and searches for rare matches are bounded."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client

from signal_log.filters import Filters
from signal_log.models import SignalEvent
from signal_log.show.pages import history
from signal_log.show.pages.history import fold
from signal_log.show.query import paging
from signal_log.show.query.paging import count, read_page
from signal_log.store import few, span
from signal_log.store.span import NOTHING, Span, span_of
from tests.factories import event_value, make_event

pytestmark = pytest.mark.django_db


@pytest.fixture
def ids() -> list[int]:
    """Create thirty events with gaps between their ids, and return the ids, newest first."""
    first = make_event().pk + 1
    numbers = [first + n for n in range(30) if n not in (3, 4, 5, 20)]
    SignalEvent.objects.bulk_create(
        SignalEvent(pk=pk, **event_value(object_repr="needle" if n % 7 == 0 else "hay")._asdict())
        for n, pk in enumerate(numbers)
    )
    return [*reversed(numbers), first - 1]


def page_ids(page: paging.Page) -> list[int]:
    """Return the ids on a page."""
    return [event.pk for event in page.events]


@pytest.mark.parametrize("scan", [False, True])
def test_going_back_meets_every_event_once(ids: list[int], scan: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every event is met once, whatever the width of the windows."""
    monkeypatch.setattr(span, "FIRST_WINDOW", 4)
    whole = Span(ids[-1], ids[0], scan)
    seen: list[int] = []
    before = None
    while True:
        page = read_page(SignalEvent.objects.all(), whole, size=7, before=before)
        seen += page_ids(page)
        if page.older is None:
            break
        before = page.older
    assert seen == ids


def test_going_forward_mirrors_going_back(ids: list[int]) -> None:
    """Asking for what is newer than a page's top returns the page before."""
    log = SignalEvent.objects.all()
    first = read_page(log, Span(), size=7)
    second = read_page(log, Span(), size=7, before=first.older)
    again = read_page(log, Span(), size=7, after=second.newer)
    assert page_ids(again) == page_ids(first) == ids[:7]
    assert again.newer is None
    assert first.newer is None


def test_rare_finds_far_back_are_reached_in_steps(ids: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """When time is up, the page says how far it searched, and continuing from there finds the rest."""
    monkeypatch.setattr(span, "FIRST_WINDOW", 5)
    monkeypatch.setattr(span, "WIDEST_WINDOW", 5)
    monkeypatch.setattr(paging, "SECONDS", 0.0)
    needles = SignalEvent.objects.filter(object_repr="needle")
    whole = Span(ids[-1], ids[0], scan=True)
    page = read_page(needles, whole, size=50)
    assert page.searched_to is not None
    assert page.searched_to > ids[-1]
    found = page_ids(page)
    while page.older is not None:
        page = read_page(needles, whole, size=50, before=page.older)
        found += page_ids(page)
    assert found == list(needles.order_by("-pk").values_list("pk", flat=True))


def test_the_count_stops_at_a_thousand(ids: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The count is exact for few, 'more than' for many, and 'at least' when time is up."""
    log = SignalEvent.objects.filter(pk__in=ids)
    assert str(count(log, Span())) == str(len(ids))
    monkeypatch.setattr(paging, "MAX_COUNTED", 10)
    assert str(count(log, Span())) == "more than 10"
    monkeypatch.setattr(paging, "MAX_COUNTED", 1_000)
    monkeypatch.setattr(span, "FIRST_WINDOW", 5)
    monkeypatch.setattr(paging, "COUNT_SECONDS", 0.0)
    assert str(count(log, Span(ids[-1], ids[0], scan=True))).startswith("at least ")


def test_times_need_not_follow_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event of a long transaction has a late id, and is still found by its time."""
    noon = datetime(2020, 1, 1, 12, tzinfo=UTC)
    now = make_event()
    late = make_event(occurred_at=noon)
    for near in (span.TOLERANCE, 0):
        monkeypatch.setattr(span, "TOLERANCE", near)
        found = span_of(noon - timedelta(hours=1), noon + timedelta(hours=1), scan=False)
        assert found.low <= late.pk <= found.high
    assert (found.low, found.high) == (late.pk, late.pk)
    assert now.pk < late.pk
    assert span_of(noon + timedelta(hours=1), noon + timedelta(hours=2), scan=False) == NOTHING


def test_many_events_in_a_span_are_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a span of time holds too many events to look up, the whole log is walked, and times still decide."""
    monkeypatch.setattr(span, "FEW", 1)
    noon = datetime(2020, 1, 1, 12, tzinfo=UTC)
    inside = [make_event(occurred_at=noon).pk for _ in range(3)]
    make_event()
    page, total = history.read(history.Query(until=noon))
    assert page_ids(page) == inside[::-1]
    assert str(total) == "3"


def test_a_page_of_pre_signals_is_filled_from_further_back() -> None:
    """Bulk deletes send all pre signals first, and pages that fold them away are still filled."""
    trace = uuid.uuid4()
    mine = {"trace_id": trace, "outcome": "rolled_back", "object_repr": "bulk"}
    base = make_event(object_repr="bulk").pk
    for n in range(20):
        make_event(signal="pre_delete", position=n + 1, operation=n + 1, **mine)
    posts = [make_event(signal="post_delete", position=100 + n, operation=n + 1, **mine).pk for n in range(20)]
    log = SignalEvent.objects.filter(object_repr="bulk")
    first = read_page(log, Span(), size=15, keep=fold)
    second = read_page(log, Span(), size=15, before=first.older, keep=fold)
    assert page_ids(first) + page_ids(second) == [*reversed(posts), base]
    assert second.older is None


def test_the_page_walks_both_ways_by_links() -> None:
    """The links to older and newer lead there and back, and no address contains an offset."""
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root"))
    for _ in range(120):
        make_event(object_repr="row")
    first = client.get("/events/?object=row")
    second = client.get(first.context["older_url"])
    back = client.get(second.context["newer_url"])
    numbers = [[line.event.pk for line in response.context["lines"]] for response in (first, second, back)]
    assert numbers[0] == numbers[2]
    assert len(numbers[1]) == history.PAGE_SIZE
    assert not set(numbers[0]) & set(numbers[1])


def test_no_event_of_a_span_of_time_lies_outside_its_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """However ids and times are shuffled, and wherever the span begins and ends, all of its events are found."""
    monkeypatch.setattr(span, "TOLERANCE", 1)
    start = datetime(2020, 1, 1, tzinfo=UTC)
    minutes = [0, 1, 9, 2, 3, 4, 5, 0, 6, 7, 2, 8, 9, 9, 3]
    made = [(make_event(occurred_at=start + timedelta(minutes=at)).pk, at) for at in minutes]
    for since, until in [(0, 9), (1, 2), (3, 3), (8, 9), (0, 0), (None, 4), (5, None)]:
        inside = [pk for pk, at in made if (since is None or at >= since) and (until is None or at <= until)]
        moments = [None if minute is None else start + timedelta(minutes=minute) for minute in (since, until)]
        found = span_of(*moments, scan=True)
        assert found.low <= min(inside)
        assert max(inside) <= found.high


def test_windows_grow_where_an_index_answers_and_stay_small_where_rows_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A search stays bounded on a cold disk, and still passes millions of ids with few queries."""
    whole = Span(1, 10_000_000, scan=True)
    monkeypatch.setattr(span, "AT_ONCE", 1e9)
    assert len(list(span.windows(whole, 0, upwards=True))) < 10
    monkeypatch.setattr(span, "AT_ONCE", 0)
    widths = [high - low + 1 for low, high in span.windows(whole, span.LARGEST_ID, upwards=False)]
    assert max(widths) == span.WIDEST_WINDOW
    assert sum(widths) == whole.high


def test_windows_have_what_fills_a_page_where_an_index_tells_how_many_match(
    ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one event in a thousand matches is read at once, not window after window."""
    whole = Span(1, 1_000_000, scan=True)
    monkeypatch.setattr(span, "RARE", 1)
    assert span.widened(whole, None) == span.widened(whole, 10**9) == whole
    assert span.widened(Span(), 1) == Span()
    monkeypatch.setattr(span, "MOST_FOR_A_PAGE", 80_000)
    wide = span.widened(whole, max(ids))
    assert wide.width == 80_000
    monkeypatch.setattr(span, "AT_ONCE", 0)
    widths = [high - low + 1 for low, high in span.windows(wide, span.LARGEST_ID, upwards=False)]
    assert set(widths[:-1]) == {80_000}
    monkeypatch.setattr(few, "FEW", 0)
    found, expected = few.few_matching(Filters.parse({"actor_pk": "7", "q": "x"}))
    assert found is None
    assert (expected is not None) == (connection.vendor == "postgresql")
