"""Events by HTTPS: signed, tried again, refused for good, and never twice without need."""

from __future__ import annotations

import base64
import hmac
import json
import time
from threading import Event

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.html import escape

from signal_log.event import MASK
from signal_log.models import DeadLetter, RelayCursor
from signal_log.relay.reading import Reading
from signal_log.relay.settings import parse
from signal_log.relay.sinks import webhook
from signal_log.relay.sinks.quoted import quoted
from signal_log.relay.sinks.webhook import Webhook
from signal_log.show.export.bodies import body
from tests.factories import make_event
from tests.integration.relay.receivers import Hook, certificate, server_context

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
SECRETS = ["whsec_" + base64.b64encode(b"the newer one, of 24 bytes").decode(), "the older one, a text"]


@pytest.fixture
def hook():
    hook = Hook()
    yield hook
    hook.kill()


def verified(headers, content, secret):
    """As docs/relay.md shows receivers to do it."""
    key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + content
    right = "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    is_fresh = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    return is_fresh and any(hmac.compare_digest(right, one) for one in headers["webhook-signature"].split())


def test_each_event_is_a_signed_request(relay, hook):
    """By each secret; its id is the event's, its body what the format has, and other headers go along."""
    event = make_event(object_repr="zoë")
    relay("siem", "--once", sink="webhook", url=hook.url, secret=SECRETS, headers={"Authorization": "Bearer abc"})
    ((headers, content),) = hook.got
    assert all(verified(headers, content, secret) for secret in SECRETS)
    assert not verified(headers, content + b" ", SECRETS[0])
    assert headers["webhook-id"].rpartition("/")[2] == str(event.pk)
    assert headers["authorization"] == "Bearer abc"
    assert headers["content-type"] == "application/cloudevents+json"
    told = json.loads(content)
    assert (told["id"], told["type"], told["data"]["object_repr"]) == (str(event.pk), "signal_log.post_save", "zoë")


def test_a_few_in_a_request(relay, hook):
    """As an array; where one of them is refused, the others are not."""
    events = [make_event() for _ in range(10)]
    bad = str(events[6].pk)

    def answer(_, headers):
        first, _, last = headers["webhook-id"].rpartition("/")[2].partition("-")
        return (400, {}) if int(first) <= int(bad) <= int(last or first) else (200, {})

    hook.answer = answer
    given = {"sink": "webhook", "url": hook.url, "format": "json", "batch": 8, "secret": SECRETS[0]}
    relay("siem", "--once", returncode=1, **given)
    bodies = [json.loads(content) for _, content in hook.got]
    assert [one["id"] for each in bodies for one in each] == [e.pk for e in events if str(e.pk) != bad]
    assert DeadLetter.objects.get().event == int(bad)


def test_what_answers_mean(relay, hook):
    """4xx is for good but for three of them; the others, and redirects, are tried again, after what they ask for."""
    event = make_event()
    answers = [(503, {}), (429, {"Retry-After": "0"}), (408, {}), (302, {"Location": "/elsewhere"}), (200, {})]
    hook.answer = lambda number, _: answers[number - 1]
    relay("siem", "--once", sink="webhook", url=hook.url, headers={"A": "b"}, filters="model:User")
    assert len(hook.got) == 1
    assert hook.asked == 5
    at = RelayCursor.objects.get()
    assert (at.failed, at.sent, at.reached) == (4, 1, event.pk)
    assert at.last_error == "It answered 302, to send us to another address; that is never followed."
    hook.answer = lambda *_: (410, {})
    make_event()
    said = relay("siem", "--once", returncode=1)
    assert "1 event was refused for good" in said
    assert "topsecret" not in said
    assert DeadLetter.objects.get().reason == "It answered 410."


