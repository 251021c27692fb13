"""Hostile text is shown as text on every page of the history."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.factories import make_event
from tests.pages import text

pytestmark = pytest.mark.django_db


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202egnp.exe\x07{{ 7|add:7 }}&amp;"


def test_hostile_text_is_text_everywhere(root: Client) -> None:
    """On every page markup is escaped, template syntax inert, and invisible characters are named."""
    event = make_event(
        object_repr=HOSTILE, actor_repr=HOSTILE, caused_by=HOSTILE, parent_position=1, error=HOSTILE, path=HOSTILE,
        outcome="rolled_back", changes={HOSTILE: [HOSTILE, HOSTILE + "more of it"]}, call_site=HOSTILE, object_pk="5",
        receivers=[{"receiver": HOSTILE, "duration_us": 1, "error": HOSTILE}], source="http", request_id=HOSTILE,
        update_fields=[HOSTILE], origin={"model": HOSTILE, "pk": HOSTILE}, process=HOSTILE, using=HOSTILE,
    )  # fmt: skip
    other = make_event(path=HOSTILE, outcome="failed", error=HOSTILE)
    addresses = [
        "/events/", f"/events/{event.pk}/", f"/traces/{event.trace_id}/", "/objects/auth.User/5/",
        "/objects/auth.User/5/?from=2000-01-01", "/actors/7/", "/restore/?label=auth.User&pk=5&at=2100-01-01",
        f"/traces/{event.trace_id}/?with={other.trace_id}",
        f"/admin/signal_log/signalevent/{event.pk}/change/", "/admin/signal_log/signalevent/",
    ]  # fmt: skip
    for address in addresses:
        page = text(root.get(address))
        assert "<script>alert" not in page, address
        assert "<img src=x" not in page, address
        assert "\x07" not in page, address
        assert "[U+202E]" in page, address
        assert "&lt;script&gt;" in page, address


def test_hostile_questions_are_text_too(root: Client) -> None:
    """Text typed into the address comes back as text."""
    for address in ("/events/", "/objects/auth.User/1/", "/events/x/", "/traces/x/"):
        page = text(root.get(address, {"q": HOSTILE, "at": HOSTILE, "actor": HOSTILE}))
        assert "<script>alert" not in page, address


def test_a_value_of_a_megabyte_is_shown(root: Client) -> None:
    """The list stays small, and the event's page holds the value."""
    event = make_event(changes={"bio": ["x" * 1_000_000, "y" * 1_000_000]}, object_pk="5")
    assert len(root.get("/events/").content) < 200_000
    assert root.get(f"/events/{event.pk}/").status_code == 200
