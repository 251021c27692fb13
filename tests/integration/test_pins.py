"""Pins and notes: who may see the log says something of an event or a session, which is itself an event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from signal_log.audit import pins
from signal_log.audit.redaction.redact import redact
from signal_log.audit.redaction.whom import find
from signal_log.event import MASK
from signal_log.models import SignalEvent
from signal_log.tail import wire
from signal_log.telemetry import recorded
from tests.factories import make_event
from tests.integration.redacting import assert_all_verify
from tests.integration.test_history_access import logged_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    """Return a browser of somebody who may see events."""
    return logged_in("mira", permission=True)


def own_events() -> list[tuple[str, str, object]]:
    """Return what the log tells of pins and notes."""
    found = SignalEvent.objects.filter(signal__in=(pins.PINNED, pins.UNPINNED, pins.NOTED)).order_by("pk")
    return [(event.signal, event.object_pk, event.labels) for event in found]


def test_a_pin_and_a_note_are_events_that_every_page_of_the_event_shows(client: Client) -> None:
    """With who and when, on its own page, in the history, its trace, and the list of what is pinned; by forms alone."""
    at = datetime(2026, 11, 22, 9, 42, tzinfo=UTC)
    event, other = make_event(object_pk="77", actor_repr="grace", occurred_at=at), make_event(object_pk="78")
    address = f"/events/{event.pk}/notes/"
    for given in ({"pin": "1"}, {"pin": "1"}, {"note": " Asked <b>Ada</b>: meant so. "}):
        assert client.post(address, given)["Location"] == f"/events/{event.pk}/#notes"
    assert own_events() == [
        ("signal_log.pinned", str(event.pk), None),
        ("signal_log.noted", str(event.pk), {"note": "Asked <b>Ada</b>: meant so."}),
    ]
    assert SignalEvent.objects.filter(signal=pins.NOTED, actor_repr="mira", object_repr=f"event {event.pk}").exists()
    page = client.get(f"/events/{event.pk}/").content.decode()
    assert "Asked &lt;b&gt;Ada&lt;/b&gt;: meant so." in page
    assert page.count("csrfmiddlewaretoken") > 1
    history = client.get("/events/").content.decode()
    assert history.count('class="pin"') == 1
    assert f'href="/events/{event.pk}/#notes" title="pinned, 1 note"' in history
    for shown in (f"/traces/{event.trace_id}/", "/pins/"):
        assert "meant so" in client.get(shown).content.decode(), shown
    listed = client.get("/pins/").content.decode()
    assert 'datetime="2026-11-22T09:42:00' in listed
    assert '<span class="muted value">grace</span>' in listed
    told = client.get(address).json()
    assert (told["pinned"]["by"], [one["by"] for one in told["notes"]]) == ("mira", ["mira"])
    assert client.get(f"/events/{other.pk}/notes/").json() == {"pinned": None, "notes": []}
    answer = client.post(address, {"unpin": "1"}, headers={"Accept": "application/json"}).json()
    assert answer["pinned"] is None
    assert "Nothing is pinned" in client.get("/pins/").content.decode()
    assert own_events()[-1][0] == "signal_log.unpinned"


def test_a_note_that_says_nothing_or_too_much_is_given_back(client: Client) -> None:
    """What was written is in the answer, which says why; nothing becomes an event."""
    event = make_event()
    for text, why in ((" \u2060 ", "a few words"), ("too long " * 60, "539 characters; the limit is 500")):
        answer = client.post(f"/events/{event.pk}/notes/", {"note": text})
        assert answer.status_code == 400
        assert why in answer.content.decode()
        assert text.strip()[:20] in answer.content.decode() or "a few" in why
    assert client.post("/events/999999/notes/", {"pin": "1"}).status_code == 404
    assert own_events() == []


def test_a_program_is_answered_in_json_and_one_thing_is_done_at_a_time(client: Client) -> None:
    """Whatever goes wrong; and nothing is done where it is not clear what is meant."""
    event, session = make_event(), recorded.start("slow", "client")
    address, accept = f"/events/{event.pk}/notes/", {"Accept": "application/json, text/plain; q=0.5"}
    unclear = ({"pin": "0", "unpin": "1", "note": ""}, {"pin": "1", "note": "x"}, {"pin": "0"}, {"unpin": ""}, {})
    for given in unclear:
        answer = client.post(address, given, headers=accept)
        assert (answer.status_code, "One thing at a time" in answer.json()["error"]) == (400, True), given
    for missing, why in (("/events/999999/notes/", "no event 999999"), ("/sessions/99/notes/", "has expired")):
        answer = client.post(missing, {"note": "x"}, headers=accept)
        assert (answer.status_code, why in answer.json()["error"]) == (404, True)
    assert own_events() == []
    for target in (address, f"/sessions/{session.pk}/notes/"):
        assert client.post(target, {"note": "?!"}, headers=accept).json() == {"error": "A note needs a few words."}
        answer = client.post(target, {"note": "\U0001f44d"}, headers=accept)
        assert [one["text"] for one in answer.json()["notes"]] == ["\U0001f44d"]
    assert client.post(address, {"note": "\u2800"}, headers=accept).status_code == 400


def test_what_is_read_of_pins_and_notes_is_bounded(
    client: Client, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    """However often they were put on and taken away; an event that has been pinned so often is not any more."""
    monkeypatch.setattr(pins, "MOST_PINS", 2)
    event, other = make_event(), make_event()
    for _ in range(3):
        answer = client.post(f"/events/{event.pk}/notes/", {"pin": "1"})
        client.post(f"/events/{event.pk}/notes/", {"unpin": "1"})
    assert "pinned 2 times already" in answer.content.decode()
    assert len(own_events()) == 4
    for note in ("first", "second", "third"):
        client.post(f"/events/{other.pk}/notes/", {"note": note})
    client.post(f"/events/{other.pk}/notes/", {"pin": "1"})
    assert list(pins.newest()) == [other.pk]
    monkeypatch.setattr(pins, "MOST_READ", 2)
    with django_assert_max_num_queries(3):
        told = pins.of_events([event.pk, other.pk])
    assert told[event.pk].pinned is None
    assert told[other.pk].pinned is not None
    assert [one.text for one in told[other.pk].notes] == ["second", "third"]


def test_what_is_pinned_is_asked_for_in_the_history_and_not_live(client: Client) -> None:
    """As long as it is; who follows the log is told that nothing that comes can be pinned."""
    events = [make_event(object_repr="asked for") for _ in range(3)]
    for event in events[:2]:
        pins.pin(event.pk)
    pins.unpin(events[0].pk)
    for query, those in (("pinned:true", [1]), ("-pinned:true", [2, 0]), ("pinned:yes OR object:nobody", [1])):
        answer = client.get("/events/", {"q": f'({query}) "asked for"', "format": "json"}).json()
        assert [one["id"] for one in answer["events"]] == [events[at].pk for at in those], query
    assert client.get("/events/", {"q": "pinned:true", "format": "facets"}).json()["total"] == 1
    asked = {"type": "subscribe", "after": None, "filters": {"q": "pinned:true"}}
    with pytest.raises(wire.MessageError, match="is answered by the history"):
        wire.decode(json.dumps(asked))


def test_an_event_has_no_more_notes_than_its_page_can_show(
    client: Client, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    """They are never taken away, so one account could spoil a page; a list counts them where they are."""
    monkeypatch.setattr(pins, "MOST_NOTES", 2)
    event, other = make_event(), make_event()
    session = recorded.start("slow", "client")
    for address in (f"/events/{event.pk}/notes/", f"/sessions/{session.pk}/notes/"):
        answers = [client.post(address, {"note": f"note {number}"}) for number in range(3)]
        assert [answer.status_code for answer in answers] == [302, 302, 400]
        assert "There are 2 notes on it already" in answers[-1].content.decode()
    for given in ({"pin": "1"}, {"unpin": "1"}, {"pin": "1"}):
        client.post(f"/events/{event.pk}/notes/", given)
    with django_assert_num_queries(1):
        pins.mark([event, other])
    assert [(one.pinned, one.notes) for one in (event, other)] == [(True, 2), (False, 0)]
    client.post(f"/events/{event.pk}/notes/", {"unpin": "1"})
    pins.mark([event])
    assert not event.pinned


def test_who_may_not_see_events_says_nothing_of_them() -> None:
    """Strangers are asked to log in, accounts without the permission get a 403, forms without a token as well."""
    event = make_event()
    address = f"/events/{event.pk}/notes/"
    session = recorded.start("slow", "client")
    for number, target in enumerate((address, f"/sessions/{session.pk}/notes/")):
        assert Client().post(target, {"pin": "1", "note": "x"}).status_code == 302
        assert logged_in(f"ada{number}").post(target, {"pin": "1", "note": "x"}).status_code == 403
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(User.objects.create_superuser(f"root{number}"))
        assert strict.post(target, {"pin": "1", "note": "x"}).status_code == 403
    for shown in (address, "/pins/"):
        assert Client().get(shown).status_code == 302
        assert logged_in(f"eve{len(shown)}").get(shown).status_code == 403
    assert own_events() == []


def test_a_session_has_notes(client: Client) -> None:
    """They are events about the session, and its page shows them."""
    session = recorded.start("slow", "client")
    assert client.post(f"/sessions/{session.pk}/notes/", {"note": "2 queries too many"}).status_code == 302
    assert "2 queries too many" in client.get(f"/sessions/{session.pk}/").content.decode()
    assert own_events() == [("signal_log.noted", str(session.pk), {"note": "2 queries too many"})]


def test_a_redaction_reaches_notes(client: Client) -> None:
    """Others' notes that name a person are masked, hers are erased, and every event still verifies."""
    ada = User.objects.create_user("ada.lovelace", first_name="Ada", email="ada.lovelace@example.org")
    event = SignalEvent.objects.filter(sender="auth.User", object_pk=str(ada.pk)).earliest("pk")
    other = make_event(object_pk="5")
    client.post(f"/events/{other.pk}/notes/", {"note": "told ada.lovelace@example.org"})
    hers = Client()
    hers.force_login(User.objects.create_superuser("eve"))
    hers.post(f"/events/{other.pk}/notes/", {"note": "and I agree"})
    redact(find("auth.User", str(ada.pk)), "erasure request, file 4711")
    redact(find("auth.User", str(User.objects.get(username="eve").pk)), "erasure request, file 4712")
    told = client.get(f"/events/{other.pk}/notes/").json()["notes"]
    assert [one["text"] for one in told] == [f"told {MASK}"]
    assert event.pk
    assert_all_verify()
