"""A key that is secret, by its name or by MASK_FIELDS, is a keyed hash or a mask wherever it is told (G7)."""

import hashlib
from itertools import chain

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models.signals import post_save
from django.dispatch import Signal
from django.test import override_settings

import signal_log
from signal_log import pipeline
from signal_log.capture.model.keys import hashed_key, key_text
from signal_log.capture.model.masking import is_masked
from signal_log.event import MASK
from signal_log.models import SignalEvent
from tests.log import recorded
from tests.relations.models import Invitation, Party, Person
from tests.settings import SIGNAL_LOG
from tests.shop.models import Category, Item, Token

pytestmark = pytest.mark.django_db(transaction=True)

PERSON, CATEGORY = 912345678901, 912345678902
told = Signal()


@pytest.fixture
def masked_keys():
    """The keys of two ordinary models are secret, by the settings."""
    given = {
        **SIGNAL_LOG,
        "MODELS": [*SIGNAL_LOG["MODELS"], "admin.LogEntry"],
        "MASK_FIELDS": {"relations.Person": ["id"], "shop.Category": ["id"]},
        "EXTRA_SIGNALS": [f"{__name__}.told"],
    }
    pipeline.stop()
    with override_settings(SIGNAL_LOG=given):
        pipeline.start()
        yield
        pipeline.stop()
    pipeline.start()


def log() -> str:
    """Everything that the log holds, as text."""
    return str([vars(event) for event in SignalEvent.objects.all()])


def test_wherever_a_masked_key_is_told(masked_keys, admin_user):
    """In keys, texts, a delete's origin, foreign keys, many-to-many changes, arguments and the admin's log."""
    with recorded() as events:
        person = Person.objects.create(pk=PERSON, name="ada")
        category = Category.objects.create(pk=CATEGORY, name="a")
        item = Item.objects.create(name="thing", category=category)
        Item.objects.filter(category=category).update(name=f"in {CATEGORY}")
        party = Party.objects.create()
        party.guests.add(person)
        party.guests.clear()
        told.send(None, instance=person, about=[category], category_key=CATEGORY)
        kind = ContentType.objects.get_for_model(Person)
        entry = LogEntry.objects.create(
            user=admin_user, content_type=kind, object_id=str(PERSON), object_repr=f"Person {PERSON}",
            action_flag=ADDITION,
        )  # fmt: skip
        entry.delete()
        Invitation.objects.create(party=party, guest=person)
        item.delete()
        category.delete()
        person.delete()
    kinds = {event.signal for event in events}
    assert {"m2m_changed", "silent_update", "post_delete", f"{__name__}.told"} <= kinds
    everything = log()
    assert str(PERSON) not in everything
    assert str(CATEGORY) not in everything
    person_key = hashed_key(str(PERSON))
    assert {e.object_pk for e in events if e.sender == "relations.Person"} == {person_key}
    assert {e.origin["pk"] for e in events if e.signal == "post_delete" and e.sender == "relations.Person"} == {
        person_key
    }
    changes = [e.changes for e in events if e.signal == "m2m_changed"]
    assert [person_key] in chain.from_iterable(chain.from_iterable(c.values() for c in changes))
    [written] = [e.changes for e in events if e.sender == "admin.LogEntry" and e.signal == "post_save"]
    assert written["object_id"] == [None, person_key]


def test_the_hash_cannot_be_tried_out(settings):
    """A four-digit key is not found by hashing all of them: it takes SECRET_KEY."""
    token = Token(key="1234")
    shown = key_text(token)
    assert hashlib.sha256(b"1234").hexdigest()[:16] not in shown
    settings.SECRET_KEY = "another"
    assert key_text(token) != shown


def test_a_foreign_key_named_like_a_secret_is_shown():
    """It tells which row it is; one that holds a secret value does not."""
    category = Item._meta.get_field("category")
    with override_settings(SIGNAL_LOG={**SIGNAL_LOG, "MASK_FIELDS": ["category"]}):
        assert is_masked(category, Item)
    original, category.name = category.name, "api_token"
    try:
        assert not is_masked(category, Item)
    finally:
        category.name = original


def test_the_text_of_an_object_shows_nothing_of_a_related_one():
    """An object's text that repeats a masked value of what it has loaded is masked."""
    item = Item(name="pl4nted-token", category=Category(name="x"))
    assert "pl4nted" in str(item)
    with override_settings(SIGNAL_LOG={**SIGNAL_LOG, "MASK_FIELDS": {"shop.Category": ["name"]}}), recorded() as events:
        item.category.name = "pl4nted-token"
        item.category.save()
        item.save()
    assert events[-1].object_repr == MASK


def test_labels_and_receivers():
    """Labels are masked by their names, in the depth and by their shape."""

    def fail(**_):
        raise ValueError("?token=pl4nted")

    post_save.connect(fail, sender=Category)
    try:
        with recorded() as events, pytest.raises(ValueError, match="pl4nted"):
            with signal_log.context(api_keys=["pl4nted"], note={"smtpPassword": "pl4nted"}, at="redis://:pl4nted@h"):
                Category.objects.create(name="a")
    finally:
        post_save.disconnect(fail, sender=Category)
    assert events[-1].labels == {"api_keys": MASK, "note": {"smtpPassword": MASK}, "at": f"redis://:{MASK}@h"}
    assert "pl4nted" not in log()
    assert events[-1].receivers[0]["error"] == f"ValueError: {MASK}"
