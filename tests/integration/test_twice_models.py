"""Every way to save, and methods of Django's that a model overrides, work as without the app (G4)."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core import serializers
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.signals import post_save, pre_save

from tests.integration.twice import Host, both_ways, compare
from tests.shop.models import Careful, Gadget, Note, Part, Thing, ThingByHand, ThingOnTheSide

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def as_defined() -> Iterator[None]:
    """Have the model do what Django does again after each test."""
    yield
    ThingByHand.around.clear()


@both_ways
def test_ways_to_save(block):
    """Arguments of `save`, stale, deferred, copied and unpickled instances, taken keys, missing rows."""

    def program(host: Host) -> None:
        host.step(lambda: Thing(name="a").save())
        host.step(lambda: Thing(pk=1, name="b").save())
        host.step(lambda: Thing(pk=9, name="c").save())
        host.step(lambda: Thing(pk=9, name="d").save(force_insert=True))
        host.step(lambda: Thing(pk=10, name="d").save(force_insert=True))
        host.step(lambda: Thing(pk=99, name="e").save(force_update=True))
        host.step(lambda: Thing.objects.get(pk=1).save(update_fields=["qty"]))
        host.step(lambda: Thing.objects.get(pk=1).save(update_fields=[]))
        host.step(lambda: Thing(pk=98, name="e").save(update_fields=["name"]))
        host.step(lambda: Thing.objects.only("qty").get(pk=1).save())
        host.step(lambda: Thing.objects.defer("qty").get(pk=1).save())
        host.step(lambda: pickle.loads(pickle.dumps(Thing.objects.get(pk=1))).save())  # noqa: S301  our own
        host.step(lambda: Thing(pk=1, name="b", qty=F("qty") + 1).save(force_update=True))
        gone = Thing.objects.create(name="gone")
        Thing.objects.filter(pk=gone.pk)._raw_delete("default")
        host.step(gone.save)
        host.step(lambda: gone.save(force_update=True))
        host.step(lambda: Thing(name="x" * 51).save())
        host.step(lambda: Thing(name=None).save())
        host.step(lambda: Thing.objects.get_or_create(name="b"))
        host.step(lambda: Thing.objects.update_or_create(name="b", defaults={"qty": 8}))
        host.step(lambda: Thing.objects.update_or_create(name="new", defaults={"qty": 8}))
        host.step(async_to_sync(Thing(name="async").asave))

    compare(program, block=block)


@both_ways
def test_kinds_of_models(block):
    """Multi-table children, proxies, `select_on_save`, `order_with_respect_to`, an unobserved model."""

    def program(host: Host) -> None:
        host.step(lambda: Gadget(name="gadget").save())
        host.step(lambda: Gadget.objects.get().save())
        host.step(lambda: Gadget(name="gadget", watts=3).save())
        host.step(lambda: Gadget(pk=1, thing_ptr_id=1, name="renamed", watts=3).save())
        parent = Thing.objects.create(name="parent")
        host.step(lambda: Gadget(thing_ptr=parent, name="parent").save())
        host.step(lambda: Gadget(thing_ptr=parent, watts=5).save_base(raw=True))
        host.step(lambda: Thing.objects.get(pk=parent.pk).save())
        host.step(lambda: ThingOnTheSide(name="side").save())
        host.step(lambda: ThingOnTheSide.objects.get(name="side").save())
        host.step(lambda: Careful(name="careful").save())
        host.step(lambda: Careful.objects.get().save())
        host.step(lambda: Careful(pk=1, name="more").save())
        host.step(lambda: Careful(pk=7, name="seven").save())
        host.step(lambda: Part(thing=parent, name="first").save())
        host.step(lambda: Part(thing=parent, name="second").save())
        host.step(lambda: parent.set_part_order([2, 1]))
        host.step(lambda: Note(text="unobserved").save())

    compare(program, block=block)


@both_ways
def test_fixtures(block):
    """`DeserializedObject.save` of new and of known rows, twice, with links and for a child alone."""

    def load(*things: Any) -> None:
        for thing in serializers.deserialize("json", serializers.serialize("json", things)):
            thing.save()

    def program(host: Host) -> None:
        friend = Thing.objects.create(name="friend")
        mine = Thing(pk=5, name="mine")
        host.step(lambda: load(mine))
        mine.name = "renamed"
        host.step(lambda: load(mine, Thing(pk=6, name="six"), friend))
        host.step(lambda: mine.friends.add(friend))
        host.step(lambda: load(mine))
        gadget = Gadget.objects.create(name="gadget")
        host.step(lambda: load(gadget))
        host.step(lambda: load(gadget, Thing.objects.get(pk=gadget.pk)))
        host.step(lambda: load(Thing(pk=8, name="renamed")))
        host.step(lambda: load(ThingOnTheSide(pk=11, name="side")))

    compare(program, block=block)


def calls_it(host: Host, thing: Thing, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    host.tell("before", host.place(), host.names())
    result = original(*args, **kwargs)
    host.tell("after", result, host.place(), host.names())
    return result


def calls_it_twice(host: Host, thing: Thing, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    original(*args, **kwargs)
    return original(*args, **kwargs)


def calls_it_in_a_durable_block(host: Host, thing: Thing, original: Any, *args: Any, **kwargs: Any) -> Any:
    with transaction.atomic(durable=True):
        return original(*args, **kwargs)


def tries_again(host: Host, thing: Thing, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    try:
        with transaction.atomic():
            return original(*args, **kwargs)
    except DatabaseError:
        thing.name += " again"
        return original(*args, **kwargs)


def swallows_the_error(host: Host, thing: Thing, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    try:
        return original(*args, **kwargs)
    except IntegrityError:
        return False


def saves_another_row_first(host: Host, thing: Thing, original: Any, *args: Any, **kwargs: Any) -> Any:
    Note.objects.create(text="first")
    Part.objects.create(thing=Thing.objects.get(name="taken"), name="part")
    return original(*args, **kwargs)


def does_nothing(host: Host, thing: Thing, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return None if original.__name__ == "save_base" else True


def writes_by_hand(host: Host, thing: Thing, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE shop_thing SET qty = qty + 1 WHERE id = %s", [thing.pk])
        return bool(cursor.rowcount) or original(*args, **kwargs)


def raises(host: Host, thing: Thing, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    original(*args, **kwargs)
    raise DatabaseError("not like this")


OVERRIDES = [
    calls_it,
    calls_it_twice,
    calls_it_in_a_durable_block,
    tries_again,
    swallows_the_error,
    saves_another_row_first,
    does_nothing,
    writes_by_hand,
    raises,
]


METHODS = ("save_base", "_save_table", "_save_parents", "_do_update", "_do_insert")


@both_ways
@pytest.mark.parametrize("override", OVERRIDES, ids=lambda override: override.__name__)
def test_a_model_whose_method(override, block):
    """A model may override what a save goes through, call it not at all or twice, or do something else."""

    def program(host: Host) -> None:
        def around(thing: Thing, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            return override(host, thing, original, *args, **kwargs)

        for method in METHODS:
            host.outside.empty()
            host.tell(method)
            Thing.objects.create(name="taken")
            ThingByHand.around[method] = around
            host.step(lambda: ThingByHand(name="mine").save())
            host.step(lambda: ThingByHand.objects.get(name="mine").save())
            host.step(lambda: ThingByHand(pk=50, name="mine").save())
            host.step(lambda: ThingByHand(name="taken").save())
            host.step(lambda: ThingByHand.save_base(ThingByHand(pk=60, name="raw"), raw=True))
            ThingByHand.around.clear()

    compare(program, block=block)


@both_ways
def test_signals_sent_by_hand(block):
    """`post_save.send()` outside a save writes nothing of the host's and opens no transaction it would notice."""

    def program(host: Host) -> None:
        thing = Thing.objects.create(name="mine")
        named = {"instance": thing, "raw": False, "using": "default", "update_fields": None}
        host.step(lambda: pre_save.send(sender=Thing, **named)[0][1])
        host.step(lambda: post_save.send(sender=Thing, created=False, **named)[0][1])
        host.step(lambda: post_save.send(sender=Thing, created=True, **named)[0][1])

    compare(program, block=block)
