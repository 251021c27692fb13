"""What was found written past Django is said in the same words on every page, counted, listed and told to alerts."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils.html import strip_tags

from signal_log import clock
from signal_log.audit.alerts import conditions, firing
from signal_log.audit.alerts.firing import Fired
from signal_log.audit.alerts.rule import WRITTEN_PAST, parse
from signal_log.health import collector
from signal_log.models import BreakState, FoundBreak, SignalEvent
from signal_log.show.query import past_writes
from tests.factories import make_event
from tests.pages import text

pytestmark = pytest.mark.django_db

WORDS = "ound stock written past Django"


def words(response: Any) -> str:
    """Return the text of a page, with single spaces."""
    return " ".join(unescape(strip_tags(text(response))).split())


def make_break(stock: int = 7, pk: str = "77") -> tuple[SignalEvent, SignalEvent]:
    """Return the two events on both sides of a write past Django, which the search has found."""
    told = {"sender": "shop.Item", "object_pk": pk}
    before = make_event(**told, created=True, changes={"stock": [None, 5], "name": [None, "saw"]})
    after = make_event(**told, changes={"stock": [stock, 8]})
    FoundBreak.objects.create(before=before.pk, after=after.pk, field="stock", found_at=clock.now())
    return before, after


def test_every_page_says_it_in_the_same_words(root: Client) -> None:
    """The history, the object's timeline, the event's page here and in the admin; not of other events."""
    before, after = make_break()
    for address in (
        "/events/?object=shop.Item/77", "/objects/shop.Item/77/", f"/events/{after.pk}/",
        f"/admin/signal_log/signalevent/{after.pk}/change/",
    ):  # fmt: skip
        assert WORDS in words(root.get(address)), address
    assert f"stock was 5 after event {before.pk} and event {after.pk} found 7" in words(
        root.get(f"/events/{after.pk}/")
    )
    assert WORDS not in words(root.get(f"/events/{before.pk}/"))


def test_the_object_page_says_it_where_no_server_has_looked(root: Client) -> None:
    """It looks for itself."""
    make_break()
    FoundBreak.objects.all().delete()
    assert WORDS in words(root.get("/objects/shop.Item/77/"))


def test_the_list_tells_both_events(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newest first, page by page, with the values as the events have them, and with what nobody has looked at."""
    assert "Nobody has looked yet" in words(root.get("/past-writes/"))
    monkeypatch.setattr(past_writes, "EVENTS_A_PAGE", 2)
    pairs = [make_break(stock, str(stock)) for stock in (11, 12, 13)]
    first = pairs[0][1].pk
    BreakState.objects.create(last_id=pairs[-1][1].pk, looked_at=clock.now(), found=3, skipped=[[1, 4]])
    page = root.get("/past-writes/")
    assert "Not looked at: events 1 to 4." in words(page)
    for (before, after), stock in zip(pairs, (11, 12, 13), strict=True):
        told = f"stock was 5 after event {before.pk} and event {after.pk} found {stock}."
        assert (told in words(page)) == (stock > 11)
    assert f"event {first} found 11." in words(root.get(page.context["older_url"]))
    FoundBreak.objects.create(before=1, after=10**9, field="(row)", found_at=clock.now())  # pruned
    assert "13" in words(root.get("/past-writes/"))
    assert root.get("/past-writes/?before=x").status_code == root.get("/past-writes/?after=-1").status_code == 400


def test_what_the_live_page_asks_for(root: Client) -> None:
    """The events above an id with the fields that they found, and what of that nobody has looked at."""
    _, first = make_break()
    _, second = make_break(pk="78")
    FoundBreak.objects.create(before=first.pk, after=second.pk, field="(row)", found_at=clock.now())
    BreakState.objects.create(last_id=second.pk, looked_at=clock.now(), skipped=[[1, first.pk + 1]])
    answer = json.loads(text(root.get(f"/past-writes/?format=json&after={first.pk}")))
    assert answer == {
        "found": [[second.pk, ["(row)", "stock"]]],
        "skipped": [[first.pk + 1, first.pk + 1]],
        "looked_to": second.pk,
    }


def test_metrics_count_them() -> None:
    """As far as was looked; nothing before anybody has."""
    assert b"signal_log_past_writes" not in collector.measured()
    BreakState.objects.create(last_id=12, looked_at=clock.now(), found=3)
    told = collector.measured().decode()
    assert "signal_log_past_writes_total 3.0" in told
    assert "signal_log_past_writes_looked_to 12.0" in told


def test_an_alert_fires_for_what_is_found_from_then_on() -> None:
    """Once for all of it, naming the events and none of their values."""
    make_break()
    rule = parse({"name": "past", "query": WRITTEN_PAST, "to": "a@b.org"})
    firing.begin(rule, 0, conditions.beginning(rule))
    assert conditions.due(rule) is None
    events = [make_break(pk=str(pk))[1].pk for pk in (78, 79)]
    due = conditions.due(rule)
    assert due is not None
    assert (due.times, due.detail) == (
        2, f"2 events found values written past Django: {events[0]}, {events[1]}.",
    )  # fmt: skip
    assert firing.fire(rule, lambda fired: conditions.due(rule, fired), clock.now()).due == due
    assert conditions.due(rule, Fired(due.last)) is None
    assert conditions.due(rule) is None
