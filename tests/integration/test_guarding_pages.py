"""Holds and redactions on pages: by those who may, with a look first, each an event of who did it."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from signal_log.audit.holds_in_force import in_force
from signal_log.event import MAINTENANCE, MASK
from signal_log.models import SessionTrace, SignalEvent, SignalTrace
from signal_log.show.pages import redaction
from signal_log.telemetry import recorded
from tests.factories import make_event

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

REASON = "file A-17"


def client_with(*permissions: str, name: str = "grace") -> Client:
    """A client of somebody who has these permissions beside that to see events."""
    user = User.objects.create_user(name)
    codes = ["view_signalevent", *(f"{one}_signalevent" for one in permissions)]
    user.user_permissions.set(Permission.objects.filter(codename__in=codes))
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    return client


def post(client: Client, address: str, **fields: str):
    """Send a form as the page does, with its token."""
    token = client.get(address).cookies["csrftoken"].value
    return client.post(address, {**fields, "csrfmiddlewaretoken": token})


def shown(page: str) -> str:
    """The stamp that the page's form has."""
    return re.search(r'name="shown" value="([^"]+)"', page)[1]


def test_a_hold_by_a_form_and_its_banner():
    """The object's page says so and offers no redaction; whoever may not hold sees the list alone."""
    make_event(object_pk="77")
    holder, viewer = client_with("hold", "redact"), client_with(name="viewer")
    assert "/holds/?label=auth.User&amp;pk=77" in holder.get("/objects/auth.User/77/").text
    assert "/redact/?label=auth.User&amp;pk=77" in holder.get("/objects/auth.User/77/").text
    assert "/redact/" not in viewer.get("/objects/auth.User/77/").text
    assert 'value="77"' in holder.get("/holds/?label=auth.User&pk=77").text
    assert post(holder, "/holds/", label="auth.User", pk="77", reason="<b>court</b>").status_code == 302
    held = in_force()[0]
    assert (held.held_by_repr, held.reason) == ("grace", "<b>court</b>")
    assert SignalEvent.objects.get(signal="signal_log.held").actor_repr == "grace"
    for client in (holder, viewer):
        page = client.get("/objects/auth.User/77/").text
        assert f"hold {held.pk} on auth.User 77 (&lt;b&gt;court&lt;/b&gt;)" in page
        assert "/redact/" not in page
        assert "&lt;b&gt;court&lt;/b&gt;" in client.get("/holds/").text
    assert "Release" not in viewer.get("/holds/").text
    assert viewer.post("/holds/", {"label": "auth.User", "pk": "77", "release": "1"}).status_code == 403
    assert post(holder, "/holds/", label="auth.User", pk="77", reason="again").status_code == 400
    assert post(holder, "/holds/", label="auth.User", pk="77", reason="settled", release="1").status_code == 302
    assert SignalEvent.objects.get(signal="signal_log.released").labels["reason"] == "settled"
    assert "Nothing is held" in holder.get("/holds/").text
    assert "press Hold on an object's page" in holder.get("/holds/").text


def test_a_redaction_is_shown_before_it_is_done():
    """A look changes nothing; then it is done, as an event of who did it, and the page says what is left to do."""
    make_event(object_pk="77", object_repr="quillon", changes={"first_name": ["Zdenka", "Zdenka"], "x": [None, "y"]})
    other = make_event(object_pk="1", sender="shop.Item", object_repr="quillon of ours")
    client = client_with("redact")
    form = {"label": "auth.User", "pk": "77", "reason": REASON, "texts": "Quill\nThe Moon Garden"}
    look = post(client, "/redact/", **form)
    assert "Known as: “Quill”, “The Moon Garden”, “quillon”" in look.text
    assert "not looked for in other events: “Zdenka”. Add" in look.text
    assert "Erased: 1 event" in look.text
    assert f"{MASK} of ours" in look.text
    assert "The Moon Garden</textarea>" in look.text
    assert not SignalEvent.objects.filter(signal=MAINTENANCE).exists()
    make_event(object_pk="78", object_repr="quist")
    for given in ({**form, "pk": "78"}, form):
        refused = post(client, "/redact/", erase="1", **given, shown=shown(look.text) if given["pk"] == "78" else "x")
        assert "Nothing was erased: this is not what was shown before" in refused.text
        assert not SignalEvent.objects.filter(signal=MAINTENANCE).exists()
    done = post(client, "/redact/", erase="1", **form, shown=shown(look.text))
    assert "signal_redact --clean" in done.text
    assert "<form" not in done.text.split("<main")[1]
    assert SignalEvent.objects.get(pk=other.pk).object_repr == f"{MASK} of ours"
    told = SignalEvent.objects.filter(signal=MAINTENANCE, source="command:signal_redact")
    assert {(event.actor_repr, event.labels["why"]) for event in told} == {("grace", REASON)}
    page = client.get(f"/events/{other.pk}/").text
    assert "Redacted on" in page
    assert REASON in page
    assert "matches the digest, by the hashes kept" in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reason": "\u200b\u2800"}, "needs a reason"),
        ({"reason": "for QUILLON"}, "names whom it is about"),
        ({"pk": "78"}, "There is no auth.User"),
        ({"label": "auth.<b>"}, "There is no model"),
        ({"label": ""}, "Say whom it is about"),
        ({"pk": "7\x007"}, "There is no auth.User"),
    ],
)
def test_what_is_refused_is_said_beside_the_form(changes, words):
    """With what was typed, and nothing written."""
    make_event(object_pk="77", object_repr="quillon")
    given = {"label": "auth.User", "pk": "77", "reason": REASON, "erase": "1", **changes}
    answer = post(client_with("redact"), "/redact/", **given)
    assert answer.status_code == 400
    assert words in answer.text
    assert "<b>" not in answer.text.split("errorlist")[1]
    assert not SignalEvent.objects.filter(signal=MAINTENANCE).exists()


def test_who_may_not_redact_is_refused(monkeypatch):
    """Seeing events, or holding them, is not enough; a log that is too long is the command's to look through."""
    make_event(object_pk="77", object_repr="quillon")
    refused = client_with("hold", "export").get("/redact/")
    assert (refused.status_code, "signal_log.redact_signalevent" in refused.text) == (403, True)
    assert "Can view signal event" not in refused.text
    monkeypatch.setattr(redaction, "MOST_EVENTS", 0)
    answer = post(client_with("redact", name="root"), "/redact/", label="auth.User", pk="77", reason=REASON)
    assert "use manage.py signal_redact" in answer.text


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_nothing_waits", "_nothing_runs")
def test_a_recorded_session_keeps_nothing_of_the_form():
    """It would hold what is to be erased; that there was a request it does hold."""
    make_event(object_pk="77", object_repr="quillon")
    session = recorded.start("all", "client")
    user = User.objects.create_superuser("root")
    client = Client(headers={"X-Signal-Session": recorded.token(session)})
    client.force_login(user)
    form = {"label": "auth.User", "pk": "77", "reason": REASON, "texts": "Quillonia\nThe Moon Garden"}
    stamp = shown(client.post("/redact/?texts=Moongarden", form).text)
    client.post("/redact/?texts=Moongarden", {**form, "erase": "1", "shown": stamp})
    (caught,) = SessionTrace.objects.filter(name="POST /redact/")
    assert caught.events
    for text in ("quillon", "Quillonia", "Moon"):
        assert text not in caught.data
    assert "Moon" not in "".join(SignalTrace.objects.values_list("name", flat=True))
    assert "Moon" not in str(list(SignalEvent.objects.values_list("labels", "path", "changes")))
