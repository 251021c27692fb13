"""The live page says what is not recorded, and says nothing if everything is."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings

from signal_log.capture.transaction.unrecorded import unrecorded

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what other tests of this process have lost."""
    monkeypatch.setattr(unrecorded, "total", 0)
    monkeypatch.setattr(unrecorded, "since", None)


def notices(query: str = "") -> list[str]:
    """Return the notices above the page."""
    client = Client()
    client.force_login(User.objects.create_superuser(f"root{User.objects.count()}"))
    html = client.get(f"/{query}").content.decode()
    return [unescape(text) for text in re.findall(r'<div class="message warning">(.+?)</div>', html)]


def test_there_is_no_notice_if_everything_is_recorded() -> None:
    """Filters for recorded, excluded or unknown models add no notice."""
    assert notices("?sender=auth.User&sender=!shop.Note&sender=nonsense&sender=auth.User_groups") == []


def test_lost_events_are_counted_with_their_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """The notice says how many events were lost, and since when."""
    monkeypatch.setattr(unrecorded, "_next_line", float("inf"))
    unrecorded.add(1, RuntimeError())
    since = unrecorded.since
    assert since is not None
    assert (datetime.now(UTC) - since).total_seconds() < 60
    assert notices()[0].startswith("1 event from this server process was not recorded")
    unrecorded.add(1199, RuntimeError())
    assert unrecorded.since == since
    assert notices()[0].startswith("1,200 events from this server process were not recorded")
    assert f"first at {since:%Y-%m-%d %H:%M:%S} UTC" in notices()[0]


def test_silent_writes_that_nobody_records_are_named() -> None:
    """The notice names the setting and what it means."""
    with override_settings(SIGNAL_LOG={"MODELS": ["auth.User"], "SILENT_WRITES": "off"}):
        assert notices() == [
            'Writes that send no signals (update(), bulk_create, SQL) are not recorded: SILENT_WRITES is "off".'
        ]


def test_a_model_that_is_filtered_for_and_not_recorded_is_named() -> None:
    """The notice names the setting that decides it, whatever the case and the pattern."""
    with override_settings(SIGNAL_LOG={"MODELS": ["auth.User", "shop.*"], "EXCLUDE": ["SHOP.note"]}):
        assert notices("?sender=shop.Note&sender=shop.Note") == [
            "Saves and deletes of shop.Note are not recorded: it is listed in EXCLUDE."
        ]
        assert notices("?q=-model:shop.Note guido model:auth.Group") == [
            "Saves and deletes of auth.Group are not recorded: it is not listed in MODELS."
        ]
        assert notices("?sender=shop.Order") == []
    with override_settings(SIGNAL_LOG={"MODELS": ["*"], "EXCLUDE": ["auth.*"]}):
        assert notices("?sender=auth.Group") == [
            "Saves and deletes of auth.Group are not recorded: it is listed in EXCLUDE."
        ]
