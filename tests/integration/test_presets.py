"""Live page and history offer questions that are often asked, and files of what they show."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.test import Client, override_settings

from signal_log import clock
from signal_log.show.query.presets import presets
from tests.factories import make_event

pytestmark = pytest.mark.django_db


@pytest.fixture
def mira() -> Client:
    """An observer with the key 77, who may not export."""
    client = Client()
    client.force_login(User.objects.create_user("mira", pk=77))
    User.objects.get(pk=77).user_permissions.add(Permission.objects.get(codename="view_signalevent"))
    return client


def offered(client: Client) -> dict[str, str]:
    """Return the history's links by their names."""
    page = client.get("/events/").content.decode()
    return {name: unescape(href) for href, name in re.findall(r'<li><a href="([^"]+)">([^<]+)</a> <code', page)}


def test_each_question_is_a_query_that_finds_what_it_names(mira: Client) -> None:
    """Not what is too old, and not what somebody else did; the live page offers the same."""
    make_event(occurred_at=clock.now(), outcome="failed", object_repr="failing")
    make_event(occurred_at=clock.now(), signal="post_delete", object_repr="gone")
    make_event(occurred_at=clock.now(), changes={"is_staff": [False, True]}, object_repr="promoted")
    make_event(occurred_at=clock.now(), actor_pk="77", object_repr="mine")
    make_event(occurred_at=clock.now(), actor_pk="777", object_repr="theirs")
    questions = offered(mira)
    found = {
        "Failed in the last minute": "failing",
        "Deleted in the last day": "gone",
        "Changes of staff and rights": "promoted mira",
        "By me": "mine",
    }
    for name, only in found.items():
        rows = re.findall(r'title="History of this object"[^>]*>([^<]+)<', mira.get(questions[name]).content.decode())
        assert set(rows) == set(only.split()), name
    for name, address in questions.items():
        assert mira.get(address).status_code == 200, name
    assert "since%3Anow-1m" in questions["Failed in the last minute"], "so that a shared link goes on meaning that"
    config = json.loads(re.search(r'id="live-config"[^>]*>(.*?)</script>', mira.get("/").content.decode())[1])
    assert {one["name"]: f"/events/?{one['query']}" for one in config["presets"]} == questions


def test_questions_that_cannot_be_answered_are_not_offered() -> None:
    """Of times without traces, and of somebody without a key."""
    names = [one.name for one in presets(AnonymousUser())]
    assert "By me" not in names
    assert "Slower than 100 ms" in names
    with override_settings(SIGNAL_LOG={"TRACES": False}):
        assert "Slower than 100 ms" not in [one.name for one in presets(AnonymousUser())]


def test_only_who_may_export_is_offered_files_on_the_live_page(mira: Client) -> None:
    """The button is not there for others."""
    assert "export-open" not in mira.get("/").content.decode()
    User.objects.get(pk=77).user_permissions.add(Permission.objects.get(codename="export_signalevent"))
    assert re.findall(r'data-format="(\w+)"', mira.get("/").content.decode()) == ["csv", "jsonl", "cloudevents", "ocsf"]
