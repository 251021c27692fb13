"""What a receiver can do: the rows of the tables that run with and without the app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import F

from tests.integration.twice import Host
from tests.shop.models import Category, Note, Part, Thing

Act = Callable[[Host, Any], Any]


class Boom(Exception):
    """Raised by receivers."""


def fail() -> None:
    """Raise, as a hook may."""
    raise Boom


# --- errors -------------------------------------------------------------------------------------------
def swallow_an_error_of_the_database(host: Host, thing: Thing) -> None:
    host.attempt(lambda: Thing.objects.create(name="taken"), IntegrityError)
    host.attempt(lambda: Note.objects.create(text="afterwards"))


def swallow_it_outside_a_block(host: Host, thing: Thing) -> None:
    def inner() -> None:
        with transaction.atomic():
            Thing.objects.create(name="taken")

    host.attempt(inner)
    host.attempt(lambda: Note.objects.create(text="afterwards"))


def pass_an_error_of_the_database_on(host: Host, thing: Thing) -> None:
    Thing.objects.create(name="taken")


def raise_an_exception(host: Host, thing: Thing) -> None:
    raise Boom("no")


def raise_system_exit(host: Host, thing: Thing) -> None:
    raise SystemExit(3)


def raise_keyboard_interrupt(host: Host, thing: Thing) -> None:
    raise KeyboardInterrupt


def raise_generator_exit(host: Host, thing: Thing) -> None:
    raise GeneratorExit


# --- others see it ------------------------------------------------------------------------------------
def look_for_it_in_a_thread(host: Host, thing: Thing) -> None:
    host.tell(host.elsewhere(lambda: Thing.objects.get(name="mine").qty))


def write_in_a_thread(host: Host, thing: Thing) -> None:
    host.tell(host.elsewhere(lambda: Note.objects.create(text="elsewhere").pk))


def update_the_row_in_a_thread(host: Host, thing: Thing) -> None:
    host.tell(host.elsewhere(lambda: Thing.objects.filter(name="mine").update(qty=F("qty") + 100)))


def refer_to_it_in_a_thread(host: Host, thing: Thing) -> None:
    host.tell(host.elsewhere(lambda: Part.objects.create(thing_id=thing.pk, name="wheel").pk))


# --- transactions -------------------------------------------------------------------------------------
def register_a_hook(host: Host, thing: Thing) -> None:
    transaction.on_commit(lambda: host.tell("hook", host.names(), host.place()))
    host.tell("registered")


def register_a_hook_that_saves(host: Host, thing: Thing) -> None:
    transaction.on_commit(lambda: host.tell("hook", Category.objects.create(name="hooked").pk))


def register_a_hook_that_raises(host: Host, thing: Thing) -> None:
    transaction.on_commit(fail)
    transaction.on_commit(lambda: host.tell("hook", host.names()))


def register_a_robust_hook(host: Host, thing: Thing) -> None:
    transaction.on_commit(lambda: host.tell("hook", host.names()), robust=True)


def open_a_block(host: Host, thing: Thing) -> None:
    with transaction.atomic():
        Category.objects.create(name="inside")
        transaction.on_commit(lambda: host.tell("hook", host.names(), host.place()))
        host.tell(host.place(), host.names())
    host.tell(host.place(), host.names())


def open_a_durable_block(host: Host, thing: Thing) -> None:
    with transaction.atomic(durable=True):
        Category.objects.create(name="inside")


def leave_a_block_by_an_exception(host: Host, thing: Thing) -> None:
    def inner() -> None:
        with transaction.atomic():
            Category.objects.create(name="inside")
            raise Boom

    host.attempt(inner, Boom)


def leave_a_block_without_savepoint_by_an_exception(host: Host, thing: Thing) -> None:
    def inner() -> None:
        with transaction.atomic(savepoint=False):
            Category.objects.create(name="inside")
            raise Boom

    host.attempt(inner, Boom)


def roll_a_savepoint_back(host: Host, thing: Thing) -> None:
    savepoint = connection.savepoint()
    host.attempt(lambda: Category.objects.create(name="undone"))
    host.attempt(lambda: connection.savepoint_rollback(savepoint))


def set_rollback(host: Host, thing: Thing) -> None:
    transaction.set_rollback(True)


def switch_autocommit_off(host: Host, thing: Thing) -> None:
    transaction.set_autocommit(False)
    Category.objects.create(name="held")
    host.tell(host.place(), host.names())


def switch_autocommit_off_and_on(host: Host, thing: Thing) -> None:
    transaction.set_autocommit(False)
    Category.objects.create(name="held")
    transaction.commit()
    transaction.set_autocommit(True)


def close_the_connection(host: Host, thing: Thing) -> None:
    connection.close()


def lock_the_row(host: Host, thing: Thing) -> None:
    host.attempt(lambda: list(Thing.objects.select_for_update().filter(name="mine").values_list("qty")))


def use_a_cursor(host: Host, thing: Thing) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE shop_thing SET qty = qty + 100 WHERE name = %s", ["mine"])
        host.tell(cursor.rowcount)
        cursor.execute("SELECT name, qty FROM shop_thing ORDER BY id")
        host.tell(cursor.fetchall())


def use_a_cursor_for_a_transaction(host: Host, thing: Thing) -> None:
    def by_hand() -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("INSERT INTO shop_note (text) VALUES ('by hand')")
            cursor.execute("ROLLBACK")

    if not host.block:  # the block's own transaction would end
        by_hand()


# --- other rows and this one --------------------------------------------------------------------------
def save_it_again(host: Host, thing: Thing) -> None:
    thing.qty += 10
    thing.save()


def save_the_row_through_another_instance(host: Host, thing: Thing) -> None:
    again = Thing.objects.filter(name="mine").first() or Thing(name="early")
    again.qty += 10
    again.save()


def save_another_row(host: Host, thing: Thing) -> None:
    host.tell(Category.objects.create(name="another").pk)


def save_ever_deeper(host: Host, thing: Thing) -> None:
    deeper: list[str] = ["a", "b", "c"]
    host.receive("post_save", lambda **_: deeper and Category.objects.create(name=deeper.pop()), Category)
    Category.objects.create(name="top")


def delete_it(host: Host, thing: Thing) -> None:
    host.attempt(thing.delete)


def delete_everything(host: Host, thing: Thing) -> None:
    host.tell(Thing.objects.all().delete())


def update_the_row(host: Host, thing: Thing) -> None:
    host.tell(Thing.objects.filter(name="mine").update(qty=F("qty") + 100))


def change_the_instance(host: Host, thing: Thing) -> None:
    thing.qty += 1000


def change_the_instances_key(host: Host, thing: Thing) -> None:
    thing.pk = 77


def make_it_an_expression(host: Host, thing: Thing) -> None:
    if thing.pk:  # an INSERT refuses it
        thing.qty = F("qty") + 1


def read_it_again(host: Host, thing: Thing) -> None:
    host.attempt(thing.refresh_from_db)
    host.tell(thing.qty)


def add_a_friend(host: Host, thing: Thing) -> None:
    host.attempt(lambda: thing.friends.add(Thing.objects.get(name="taken")))
    host.attempt(lambda: thing.friends.set([]))


def create_in_bulk(host: Host, thing: Thing) -> None:
    Thing.objects.bulk_create([Thing(name="bulk 1"), Thing(name="bulk 2")])
    Thing.objects.bulk_update(Thing.objects.filter(name__startswith="bulk").order_by("name"), ["qty"])


def create_what_is_missing(host: Host, thing: Thing) -> None:
    host.tell(Thing.objects.get_or_create(name="taken")[1], Thing.objects.get_or_create(name="new")[1])
    host.tell(Thing.objects.update_or_create(name="taken", defaults={"qty": 3})[1])


def connect_another_receiver(host: Host, thing: Thing) -> None:
    host.receive("post_save", lambda instance, **_: host.tell("late", instance.pk))


ACTS = [act for act in list(globals().values()) if getattr(act, "__annotations__", {}).get("host") == "Host"]
