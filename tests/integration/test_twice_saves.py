"""What a receiver of a save does leads to the same result, rows, statements and moments as without the app (G4)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.acts import ACTS, Act
from tests.integration.twice import SIGNALS, Host, both_ways, compare
from tests.shop.models import Thing

pytestmark = pytest.mark.django_db(transaction=True)


def inserted_and_updated(act: Act, signal: str, host: Host) -> None:
    """Insert and then update a row, with a receiver that does something in each of the two."""
    armed: list[bool] = []

    def receiver(instance: Thing, **_: Any) -> None:
        if armed and instance.name == "mine":
            armed.clear()
            act(host, instance)
            host.tell("receiver done", host.place(), host.names())

    def save(mine: Thing) -> None:
        armed.append(True)
        mine.save()
        host.tell(mine.pk, str(mine.qty), mine._state.adding)

    def update() -> None:
        mine = Thing.objects.get_or_create(name="mine")[0]
        mine.qty = 2
        save(mine)

    host.outside.empty()
    host.step(lambda: Thing.objects.create(name="taken"))
    host.receive(signal, receiver)
    host.step(lambda: save(Thing(name="mine", qty=1)))
    host.step(update)
    SIGNALS[signal].disconnect(receiver, sender=Thing)


@both_ways
@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_a_receiver_of_a_save_can(act, block):
    """Nothing that such a receiver does, sees or raises, before or after the row is written, differs."""

    def program(host: Host) -> None:
        inserted_and_updated(act, "pre_save", host)
        inserted_and_updated(act, "post_save", host)

    compare(program, block=block)
