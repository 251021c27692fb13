"""What a receiver of a delete does leads to the same result, rows, statements and moments as without the app (G4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import ProtectedError

from tests.integration import acts
from tests.integration.acts import Act
from tests.integration.twice import SIGNALS, Host, both_ways, compare
from tests.shop.models import Gadget, Part, Thing

pytestmark = pytest.mark.django_db(transaction=True)
FOR_SAVES_ONLY = {
    acts.make_it_an_expression,
    acts.change_the_instance,
    acts.lock_the_row,
    acts.save_ever_deeper,
    acts.refer_to_it_in_a_thread,
}


def deleted(act: Act, signal: str, host: Host, delete: Callable[[Thing], Any]) -> None:
    """Delete a row on which another one depends, with a receiver that does something."""
    armed = [True]

    def receiver(instance: Thing, **_: Any) -> None:
        if armed and instance.name == "mine":
            armed.clear()
            act(host, instance)
            host.tell("receiver done", host.place(), host.names())

    host.outside.empty()
    host.step(lambda: Thing.objects.create(name="taken"))
    mine = Thing.objects.create(name="mine")
    Part.objects.create(thing=mine, name="wheel")
    host.receive(signal, receiver)
    host.step(lambda: delete(mine))
    host.tell(mine.pk)
    SIGNALS[signal].disconnect(receiver, sender=Thing)


@both_ways
@pytest.mark.parametrize("act", [act for act in acts.ACTS if act not in FOR_SAVES_ONLY], ids=lambda act: act.__name__)
def test_a_receiver_of_a_delete_can(act, block):
    """Nothing that such a receiver does, sees or raises, before or after the row is deleted, differs."""

    def program(host: Host) -> None:
        deleted(act, "pre_delete", host, lambda mine: mine.delete())
        deleted(act, "post_delete", host, lambda mine: Thing.objects.filter(pk=mine.pk).delete())

    compare(program, block=block)


@both_ways
def test_ways_to_delete(block):
    """A multi-table child, its parent, a stale instance, a row that is gone, many rows, an object without a key."""

    def program(host: Host) -> None:
        gadget = Gadget.objects.create(name="gadget")
        host.step(gadget.delete)
        gadget = Gadget.objects.create(name="gadget")
        host.step(gadget.thing_ptr.delete)
        stale = Thing.objects.create(name="stale")
        Thing.objects.filter(pk=stale.pk).update(name="fresh")
        host.step(stale.delete)
        gone = Thing.objects.create(name="gone")
        Thing.objects.filter(pk=gone.pk)._raw_delete("default")
        host.step(gone.delete)
        Thing.objects.bulk_create(Thing(name=f"thing {number}") for number in range(120))
        host.step(lambda: Thing.objects.filter(name__startswith="thing").delete())
        host.step(lambda: Thing.objects.none().delete())
        host.step(lambda: Thing(name="new").delete())
        keeping = Gadget.objects.create(name="kept")
        host.step(lambda: keeping.delete(keep_parents=True))

    compare(program, block=block)


@both_ways
def test_a_delete_that_the_database_or_a_receiver_refuses(block):
    """A receiver may raise Django's own error for a protected row, and a row may still be referred to."""

    def protect(instance: Thing, **_: Any) -> None:
        raise ProtectedError("in use", {instance})

    def program(host: Host) -> None:
        mine = Thing.objects.create(name="mine")
        host.receive("pre_delete", protect)
        host.step(mine.delete)
        host.step(lambda: Thing.objects.filter(pk=mine.pk)._raw_delete("default"))

    compare(program, block=block)
