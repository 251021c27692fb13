"""The page of an event."""

from __future__ import annotations

import json
import uuid

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from signal_log.event import MASK
from signal_log.models import SignalEvent
from tests.factories import make_event, operation
from tests.pages import text

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def test_an_event_says_everything(root: Client) -> None:
    """The page shows facts, changes, receivers with errors, cause, partner, neighbours, JSON and digest."""
    trace = uuid.uuid4()
    cause = operation(trace, 1, object_pk="9", object_repr="the-cause")
    earlier = make_event(object_pk="5")
    event = operation(
        trace, 3, object_pk="5", parent_position=2, caused_by="shop.signals.restock", error="",
        changes={"first_name": ["Ada", "Augusta"], "password": [MASK, MASK]}, call_site="shop/views.py:7 in buy",
        receivers=[{"receiver": "shop.signals.mail", "duration_us": 3600, "error": "OSError: no mail"}],
    )  # fmt: skip
    page = text(root.get(f"/events/{event.pk}/"))
    for expected in ("Augusta", "masked", "shop.signals.mail", "3.6 ms", "OSError: no mail", "shop.signals.restock",
                 "the-cause", "198.51.100.7", "POST /accounts/profile/", "shop/views.py:7 in buy", "committed",
                 "row matches digest", f"/traces/{trace}/", "/objects/auth.User/5/"):  # fmt: skip
        assert expected in page, expected
    assert f'href="/events/{cause.pk}/"' in page
    assert f'href="/events/{event.pk - 1}/">its pre_save' in page
    assert f'rel="prev" href="/events/{event.pk - 1}/"' in page
    assert f'rel="next" href="/events/{event.pk}/"' in text(root.get(f"/events/{event.pk - 1}/"))
    assert earlier.pk < event.pk


def test_a_failed_save_has_no_duration_and_an_object_without_a_key_no_link(root: Client) -> None:
    """What its receivers took before it failed is not how long it took; no page is about an object without a key."""
    event = make_event(
        signal="pre_save", position=1, outcome="failed", error="IntegrityError", object_pk="", object_repr="nobody yet",
        receivers=[{"receiver": "shop.signals.check", "duration_us": 2, "error": ""}],
    )  # fmt: skip
    page = text(root.get(f"/events/{event.pk}/"))
    assert "shop.signals.check" in page
    assert "in its receivers" not in page
    row = text(root.get("/events/?outcome=failed"))
    assert "nobody yet" in row
    assert "History of this object" not in row


def test_a_row_that_was_altered_is_called_that(root: Client) -> None:
    """The digest is computed again, and one that no longer matches is shown as a red warning."""
    event = make_event()
    altered = SignalEvent(**{f.attname: getattr(event, f.attname) for f in event._meta.concrete_fields})
    altered.pk, altered.actor_repr = None, "mallory"
    altered = SignalEvent.objects.bulk_create([altered])[0]
    assert "row altered" in text(root.get(f"/events/{altered.pk}/"))


def test_the_admin_page_is_offered_where_the_object_still_exists(root: Client) -> None:
    """Only a reader who may open the admin gets its link, and only while the user exists."""
    user = get_user_model().objects.create_user("ada")
    alive, gone = make_event(object_pk=str(user.pk)), make_event(object_pk="999999")
    link = f"/admin/auth/user/{user.pk}/change/"
    assert link in text(root.get(f"/events/{alive.pk}/"))
    assert "Open in admin" not in text(root.get(f"/events/{gone.pk}/"))
    assert "Open in admin" not in text(root.get(f"/events/{make_event(object_pk='no number').pk}/"))


def test_json(root: Client) -> None:
    """?format=json, or accepting only JSON, returns the same mapping as the websocket."""
    event = make_event()
    by_query = root.get(f"/events/{event.pk}/?format=json")
    by_header = root.get(f"/events/{event.pk}/", headers={"accept": "application/json"})
    assert by_query["Content-Type"] == "application/json"
    assert json.loads(by_query.content) == json.loads(by_header.content)
    assert json.loads(by_query.content)["trace_id"] == str(event.trace_id)


@pytest.mark.parametrize(
    "address",
    [
        "/events/999999999/", "/events/99999999999999999999999/", "/events/abc/", "/events/0/", "/events/-1/",
        f"/traces/{uuid.UUID(int=5)}/", "/traces/not-a-uuid/",
        "/objects/auth.User/424242/", "/objects/no.Such/1/", "/objects/nonsense/1/", "/objects/auth.User/",
        "/objects/auth.User/a%00b/", "/objects/auth.User/%F0%9F%8E%88/", "/objects/auth.User/%2e%2e/", "/nothing/",
    ],
)  # fmt: skip
def test_a_missing_event_gets_a_page_that_says_so(root: Client, address: str) -> None:
    """Unknown and impossible addresses get a 404 page with a heading and a link onwards."""
    response = root.get(address)
    assert response.status_code == 404
    assert "<h1>" in text(response)
    assert 'class="btn primary"' in text(response)
