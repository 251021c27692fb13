"""The admin's list of events covers the whole log, page by page from an id on, and never counts it."""

from __future__ import annotations

import re
from itertools import chain
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from signal_log.admin import SignalEventAdmin
from signal_log.show.query import paging
from signal_log.store import span
from tests.factories import make_event

pytestmark = pytest.mark.django_db

LIST = "/admin/signal_log/signalevent/"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    """A superuser's client, whose lists have three events a page."""
    monkeypatch.setattr(SignalEventAdmin, "list_per_page", 3)
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root"))
    return client


def walk(client: Client, address: str, way: str) -> list[list[int]]:
    """Return the ids on each page, from this address on along the links ``older_url`` or ``newer_url``."""
    pages = []
    while address:
        response = client.get(LIST + address.removeprefix(LIST))
        assert response.status_code == 200
        pages.append([event.pk for event in response.context["cl"].result_list])
        address = getattr(response.context["cl"], way)
        assert not address or address.replace("&", "&amp;") in response.content.decode()
    return pages


def test_every_event_is_on_one_page_there_and_back(client: Client) -> None:
    """Older pages lead to the log's first event, newer ones back; nothing is counted and no page skips rows."""
    made = [make_event(sender="shop.Item", object_pk=str(number)).pk for number in range(10)]
    with CaptureQueriesContext(connection) as queries:
        back = walk(client, "?sender=shop.Item", "older_url")
    assert back == [made[7:][::-1], made[4:7][::-1], made[1:4][::-1], made[:1]]
    assert not [query["sql"] for query in queries if re.search(r"COUNT\(|OFFSET", query["sql"], re.IGNORECASE)]
    forward = walk(client, f"?sender=shop.Item&before={made[1]}", "newer_url")
    assert forward[0] == made[:1]
    assert sorted(chain.from_iterable(forward)) == made
    assert walk(client, "?", "older_url")[-1][-1] <= made[0]


def test_a_rare_match_is_looked_for_in_steps(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """When time is up the page says back to when and to which event it has looked, and goes on from there."""
    needle = make_event(object_repr="a needle").pk
    for _ in range(12):
        make_event()
    monkeypatch.setattr(span, "FIRST_WINDOW", 5)
    monkeypatch.setattr(span, "WIDEST_WINDOW", 5)
    monkeypatch.setattr(paging, "SECONDS", 0.0)
    page = client.get(f"{LIST}?q=NEEDLE")
    assert re.search(r"Looked back to \d{4}-\d\d-\d\d \d\d:\d\d, event \d+\.", page.content.decode())
    assert "Look further back" in page.content.decode()
    pages = walk(client, "?q=NEEDLE", "older_url")
    assert len(pages) > 1
    assert list(chain.from_iterable(pages)) == [needle]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("field=is_staff", {"a", "b"}),
        ("field=is_staff&new=true", {"a"}),
        ("new=true", {"a", "c"}),
        ("old=ada", {"c"}),
        ("value=False&field=is_staff", {"a", "b"}),
        ("overwrote=yes", {"b"}),
        ("overwrote=!yes&field=!name", {"a"}),
        ("actor=7", {"a"}),
        ("actor=grace", {"c"}),
    ],
)
def test_what_is_typed_means_what_it_means_in_the_history(client: Client, query: str, expected: set[str]) -> None:
    """By changed field, old and new value, what was overwritten, and actor."""
    made = {
        make_event(changes={"is_staff": [False, True]}, overwrote=[], actor_repr="x").pk: "a",
        make_event(
            changes={"is_staff": [True, False], "name": ["b", "c"]}, overwrote=["name"], actor_pk="", actor_repr=""
        ).pk: "b",
        make_event(changes={"name": ["ada", True]}, overwrote=None, actor_pk="8").pk: "c",
    }
    response = client.get(f"{LIST}?{query}")
    listed = {event.pk for event in response.context["cl"].result_list}
    assert {made[pk] for pk in listed if pk in made} == expected


@pytest.mark.parametrize("query", ["before=x", "after=-1", "field=" + "x" * 501, "old=%00", "before=" + "9" * 30])
def test_what_makes_no_sense_leads_to_the_whole_list(client: Client, query: str) -> None:
    """As Django answers any other value that its lists cannot take."""
    answer: Any = client.get(f"{LIST}?{query}")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{LIST}?e=1")


def test_filters_keep_each_other_and_lose_the_place(client: Client) -> None:
    """The form of a typed filter carries the others; links of filters lead to the newest page."""
    event = make_event()
    page = client.get(f"{LIST}?outcome__exact=committed&before={event.pk}&field=x<y").content.decode()
    assert '<input type="hidden" name="outcome__exact" value="committed">' in page
    assert 'name="field" value="x&lt;y"' in page
    assert not re.search(r'href="\?[^"]*signal=[^"]*before=', page)
