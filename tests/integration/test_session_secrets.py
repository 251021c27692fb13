"""What models mask or leave out of the log is in no recorded form, nor in an error (G7)."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from django.db.models.signals import post_save, pre_save
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import path

import signal_log
from signal_log import pipeline
from signal_log.capture.middleware import SignalLogMiddleware
from signal_log.event import MASK
from signal_log.models import ReceiverCall, SignalEvent
from signal_log.show.sessions import document
from signal_log.telemetry import recorded
from tests.settings import SIGNAL_LOG
from tests.shop.models import Category, Ticket, Token

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.integration.test_session_secrets"),
    pytest.mark.usefixtures("_nothing_waits", "_nothing_runs", "_hidden"),
]

SEAT, NOTE = "DE12-345-678", "S3C-9-otter"
STRICT = {**SIGNAL_LOG, "EXCLUDE_FIELDS": {"shop.Ticket": ["seat"]}, "MASK_FIELDS": {"shop.Token": ["note"]}}


@pytest.fixture
def _hidden(settings):
    """A field that is left out, and one that is masked."""
    settings.SIGNAL_LOG = STRICT
    pipeline.start()
    yield
    settings.SIGNAL_LOG = SIGNAL_LOG
    pipeline.start()


def refuse(request):
    """A form that is not valid; something else is saved, so that there is a trace."""
    Category.objects.create(name=request.POST["town"] + request.GET.get("nothing", ""))
    return HttpResponse("not valid", status=400)


def late(request):
    """The address is read when something has been saved already."""
    Category.objects.create(name="late")
    return HttpResponse(request.GET["page"])


def book(request):
    """A form that is."""
    Ticket.objects.create(seat=request.POST["seat"])
    Token.objects.create(key="k", note=request.POST["note"])
    return HttpResponse("booked")


urlpatterns = [path("refuse/", refuse), path("book/", book)]


@pytest.mark.parametrize("address", ["refuse", "book"])
def test_a_form_shows_no_value_that_a_model_hides(address):
    """Whether or not something of it was saved: named by the field, in a formset, a list, JSON, the address, again."""
    session = recorded.start("form", "client")
    client = Client(headers={"X-Signal-Session": recorded.token(session)})
    hidden = {
        "seat": SEAT, "note": NOTE, "ticket-0-seat": SEAT[::-1], "x[note]": NOTE[::-1], "newNote_1": "4711-heron",
        "seat2": "1213-crane", "body": json.dumps({"a": [{"note": "8088-zebra"}]}), "about": f"{SEAT} is mine",
    }  # fmt: skip
    client.post(f"/{address}/?seat={SEAT}&note=9093-lynx&page=2", {"town": "Paris", **hidden})
    kept = recorded.caught(session).get().data
    asked = json.loads(kept)["request"]
    assert ["town", "Paris"] in asked["form"]
    assert ["seat", MASK] in asked["form"]
    if address == "refuse":
        assert asked["query"] == [["seat", MASK], ["note", MASK], ["page", "2"]]
    file = document.as_document(session).decode()
    secrets = (SEAT, NOTE, SEAT[::-1], NOTE[::-1], "heron", "crane", "zebra", "lynx")
    assert [text for text in secrets if text in kept or text in file] == []


def test_what_an_address_hides_is_hidden_in_the_rest_of_it():
    """Although the view asked for it only after the first event."""
    session = recorded.start("address", "client")
    headers = {"X-Signal-Session": recorded.token(session)}
    request = RequestFactory().get(f"/late/?about={SEAT}+too&seat={SEAT}&page=2", headers=headers)
    SignalLogMiddleware(late)(request)
    request.close()
    asked = json.loads(recorded.caught(session).get().data)["request"]
    assert asked["query"] == [["about", MASK], ["seat", MASK], ["page", "2"]]


@pytest.fixture
def _complaining():
    """Receivers that quote what they got, also below others."""

    def before(instance, **_):
        if instance.seat.startswith("XX"):
            raise ValueError(f"bad seat {instance.seat}")

    def after(instance, **_):
        with suppress(ValueError):
            Category.objects.create(name=f"for {instance.seat}")
        instance.seat = "GB99-777"
        raise ValueError(f"bad seat {instance.seat}")

    def quote(instance, **_):
        raise ValueError(f"cannot shelve {instance.name}")

    connected = ((pre_save, before, Ticket), (post_save, after, Ticket), (post_save, quote, Category))
    for signal, receiver, sender in connected:
        signal.connect(receiver, sender=sender)
    yield
    for signal, receiver, sender in connected:
        signal.disconnect(receiver, sender=sender)


@pytest.mark.usefixtures("_complaining")
def test_no_error_quotes_what_the_log_leaves_out():
    """Not the receiver's, not one's below it, not a failed save's; what another model's field holds is its own."""
    for act in (
        lambda: Ticket.objects.create(seat=SEAT),
        lambda: Ticket.objects.create(seat=f"XX{SEAT}"),
        lambda: (Ticket.objects.update(seat="FR33-444"), Category.objects.create(name="FR33-444")),
        lambda: (Ticket.objects.bulk_create([Ticket(seat="IT55-666")]), Category.objects.create(name="IT55-666")),
    ):
        with pytest.raises(ValueError, match=r"seat|shelve"), signal_log.context(source="task"):
            act()
    events = SignalEvent.objects.order_by("id")
    errors = [*ReceiverCall.objects.values_list("error", flat=True), *events.values_list("error", flat=True)]
    said = [error for error in errors if error]
    assert len(said) >= 6
    assert set(said) <= {f"ValueError: {MASK}", MASK}
    shelved = events.filter(sender="shop.Category", signal="post_save").first()
    assert shelved.changes["name"] == [None, f"for {SEAT}"]


def test_a_name_is_hidden_while_a_model_hides_it(settings):
    """Other settings are another answer; what is named like a secret is hidden in any case."""
    session = recorded.start("form", "client")
    client = Client(headers={"X-Signal-Session": recorded.token(session)})
    settings.SIGNAL_LOG = {**SIGNAL_LOG, "UNMASK_FIELDS": {"*": ["pin"]}}
    client.post("/refuse/", {"town": "Rome", "seat": "12 A", "password": "tulip-3", "pin": "99-11"})
    form = dict(json.loads(recorded.caught(session).get().data)["request"]["form"])
    assert form == {"town": "Rome", "seat": "12 A", "password": MASK, "pin": "99-11"}
