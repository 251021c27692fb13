"""What fields and wrappers of the host's do in the middle of a save is the same as without the app (G4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from tests.integration import acts
from tests.integration.twice import Host, both_ways, compare
from tests.shop.models import Category, Gadget, Note, Thing

pytestmark = pytest.mark.django_db(transaction=True)
HOOKED = Thing._meta.get_field("hooked")
IN_A_FIELD = [
    acts.swallow_an_error_of_the_database,
    acts.swallow_it_outside_a_block,
    acts.raise_an_exception,
    acts.raise_keyboard_interrupt,
    acts.look_for_it_in_a_thread,
    acts.write_in_a_thread,
    acts.register_a_hook,
    acts.open_a_block,
    acts.open_a_durable_block,
    acts.roll_a_savepoint_back,
    acts.set_rollback,
    acts.use_a_cursor,
    acts.save_another_row,
    acts.update_the_row,
    acts.delete_everything,
    acts.create_in_bulk,
    acts.change_the_instance,
]


def with_a_hook(host: Host, act: Callable[[Thing], Any]) -> None:
    """Insert and update a row whose field does something while Django collects the values."""
    armed: list[bool] = []

    def hook(instance: Thing) -> None:
        if armed:
            armed.clear()
            host.tell("in the field", host.place(), host.names())
            act(instance)

    def save(thing: Thing) -> None:
        armed.append(True)
        thing.save()

    host.step(lambda: Thing.objects.create(name="taken"))
    HOOKED.at_save.append(hook)
    try:
        host.step(lambda: save(Thing(name="mine", qty=1)))
        host.step(lambda: save(Thing.objects.filter(name="mine").first() or Thing(name="mine")))
        host.step(lambda: save(Gadget(name="gadget")))
    finally:
        HOOKED.at_save.remove(hook)


@both_ways
@pytest.mark.parametrize("act", IN_A_FIELD, ids=lambda act: act.__name__)
def test_a_field_can(act, block):
    """A field's `pre_save` runs outside any transaction of ours, in which it may do what it likes."""
    compare(lambda host: with_a_hook(host, lambda thing: act(host, thing)), block=block)


def saves_another_row(host: Host, sql: str) -> None:
    if '"shop_thing"' in sql:
        Category.objects.create(name=f"audit {Category.objects.count()}")


def opens_a_block(host: Host, sql: str) -> None:
    if '"shop_thing"' in sql:
        with transaction.atomic():
            Note.objects.create(text="in a wrapper")


def opens_a_durable_block(host: Host, sql: str) -> None:
    if '"shop_thing"' in sql and not host.block:
        with transaction.atomic(durable=True):
            Note.objects.create(text="in a wrapper")


def looks_around(host: Host, sql: str) -> None:
    host.tell(sql.split()[0], host.place(), host.names())


def writes_in_a_thread(host: Host, sql: str) -> None:
    if '"shop_thing"' in sql:
        host.tell(host.elsewhere(lambda: Note.objects.create(text="elsewhere").pk))


def refuses(host: Host, sql: str) -> None:
    if sql.startswith("UPDATE"):
        raise PermissionError("read only")


def registers_a_hook(host: Host, sql: str) -> None:
    if '"shop_thing"' in sql:
        transaction.on_commit(lambda: host.tell("hook", host.names()))


WRAPPERS = [
    saves_another_row,
    opens_a_block,
    opens_a_durable_block,
    looks_around,
    writes_in_a_thread,
    refuses,
    registers_a_hook,
]


@both_ways
@pytest.mark.parametrize("act", WRAPPERS, ids=lambda act: act.__name__)
def test_a_wrapper_of_statements_that(act, block):
    """A wrapper that the host put around statements sees its own, and what it does there is left to it."""

    def program(host: Host) -> None:
        busy: list[bool] = []

        def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if not busy:
                busy.append(True)
                try:
                    act(host, sql)
                finally:
                    busy.clear()
            return execute(sql, params, many, context)

        def save() -> None:
            with connection.execute_wrapper(wrapper):
                thing = Thing.objects.create(name="mine")
                thing.qty = 2
                thing.save()
                Thing(pk=thing.pk, name="mine again").save()

        def delete() -> None:
            with connection.execute_wrapper(wrapper):
                Thing.objects.get().delete()

        host.step(save)
        host.step(delete)

    compare(program, block=block)


@both_ways
def test_a_wrapper_that_answers_itself(block):
    """A wrapper may run another statement than it was given, or none."""

    def program(host: Host) -> None:
        def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if sql.startswith("UPDATE"):
                sql = "/* traced */ " + sql
            return execute(sql, params, many, context)

        def save() -> None:
            with connection.execute_wrapper(wrapper):
                thing = Thing.objects.create(name="mine")
                thing.qty = 2
                thing.save()

        host.step(save)

    compare(program, block=block)
