"""A masked value that is repeated elsewhere in its trace is masked there too, and ordinary text is not (G7)."""

from __future__ import annotations

import json
import logging

import pytest
from django.db import models, transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Upper
from django.db.models.signals import post_save, pre_save
from django.http import HttpResponse
from django.test import RequestFactory
from django.test.utils import isolate_apps
from django.urls import ResolverMatch

import signal_log
from signal_log.capture import faults as module
from signal_log.capture.middleware import SignalLogMiddleware
from signal_log.capture.model import loaded
from signal_log.capture.model.masked_values import mask_secrets
from signal_log.capture.model.masking import is_masked
from signal_log.event import MASK
from signal_log.models import SignalEvent
from tests.integration.actual import shop_model
from tests.log import recorded
from tests.shop.models import Category, Item, Label, Ticket, Token

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.one_database]

SECRET = "pl4nted-\"s'ecret"


@pytest.fixture
def change_log():
    """A host's own change log: each save of an item is repeated in a label, as text."""

    def repeat(instance, **_):
        Label.objects.create(text=f"was {instance.api_token}"[:50])
        Label.objects.create(text=f"token of {instance.api_token}"[:22])
        Label.objects.create(text=json.dumps([instance.api_token])[:50])
        Category.objects.create(name=f"https://x/?q={instance.api_token}")

    post_save.connect(repeat, sender=Item)
    yield
    post_save.disconnect(repeat, sender=Item)


def log() -> str:
    """Everything that the log holds, as text."""
    return str([vars(event) for event in SignalEvent.objects.all()])


@pytest.mark.parametrize("in_block", [False, True])
def test_a_change_log_of_the_host(change_log, in_block):
    """What it repeats is masked, in the text, in its objects' text and where the text was cut; the rest stays."""
    with signal_log.context(source="task", note=f"with {SECRET}"):
        if in_block:
            with transaction.atomic():
                Item.objects.create(api_token=SECRET, name="a fine thing", tags=[SECRET, {SECRET: 1}])
        else:
            Item.objects.create(api_token=SECRET, name="a fine thing", tags=[SECRET, {SECRET: 1}])
    assert Label.objects.count() == 3
    everything = log()
    assert "pl4nted" not in everything
    assert "a fine thing" in everything
    texts = [e.changes["text"][1] for e in SignalEvent.objects.filter(sender="shop.Label", signal="post_save")]
    assert texts == [MASK] * 3


def test_an_object_that_is_keyed_by_a_copy():
    """Its key is told from others, and is not the value."""
    with signal_log.context(source="task"), recorded() as events:
        Item.objects.create(api_token="pl4nted-1")
        Token.objects.create(key="pl4nted-2")
        Category.objects.create(name="pl4nted-2 and more")
    assert "pl4nted" not in log()
    assert {e.object_pk[:5] for e in events if e.sender == "shop.Token"} == {"hmac:"}


def test_an_update_that_finds_its_rows_by_a_secret():
    """The value of a WHERE is a secret as well: written to another field, row by row or not, it is masked there."""
    Item.objects.create(api_token="pl4nted-1")
    with recorded() as events:
        Item.objects.filter(api_token="pl4nted-1").update(name="was pl4nted-1")
        Item.objects.filter(api_token__in=["x", "pl4nted-1"]).update(name="pl4nted-1")
        Item.objects.exclude(api_token__startswith="pl4nted").update(name="pl4nted")
        Label.objects.filter(category__item__api_token="pl4nted-3").update(text="pl4nted-3")
        with signal_log.observed_bulk():
            Item.objects.filter(api_token="pl4nted-1").update(name="is pl4nted-1")
            Item.objects.update(name=F("api_token"))
    assert "pl4nted" not in log()
    assert [e.changes["name"] for e in events if e.origin["rows"]] == [[None, MASK]] * 2 + [[MASK, MASK]] * 2


def test_a_copy_made_by_the_database():
    """A save that has the database copy a masked column into another tells neither."""
    item = Item.objects.create(api_token="pl4nted-1")
    with recorded() as events:
        item = Item.objects.only("name").get()
        item.name = F("api_token")
        item.save(update_fields=["name"])
        Item.objects.only("name").get().delete()
    assert [e.changes["name"] for e in events if e.signal.startswith("post_")] == [["thing", MASK], [MASK, None]]
    assert "pl4nted" not in log()


@pytest.mark.parametrize("everyday", ["1234", "blue", "general", "Password"])
def test_short_and_everyday_values_are_not_looked_for(everyday):
    """A masked value that could stand anywhere masks nothing but itself."""
    with signal_log.context(source="task"), recorded() as events:
        Item.objects.create(api_token=everyday, name=f"the {everyday} thing")
    post = events[-1]
    assert (post.changes["name"][1], post.changes["api_token"][1]) == (f"the {everyday} thing", MASK)


def test_a_word_is_found_as_a_word():
    """A masked value of letters only does not mask the words that contain it."""
    with signal_log.context(source="task"), recorded() as events:
        Item.objects.create(api_token="swordfish")
        Category.objects.create(name="swordfishing")
        Category.objects.create(name="a swordfish!")
    names = [e.changes["name"][1] for e in events if e.sender == "shop.Category" and e.signal == "post_save"]
    assert names == ["swordfishing", MASK]