def test_what_a_receiver_says_is_kept(relay, hook):
    """With what it refuses for good, as far as it tells no secret; none of it goes where an alert does."""
    make_event()
    hook.says = b'{"error": "object_repr is too long", "token": "abcdef0123456789", "column": 7}\n'
    hook.answer = lambda *_: (422, {"Content-Type": "application/json"})
    relay("siem", "--once", returncode=1, sink="webhook", url=hook.url, secret=SECRETS[0], filters="model:User")
    said = f'{{"error":"object_repr is too long","token":"{MASK}","column":7}}'
    assert DeadLetter.objects.get().reason == f"It answered 422.\n{said}"
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    shown = escape(said)
    assert f'It answered 422. <q class="muted">{shown}</q>' in client.get("/relays/").content.decode()
    assert shown in client.get("/admin/signal_log/deadletter/").content.decode()
    assert "too long" not in RelayCursor.objects.get().last_error


@pytest.mark.parametrize(
    ("body", "charset", "shown"),
    [
        (b"", None, ""),
        (b" \x00\xff\x1b[2J\r\n no\t such \xe2\x80\xae", "utf-8", "� [2J no such"),
        ("zu groß".encode("latin-1"), "latin-1", "zu groß"),
        (b"too large", "no-such-charset", "too large"),
        (b"a" * 400, None, "a" * 299 + "…"),
        (b"Authorization: Bearer abcdef0123456789 is not known here", None, f"Authorization: {MASK}"),
        (b"you sent " + SECRETS[1].encode().upper(), None, MASK),
    ],
)
def test_what_is_quoted_is_short_printable_and_no_secret(body, charset, shown):
    """Whatever bytes came, and though it was our own secret that they echo."""
    assert quoted(body, charset, [SECRETS[1]]) == shown


def test_how_long_to_wait():
    """``Retry-After`` is a number of seconds or a date; anything else is nothing."""
    assert webhook._seconds("120") == 120
    assert 50 < webhook._seconds(time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 60))) <= 60
    assert webhook._seconds("Sun, 06 Nov 1994 08:49:37 GMT") == webhook._seconds("soon") == webhook._seconds(None) == 0


def test_one_that_hangs_is_left(hook, monkeypatch):
    """However slowly its answer drips; the next attempt has a connection of its own."""
    monkeypatch.setattr(webhook, "SECONDS", 0.2)
    go_on = Event()
    hook.answer = lambda number, _: ((go_on.wait(5), 200)[1], {}) if number == 1 else (200, {})
    sink = Webhook(parse("x", {"sink": "webhook", "url": hook.url}), Event())
    message = _message(make_event())
    assert sink.send([message]).problem == "It gave no answer within 0.2 seconds."
    go_on.set()
    assert sink.send([message]).taken == [message]
    sink.close()


def test_certificates_are_verified(relay, tmp_path):
    """One that nobody trusts is not, until its file is named."""
    pem = certificate(tmp_path)
    hook = Hook(server_context(pem))
    make_event()
    try:
        given = {"sink": "webhook", "url": hook.url, "secret": SECRETS[0], "filters": "model:User"}
        assert "Its certificate is not trusted here: self-signed" in relay("siem", "--once", returncode=1, **given)
        relay("siem", "--once", **given, ca=str(pem))
        assert len(hook.got) == 1
    finally:
        hook.kill()


@pytest.mark.django_db(transaction=True)
def test_killed_and_started_again_under_load(relayed, hook, outage):
    """Nothing is lost, only what was not acknowledged comes twice, and each object keeps its order."""
    relayed.receiver = Webhook(parse("siem", {"sink": "webhook", "url": hook.url}), Event())
    outage(relayed, hook.kill, hook.start)
    ids = [int(json.loads(content)["id"]) for _, content in hook.got]
    outage.check(ids)
    assert len(ids) - len({*ids}) <= 1  # one is on its way at a time


def _message(event):
    found = Reading(parse("x", {"sink": "file", "url": "/x"}), body).message(event)
    assert found is not None
    return found
