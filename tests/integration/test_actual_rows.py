"""A post event holds what the row held and holds, and names what its writer had not seen (G11)."""

from __future__ import annotations

import copy
import pickle

import pytest
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.db.models.signals import post_save

from tests.integration.actual import UNKNOWN, pair, post, save
from tests.shop.models import Thing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("autocommit_and_block")]


@pytest.fixture
def thing(autocommit_and_block):
    """A row with a name and a number."""
    return Thing.objects.create(name="x", qty=7)


def get() -> Thing:
    """Load the row."""
    return Thing.objects.get()


def test_two_instances_of_one_row(thing):
    """The second of two writers overwrites what the first one wrote, and had seen neither value."""
    a, b = get(), get()
    assert save(b, name="y", qty=9).overwrote == []
    event = save(a, qty=6)
    assert event.changes == {"name": ["y", "x"], "qty": [9, 6]}
    assert sorted(event.overwrote) == ["name", "qty"]


def test_the_pre_event_tells_what_the_instance_believed(thing):
    """It holds what was loaded and what is about to be written; the row is told by the post event."""
    a = get()
    Thing.objects.update(qty=9)
    a.qty = 6
    pre, after = pair(a.save)
    assert (pre.changes, pre.overwrote) == ({"qty": [7, 6]}, None)
    assert (after.changes, after.overwrote) == ({"qty": [9, 6]}, ["qty"])


def test_an_instance_that_believes_to_change_something(thing):
    """Where the row has the new value already, nothing changed and nothing was overwritten."""
    a = get()
    Thing.objects.update(qty=6)
    event = save(a, qty=6)
    assert (event.changes, event.overwrote) == ({}, [])


def test_an_instance_that_believes_to_change_nothing(thing):
    """A save without a change of its own still puts back what somebody else changed."""
    a = get()
    Thing.objects.update(qty=6)
    a_pre, event = pair(a.save)
    assert a_pre.changes == {}
    assert (event.changes, event.overwrote) == ({"qty": [6, 7]}, ["qty"])


def test_after_a_save_the_instance_has_seen_its_row(thing):
    """What an instance overwrote it knows from then on."""
    a = get()
    Thing.objects.update(qty=9)
    assert save(a, qty=6).overwrote == ["qty"]
    event = save(a, qty=5)
    assert (event.changes, event.overwrote) == ({"qty": [6, 5]}, [])


def test_a_refreshed_instance_has_seen_its_row(thing):
    """`refresh_from_db` of one field is seeing that field."""
    a = get()
    Thing.objects.update(qty=9, name="z")
    a.refresh_from_db(fields=["qty"])
    event = save(a, qty=6)
    assert (event.changes, event.overwrote) == ({"qty": [9, 6], "name": ["z", "x"]}, ["name"])


@pytest.mark.parametrize("through", [copy.copy, copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])  # noqa: S301
def test_a_cached_instance(thing, through):
    """An instance out of a cache tells the row's values like any other."""
    cached = through(get())
    Thing.objects.update(qty=9)
    event = save(cached, qty=6)
    assert (event.changes, event.overwrote) == ({"qty": [9, 6]}, ["qty"])


def test_an_instance_that_was_never_loaded(thing):
    """Its writer has seen nothing of the row that it replaces."""
    event = post(Thing(pk=thing.pk, name="y", qty=7).save)
    assert (event.changes, event.created) == ({"name": ["x", "y"]}, False)
    assert event.overwrote == ["name"]


def test_a_row_that_is_gone(thing):
    """A save that inserts again has no old values."""
    Thing.objects.filter(pk=thing.pk)._raw_delete("default")
    event = save(thing, qty=8)
    assert event.created
    assert event.changes == {"id": [None, thing.pk], "name": [None, "x"], "qty": [None, 8], "hooked": [None, 0]}
    assert event.overwrote == []


def test_a_deferred_value(thing):
    """The pre event says that nobody knows the old value, the post event says what it was."""
    a = Thing.objects.only("id").get()
    a.qty = 6
    pre, event = pair(a.save)
    assert pre.changes == {"qty": [UNKNOWN, 6]}
    assert (event.changes, event.overwrote) == ({"qty": [7, 6]}, ["qty"])


def test_a_deferred_value_that_was_loaded_in_between(thing):
    """Looking at a deferred field is seeing it."""
    a = Thing.objects.only("id").get()
    assert a.qty == 7
    event = save(a, qty=6)
    assert (event.changes, event.overwrote) == ({"qty": [7, 6]}, [])


def test_update_fields(thing):
    """Only written columns count, in the changes as in what was overwritten."""
    a = get()
    Thing.objects.update(name="z", qty=9)
    a.name, a.qty = "y", 6
    event = post(lambda: a.save(update_fields=["qty"]))
    assert (event.changes, event.overwrote) == ({"qty": [9, 6]}, ["qty"])


def test_expressions(thing):
    """What an expression made of the row is told; it has seen what was loaded, and not what came after."""
    a = get()
    event = save(a, qty=F("qty") + 1)
    assert (event.changes, event.overwrote) == ({"qty": [7, 8]}, [])
    a = get()
    Thing.objects.update(qty=20)
    event = save(a, qty=F("qty") + 1, name=Concat(F("name"), Value("!")))
    assert event.changes == {"qty": [20, 21], "name": ["x", "x!"]}
    assert event.overwrote == ["qty"]


def test_a_field_that_changes_another_one_too_late(thing):
    """What was written counts, not what the instance holds while the values are collected."""
    a = get()
    hooked = Thing._meta.get_field("hooked")
    hooked.at_save.append(lambda instance: setattr(instance, "qty", 11))  # its own value has been collected
    try:
        event = post(a.save)
    finally:
        hooked.at_save.clear()
    assert (event.changes, event.overwrote, get().qty) == ({}, [], 7)


def test_a_value_that_a_receiver_of_the_post_signal_changes(thing):
    """What happens to the instance afterwards is not in the row."""

    def receiver(instance: Thing, **_: object) -> None:
        instance.qty = 99

    post_save.connect(receiver, sender=Thing)
    try:
        assert save(thing, name="y").changes == {"name": ["x", "y"]}
    finally:
        post_save.disconnect(receiver, sender=Thing)
    event = save(thing)
    assert (event.changes, event.overwrote) == ({"qty": [7, 99]}, [])