def test_very_many_secrets():
    """In a long trace the latest are looked for, and each copy beside its original is found."""
    with signal_log.context(source="task"), transaction.atomic(), recorded() as events:
        for number in range(60):
            Item.objects.create(api_token=f"pl4nted-{number:04}", name=f"copy of pl4nted-{number:04}", price=number)
    assert "pl4nted" not in log()
    assert len(events) == 120


def test_other_traces_keep_their_texts():
    """What one trace masks is ordinary text in another."""
    with signal_log.context(source="task"):
        Item.objects.create(api_token="aa-11-bb")
    with signal_log.context(source="task"), recorded() as events:
        Ticket.objects.create(seat="aa-11-bb")
    assert events[-1].changes["seat"] == [None, "aa-11-bb"]


def test_the_server_s_log_of_a_fault(monkeypatch, caplog):
    """A fault of the recorder is logged with files, lines and functions, and without the masked values it quotes."""

    def broken(*_):
        raise RuntimeError(f"cannot think of {SECRET}") from KeyError(SECRET)

    monkeypatch.setattr(module.faults, "_next_line", float("-inf"))
    monkeypatch.setattr(loaded, "belief", broken)
    with caplog.at_level(logging.ERROR):
        Item.objects.create(api_token=SECRET)
    assert "pl4nted" not in caplog.text
    assert ", in broken" in caplog.text
    assert f"RuntimeError: {MASK}" in caplog.text
    assert f"KeyError: {MASK}" in caplog.text


def test_an_error_of_a_receiver(monkeypatch):
    """A receiver's error, the event that fails with it and the block that it undoes quote nothing of it."""

    def complain(instance, **_):
        raise ValueError(f"bad token {instance.api_token!r}")

    pre_save.connect(complain, sender=Item)
    try:
        with pytest.raises(ValueError, match="pl4nted"), transaction.atomic():
            Category.objects.create(name="before")
            Item.objects.create(api_token=SECRET)
    finally:
        pre_save.disconnect(complain, sender=Item)
    assert "pl4nted" not in log()
    assert set(SignalEvent.objects.values_list("error", flat=True)) == {f"ValueError: {MASK}"}


def test_what_is_masked_inside_json_and_in_labels():
    """Secrets of JSON and labels are looked for as well."""
    with signal_log.context(api_key="pl4nted-2"), recorded() as events:
        Item.objects.create(tags={"deep": [{"password": "pl4nted-1"}, ["Authorization", "pl4nted-3"]]})
        Category.objects.create(name="pl4nted-1")
        Category.objects.create(name="as pl4nted-2")
        Category.objects.create(name="or pl4nted-3")
    assert "pl4nted" not in log()
    assert [e.changes["name"][1] for e in events if e.sender == "shop.Category"] == [MASK] * 6


def test_what_is_masked_of_a_path():
    """A token of the address that the host stores elsewhere is masked there."""

    @SignalLogMiddleware
    def view(request):
        request.resolver_match = ResolverMatch(view, (), {"token": "pl4nted"}, "confirm")
        Category.objects.create(name="with pl4nted, a fine word")
        return HttpResponse()

    view(RequestFactory().get("/confirm/pl4nted/"))
    assert "pl4nted" not in log()


def test_copies_in_another_form():
    """In capitals, as bytes, and cut short in an object's own text."""
    secret = "pl4ntedAbcDefGhi"
    with signal_log.context(source="task"):
        Item.objects.create(api_token=secret, name=secret.upper()[:40], tags=[secret.encode().hex(), "fine"])
    everything = log()
    assert "pl4nted" not in everything.lower()
    assert secret.encode().hex()[:12] not in everything
    assert "fine" in everything
    assert mask_secrets(f"Key {secret[:8]}... of bob", [secret]) == MASK
    assert mask_secrets(f"no {secret.upper()} here", [secret]) == MASK
    assert mask_secrets("the correct item", ["correct horse battery"]) == "the correct item"


def test_source_and_actor():
    """What a script calls itself, and whoever acts, may show a secret, or repeat one."""
    with signal_log.context(source="import?token=pl4ntedA", actor="ada token=pl4ntedB"):
        Label.objects.create(text="x")
    with signal_log.context(source="job pl4ntedCopy", actor="by pl4ntedCopy"):
        Item.objects.create(api_token="pl4ntedCopy")
    assert "pl4nted" not in log()
    assert {event.source for event in SignalEvent.objects.all()} == {f"import?token={MASK}", MASK}


@isolate_apps("tests.shop")
def test_columns_of_a_secret():
    """One that the database computes from a masked one, and one whose column is named like a secret."""
    made = shop_model(
        "Computed",
        api_key=models.CharField(max_length=50),
        shown=models.GeneratedField(
            expression=Case(When(Q(api_key="x"), then=Value("none")), default=Upper("api_key")),
            output_field=models.CharField(max_length=50),
            db_persist=True,
        ),
        field_17=models.CharField(max_length=50, db_column="user_password"),
    )
    assert is_masked(made._meta.get_field("shown"), made)
    assert is_masked(made._meta.get_field("field_17"), made)
    plain = models.GeneratedField(
        expression=Upper("colour"), output_field=models.CharField(max_length=50), db_persist=True
    )
    other = shop_model("Plain", colour=models.CharField(max_length=50, db_column="c"), shown=plain)
    assert not is_masked(other._meta.get_field("shown"), other)
    assert not is_masked(other._meta.get_field("colour"), other)
