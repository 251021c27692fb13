"""What people type wrong, or bring from elsewhere: each page stands, and says what it did not understand."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from signal_log.models import SharedView, SignalEvent
from signal_log.show.pages.shared import share
from tests.factories import event_value, make_event

pytestmark = pytest.mark.django_db

ARABIC = "\u0639\u062f\u0627"
MEGABYTE = "x" * 1_000_000
UNFINISHED = "At character 1: This bracket is never closed"
TABLE = (
    ("/events/?q=(ada", 400, UNFINISHED),
    ("/events/?q=%22ada", 400, "At character 1: This quotation mark is never closed"),
    ("/events/?q=ada took:", 400, "At character 5: This key has no value"),
    ("/events/?q=ada OR", 400, "At character 5: OR has nothing after it"),
    ("/events/?q=outcome:fai", 400, "Type committed, rolled_back or failed."),
    ("/events/?q=since:yesterday", 400, "This is no time. Type now-5m"),
    ("/events/?q=%00", 400, "No event can have this character"),
    (f"/events/?q={MEGABYTE}", 400, "A query has at most 500 characters"),
    ("/events/?q=wibble:1", 200, "No events match these filters"),
    (f"/events/?q={ARABIC}", 200, "No events match these filters"),
    ("/events/?colour=red", 400, "Unknown filter 'colour'. Accepted: sender, signal"),
    ("/events/?sender=shop.Gone", 200, "Nothing can match model:shop.Gone: no observed model has this label"),
    ("/events/?q=model:Gone", 200, "Nothing can match model:Gone: no observed model has this name"),
    ("/events/?before=abc", 400, "'before' must be an event number, not 'abc'"),
    ("/events/?until=9999-12-31", 400, "'until' must be a date or a time"),
    ("/events/99999999999999999999/", 404, "is no number of an event"),
    ("/objects/shop.Gone/1/", 404, "There is no model “shop.Gone”"),
    ("/objects/auth.User/", 404, "Add its key."),
    ("/objects/auth.User/1/?at=soon", 400, "'at' must be a date or a time"),
    ("/objects/auth.User/1/?q=(ada", 400, UNFINISHED),
    ("/actors/7/?q=(ada", 400, UNFINISHED),
    ("/traces/nonsense/", 404, "A trace ID is a UUID"),
    ("/traces/?took=soon", 400, "'took' must be a duration"),
    ("/traces/?since=now&until=now-1h", 400, "'until' is earlier than 'since'"),
    ("/traces/?sort=beauty", 400, "'sort' must be one of time, duration, failed, not 'beauty'"),
    ("/sessions/77/", 404, "There is no session 77."),
    ("/restore/?label=shop.Gone&pk=1", 404, "The log has no events for the shop.Gone"),
)


def words(page: str) -> str:
    """Return what a page says."""
    return " ".join(html.unescape(re.sub(r"<script.*?</script>|<[^>]+>", " ", page, flags=re.DOTALL)).split())


@pytest.fixture
def reader(client: Client) -> Iterator[Client]:
    """Somebody who may see everything, in a time zone whose clocks change."""
    client.force_login(User.objects.create_superuser("root"))
    make_event(object_pk="1")
    yield client
    timezone.deactivate()


def test_what_is_not_understood_is_said(reader: Client) -> None:
    """No page is blank or fails, and each says what it takes instead."""
    for address, status, said in TABLE:
        response = reader.get(address)
        assert response.status_code == status, address[:80]
        assert said in words(response.content.decode()), address[:80]


@pytest.mark.parametrize(
    ("since", "first"),
    [
        ("2026-10-25T02:30", "2026-10-25T00:30:00Z"),  # this time is twice
        ("2026-10-25T02:30+01:00", "2026-10-25T01:30:00Z"),
        ("2026-03-29T02:30", "2026-03-29T01:30:00Z"),  # this one is not at all
        ("2026-10-25T06:15+05:45", "2026-10-25T00:30:00Z"),
    ],
)
def test_a_change_of_clocks_loses_nothing(reader: Client, settings: Any, since: str, first: str) -> None:
    """A time that is twice means the first, one that is not means when the clock has been put on."""
    settings.TIME_ZONE = "Europe/Berlin"
    at = datetime.fromisoformat(first)
    make_event(object_repr="from then on", occurred_at=at)
    make_event(object_repr="just before", occurred_at=at.replace(minute=at.minute - 1))
    for query in ({"since": since}, {"q": f'since:"{since}"'}):
        page = reader.get("/events/", {"every": "1", **query})
        assert page.status_code == 200
        assert "from then on" in page.content.decode(), query
        assert "just before" not in page.content.decode(), query


def test_a_view_of_an_older_version_and_of_a_model_that_is_gone_open(reader: Client) -> None:
    """What an older version stored has parameters of its own; a model may be gone since the view was shared."""
    SharedView.objects.create(
        name="old", query="sender=shop.Gone&outcome=!committed&text=x&grouped=1&cols=time.kind.shape",
        shared_by_pk="1", shared_by_repr="root", shared_at=datetime.now(UTC),
    )  # fmt: skip
    share(User.objects.get(), "gone", "q=model:Gone")
    listed = reader.get("/events/").content.decode()
    for name in ("old", "gone"):
        [address] = re.findall(rf'href="([^"]+)"><span class="value">{name}<', listed)
        page = reader.get(html.unescape(address))
        assert page.status_code in (200, 400), address
        assert re.search("Nothing can match|Unknown filter", words(page.content.decode())), address


@pytest.mark.one_database
def test_ten_thousand_values_and_a_megabyte_are_answered_in_few_kilobytes(reader: Client) -> None:
    """Facets tell the most frequent and say that there are more; a page cuts what nobody could read."""
    one = event_value()._asdict()
    rows = [SignalEvent(**one | {"actor_pk": str(n), "actor_repr": f"actor {n}"}) for n in range(10_000)]
    SignalEvent.objects.bulk_create(rows, batch_size=500)
    make_event(object_repr=MEGABYTE[:200], changes={name: ["", ARABIC] for name in map(str, range(1_000))})
    root = User.objects.get()
    root.profile.bio = f"{MEGABYTE} {ARABIC}"
    root.profile.save()
    story = f"/objects/users.Profile/{root.profile.pk}/"
    for address in ("/events/?format=facets", "/events/", "/events/?every=1", "/events/?q=model:Profile", story):
        page = reader.get(address)
        assert page.status_code == 200, address
        assert len(page.content) < 300_000, (address, len(page.content))
