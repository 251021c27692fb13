"""The setting LOGS: which entries are right, by what name a log goes, and where pages lead to the list."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from signal_log.models import LogIdentity, SealTree
from tests.factories import make_event
from tests.integration.logs.elsewhere import IN_THREE_DATABASES, A, B, Begin, C, names, shown, told
from tests.shop.models import Item

pytestmark = IN_THREE_DATABASES


@pytest.mark.parametrize(
    ("logs", "says"),
    [
        ({B: {"database": "nowhere"}}, "'nowhere' is not in DATABASES"),
        ({B: {"database": "default"}}, "is that of this log"),
        ({B: "other"}, "must be a dict"),
        ({B: {"database": "log_b", "urls": ""}}, "must be a dict with the keys"),
        ({"b example": {"database": "log_b"}}, "an origin is a text"),
        ({A: {"database": "log_b"}}, "this log's own SEAL_ORIGIN"),
        ({B: {"database": "log_b"}, C: {"database": "log_b"}}, "is that of 'b.example', and holds one log"),
        *(
            ({B: {"database": "log_b", "url": url}}, "http(s) address")
            for url in ("b.example", "ftp://b.example", "javascript:x", "https://u:p@b.example", "https://[", 7, "/b/")
        ),
    ],
)
@pytest.mark.one_database
def test_a_wrong_entry_is_named(logs: Any, says: str) -> None:
    """`manage.py check` says what is wrong with which."""
    with override_settings(SIGNAL_LOG={"MODELS": ["shop.*"], "SEAL_ORIGIN": A, "LOGS": logs}):
        found = [message for message in run_checks() if message.id == "signal_log.E051"]
    assert len(found) == 1
    assert says in found[0].msg
    assert "database" in found[0].hint


@pytest.mark.postgresql
def test_the_documented_role_is_enough_for_the_checks(begin: Begin) -> None:
    """Nothing is recorded there, so `check --database` does not ask for rights on the observed tables."""
    b = begin()
    b.read_by_role()
    with shown(b):
        found = [message for message in run_checks(databases=[b.alias]) if message.id.startswith("signal_log.W")]
    assert found == []


def test_a_log_that_was_never_sealed_goes_by_its_identity(begin: Begin, mira: Client) -> None:
    """Which the sentence about a wrong name gives away."""
    b = begin()
    b.create("lamp")
    SealTree.objects.using(b.alias).all().delete()
    b.origin = LogIdentity.objects.using(b.alias).get().value
    with shown(b):
        assert names(told(mira)) == [(b.origin, "lamp")]


def test_pages_lead_there(begin: Begin, mira: Client) -> None:
    """History, object and actor have a link where LOGS names something, and none, and no query, where it does not."""
    item = Item.objects.create(name="chair")
    event = make_event(sender="shop.Item", object_pk=str(item.pk), actor_pk="7", actor_repr="grace")
    pages = {
        "/events/?q=chair": "/logs/?q=chair",
        f"/objects/shop.Item/{item.pk}/": f"/logs/?q=object%3Ashop.Item%2F{item.pk}",
        f"/actors/{event.actor_pk}/": "/logs/?q=actor%3Agrace",
    }
    b = begin()
    for page, link in pages.items():
        with shown(b):
            assert f'href="{link}"' in mira.get(page).content.decode()
        assert "/logs/" not in mira.get(page).content.decode()
    with CaptureQueriesContext(connection) as alone:
        assert "Only this log is shown" in mira.get("/logs/").content.decode()
    assert not [query for query in alone if "INSERT" in query["sql"]]
