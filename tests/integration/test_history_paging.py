"""Reading page by page: nothing twice, nothing left out, and a bounded look for rare finds."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from signal_log.models import SignalEvent
from signal_log.show import history, paging
from signal_log.show.history import fold
from signal_log.show.paging import Span, count, read_page, span_of
from tests.factories import event_value, make_event

pytestmark = pytest.mark.django_db


@pytest.fixture
def ids() -> list[int]:
    """Thirty events, with gaps between their numbers, newest first."""
    first = make_event().pk + 1
    numbers = [first + n for n in range(30) if n not in (3, 4, 5, 20)]
    SignalEvent.objects.bulk_create(
        SignalEvent(pk=pk, **asdict(event_value(object_repr="needle" if n % 7 == 0 else "hay")))
        for n, pk in enumerate(numbers)
    )
    return [*reversed(numbers), first - 1]


def page_ids(page: paging.Page) -> list[int]:
    """The numbers of a page."""
    return [event.pk for event in page.events]


@pytest.mark.parametrize("scan", [False, True])
def test_going_back_meets_every_event_once(ids: list[int], scan: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the width of the windows."""
    monkeypatch.setattr(paging, "FIRST_WINDOW", 4)
    span = Span(ids[-1], ids[0], scan)
    seen: list[int] = []
    before = None
    while True:
        page = read_page(SignalEvent.objects.all(), span, size=7, before=before)
        seen += page_ids(page)
        if page.older is None:
            break
        before = page.older
    assert seen == ids


def test_going_forward_mirrors_going_back(ids: list[int]) -> None:
    """Newer than the last page's top is the page before."""
    log = SignalEvent.objects.all()
    first = read_page(log, Span(), size=7)
    second = read_page(log, Span(), size=7, before=first.older)
    again = read_page(log, Span(), size=7, after=second.newer)
    assert page_ids(again) == page_ids(first) == ids[:7]
    assert again.newer is None
    assert first.newer is None


def test_rare_finds_far_back_are_reached_in_steps(ids: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """When time is up the page says how far it looked, and going on from there finds the rest."""
    monkeypatch.setattr(paging, "FIRST_WINDOW", 5)
    monkeypatch.setattr(paging, "WIDEST_WINDOW", 5)
    monkeypatch.setattr(paging, "SECONDS", 0.0)
    needles = SignalEvent.objects.filter(object_repr="needle")
    span = Span(ids[-1], ids[0], scan=True)
    page = read_page(needles, span, size=50)
    assert page.searched_to is not None
    assert page.searched_to > ids[-1]
    found = page_ids(page)
    while page.older is not None:
        page = read_page(needles, span, size=50, before=page.older)
        found += page_ids(page)
    assert found == list(needles.order_by("-pk").values_list("pk", flat=True))


def test_the_count_stops_at_a_thousand(ids: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact for few; 'more than' for many; 'at least' when time is up."""
    log = SignalEvent.objects.filter(pk__in=ids)
    assert str(count(log, Span())) == str(len(ids))
    monkeypatch.setattr(paging, "MOST_COUNTED", 10)
    assert str(count(log, Span())) == "more than 10"
    monkeypatch.setattr(paging, "MOST_COUNTED", 1_000)
    monkeypatch.setattr(paging, "FIRST_WINDOW", 5)
    monkeypatch.setattr(paging, "COUNT_SECONDS", 0.0)
    assert str(count(log, Span(ids[-1], ids[0], scan=True))).startswith("at least ")


def test_times_need_not_follow_the_numbers() -> None:
    """An event of a long transaction has a late number; a span of time still holds it."""
    noon = datetime(2020, 1, 1, 12, tzinfo=UTC)
    now = make_event()
    late = make_event(occurred_at=noon)
    span = span_of(noon - timedelta(hours=1), noon + timedelta(hours=1), scan=False)
    assert (span.low, span.high) == (late.pk, late.pk)
    assert now.pk < late.pk
    assert span_of(noon + timedelta(hours=1), noon + timedelta(hours=2), scan=False) == paging.NOTHING


def test_many_events_in_a_span_are_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the span holds too many to look up, the whole log is walked and the times still decide."""
    monkeypatch.setattr(paging, "FEW", 1)
    noon = datetime(2020, 1, 1, 12, tzinfo=UTC)
    inside = [make_event(occurred_at=noon).pk for _ in range(3)]
    make_event()
    page, total = history.read(history.Query(until=noon))
    assert page_ids(page) == inside[::-1]
    assert str(total) == "3"


def test_a_page_of_pre_signals_is_filled_from_further_back() -> None:
    """Bulk deletes fire all pre signals first: pages that fold them away are filled up nonetheless."""
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
    """Older and newer lead there and back; no address ever carries an offset."""
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
