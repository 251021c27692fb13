"""How relays stand: on their page, in the admin, for monitoring, and as an alert; and their dead letters."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client

from signal_log import clock
from signal_log.audit.alerts import conditions
from signal_log.audit.alerts.rule import parse as parse_alert
from signal_log.health.collector import measured
from signal_log.models import DeadLetter, RelayCursor, SignalEvent
from signal_log.relay import letters, state
from signal_log.relay.message import Message
from signal_log.relay.state import standings
from tests.factories import make_event

pytestmark = pytest.mark.django_db
HOOK = {"sink": "webhook", "url": "https://siem.example/hooks/topsecret", "secret": "x" * 20}
EPOCH = "00000000:0:"


@pytest.fixture
def configured(settings):
    """Five relays, each of which stands otherwise, and one that is no longer configured."""
    names = ("running", "retrying", "stopped", "new", "wrong")
    relays = {name: HOOK | ({"format": "xml"} if name == "wrong" else {}) for name in names}
    settings.SIGNAL_LOG = settings.SIGNAL_LOG | {"RELAYS": relays}
    events = [make_event(occurred_at=clock.now() - timedelta(minutes=5)) for _ in range(3)]
    now = {"cursor": EPOCH, "heartbeat_at": clock.now(), "runner": "web1:7"}
    RelayCursor.objects.create(name="running", **now | {"reached": events[-1].pk, "sent": 1_200})
    RelayCursor.objects.create(
        name="retrying", **now, problem="It answered 503.", problem_since=clock.now(), failed=1,
        last_error="It answered 503.", last_error_at=clock.now(), reached=events[1].pk,
    )  # fmt: skip
    RelayCursor.objects.create(name="stopped", **now | {"heartbeat_at": clock.now() - timedelta(hours=1)}, missed=1)
    RelayCursor.objects.create(name="removed", **now)
    return events


@pytest.fixture
def letter(configured):
    """One of the relay that runs."""
    event = configured[0]
    letters.keep("running", Message(event.pk, "u", "k", "post_save", "now", b"secret text"), "It answered 422.")
    return DeadLetter.objects.get()


def client(*permissions, **fields):
    """Somebody with these permissions."""
    user = User.objects.create_user(f"u{User.objects.count()}", **fields)
    names = ("view_signalevent", *permissions)
    user.user_permissions.add(*Permission.objects.filter(codename__in=names))
    logged_in = Client()
    logged_in.force_login(user)
    return logged_in


def test_each_state_in_words(configured, monkeypatch):
    """What it is, what to do about it, and how far it is behind."""
    found = {one.name: one for one in standings()}
    assert {name: one.kind for name, one in found.items()} == {name: name for name in found}
    assert [*found] == ["running", "retrying", "stopped", "new", "wrong", "removed"]
    assert found["running"].sentence == "Its receiver has everything."
    assert found["retrying"].sentence == "It is tried again and again. It answered 503."
    sends = replace(found["running"], waiting=3)
    assert sends.sentence == "It sends; 3 events are still to come."
    monkeypatch.setattr(state, "MOST_COUNTED", 2)  # above that by ids, of which some may be no events
    assert sends.sentence == "It sends; up to 3 events are still to come."
    assert "no process runs it. `manage.py signal_relay stopped` does" in found["stopped"].sentence
    assert (found["retrying"].waiting, found["new"].waiting) == (1, 3)
    assert 299 < found["new"].waiting_seconds < 400
    assert [name for name, one in found.items() if one.is_standing_still] == ["retrying", "stopped", "new", "wrong"]


def test_the_page(configured, letter):
    """It names no secret; one of anything is said as one."""
    page = client().get("/relays/").content.decode()
    assert "topsecret" not in page
    assert "https://siem.example/…" in page
    for said in ("1,200", "1 attempt failed", "pruned before it was sent", "It answered 503.", "never run", "web1:7"):
        assert said in page, said
    assert f"#{letter.event}" in page
    assert "It answered 422." in page
    assert "secret text" not in page
    assert "signal_log.export_signalevent" in page
    assert ">Send again<" not in page
    told = client().get("/relays/?format=json").json()["relays"]
    assert [(one["name"], one["state"]) for one in told][:2] == [("running", "running"), ("retrying", "retrying")]
    assert told[0]["dead_letters"] == 1


def test_without_relays_the_page_says_how(client_of_none):
    """And no other page leads to it."""
    page = client_of_none.get("/relays/").content.decode()
    assert "No relay is configured" in page
    assert 'href="/relays/"' not in page


@pytest.fixture
def client_of_none():
    return client()


def test_dead_letters_are_sent_again_by_who_may(letter):
    """It needs more than to see events, and is an event itself."""
    assert client().post("/relays/", {"relay": "running"}).status_code == 403
    letter.refresh_from_db()
    assert letter.wanted_at is None
    for what in ({"letter": letter.pk}, {}):
        DeadLetter.objects.update(wanted_at=None)
        assert client("export_signalevent").post("/relays/", {"relay": "running", **what}).status_code == 302
        letter.refresh_from_db()
        assert letter.wanted_at is not None
        told = SignalEvent.objects.filter(signal="signal_log.exported").latest("pk")
        assert (told.labels["relay"], told.labels["dead_letters"]) == ("running", 1)


def test_a_letter_that_is_not_there_is_said(letter):
    """Whatever was sent in its place, and of whichever relay it is: 404 with a sentence, and nothing happens."""
    may, before = client("export_signalevent"), SignalEvent.objects.count()
    numbers = ("x", "-1", "9" * 19, "9" * 23, "\0", str(letter.pk + 1))
    for what in (
        {}, {"relay": "stopped"}, {"relay": "\0"}, {"relay": "<b>"}, {"relay": "stopped", "letter": letter.pk},
        *({"relay": "running", "letter": number} for number in numbers),
    ):  # fmt: skip
        answer = may.post("/relays/", what)
        assert answer.status_code == 404, what
        assert f"There is no {'such' if 'letter' in what else 'dead'} letter" in answer.content.decode()
        assert "<b>" not in answer.content.decode()
    letter.refresh_from_db()
    assert (letter.wanted_at, SignalEvent.objects.count()) == (None, before)


def test_the_same_in_the_admin(letter):
    """The action is offered to who may export; who may delete gives a letter up."""
    url = "/admin/signal_log/deadletter/"
    chosen = {"action": "send_again", "_selected_action": [letter.pk]}
    sees = client(is_staff=True)
    assert b"It answered 422." in sees.get(url).content
    sees.post(url, chosen)
    letter.refresh_from_db()
    assert letter.wanted_at is None
    may = client("export_signalevent", "delete_deadletter", is_staff=True)
    assert b"1 dead letter is sent again as soon as the relay looks." in may.post(url, chosen, follow=True).content
    letter.refresh_from_db()
    assert letter.wanted_at is not None
    assert may.post(f"{url}{letter.pk}/delete/", {"post": "yes"}).status_code == 302
    another = DeadLetter.objects.create(relay="running", event=letter.event, refused_at=letter.refused_at)
    may.post(url, {"action": "delete_selected", "_selected_action": [another.pk], "post": "yes"})
    assert not DeadLetter.objects.exists()
    given_up = SignalEvent.objects.filter(signal="signal_log.exported", labels__action="give up")
    assert [(one.labels["relay"], one.labels["first"]) for one in given_up] == [("running", letter.event)] * 2
    assert all(one.actor_repr for one in given_up)
    assert b"It answered 503." in may.get("/admin/signal_log/relaycursor/").content
    assert may.get("/admin/signal_log/relaycursor/add/").status_code == 403


def test_monitoring(letter):
    """Lag, sent, failed and dead letters of each relay."""
    told = measured().decode()
    for line in (
        'signal_log_relay_up{relay="running"} 1.0',
        'signal_log_relay_up{relay="retrying"} 0.0',
        'signal_log_relay_lag_events{relay="retrying"} 1.0',
        'signal_log_relay_sent_total{relay="running"} 1200.0',
        'signal_log_relay_failed_total{relay="retrying"} 1.0',
        'signal_log_relay_missed_total{relay="stopped"} 1.0',
        'signal_log_relay_dead_letters{relay="running"} 1.0',
    ):
        assert line in told, line


def test_one_that_was_removed_is_not_counted_and_can_be_forgotten(configured):
    """Its lag would grow for ever. It stays until somebody forgets it, with its letters, which is an event."""
    letters.keep("removed", Message(configured[0].pk, "u", "k", "post_save", "now", b""), "It answered 422.")
    (found,) = [one for one in standings() if one.kind == "removed"]
    assert (found.waiting, found.waiting_seconds) == (0, 0.0)
    assert "`manage.py signal_relay removed --forget`" in found.sentence
    assert client().get("/relays/?format=json").json()["relays"][-1]["behind"] is None
    assert client().get("/relays/").content.decode().count("<dt>Behind</dt>") == 3
    told = measured().decode()
    assert 'signal_log_relay_up{relay="removed"}' in told
    assert 'signal_log_relay_lag_events{relay="removed"}' not in told
    for name, why in (("running", "take it out first"), ("remvoed", "Removed and not forgotten: 'removed'.")):
        with pytest.raises(CommandError, match=why) as refused:
            call_command("signal_relay", name, "--forget")
        assert refused.value.returncode == 2
    out = StringIO()
    call_command("signal_relay", "removed", "--forget", stdout=out)
    assert out.getvalue() == "Forgotten: where the relay 'removed' was, and 1 dead letter.\n"
    assert "removed" not in {one.name for one in standings()}
    assert not DeadLetter.objects.exists()
    told = SignalEvent.objects.latest("pk")
    assert (told.signal, told.labels["relay"], told.labels["action"]) == ("signal_log.exported", "removed", "forget")


def test_an_alert(configured, settings, monkeypatch):
    """A relay that stands still for a minute is told of; one that is started anew is not."""
    monkeypatch.setattr(conditions, "_still_since", [])
    rule = parse_alert({"name": "relay", "query": "relay=stopped", "to": "a@b.org"})
    assert conditions.due(rule) is None
    conditions._still_since[0] -= timedelta(minutes=2)
    due = conditions.due(rule)
    assert "The relay 'retrying': It is tried again and again. It answered 503." in due.detail
    assert "'running'" not in due.detail
    settings.SIGNAL_LOG = settings.SIGNAL_LOG | {"RELAYS": {"running": HOOK}}
    assert conditions.due(rule) is None
    assert conditions._still_since == []
