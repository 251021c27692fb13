"""Every path that saves or deletes leaves exactly one pre and one post event, paired (G1)."""

import asyncio
import json
import threading

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.state import ModelState, ProjectState
from django.test import Client

from tests.coroutines import run
from tests.log import recorded
from tests.shop.models import Book, Category, CheapItem, Item, Ticket

pytestmark = pytest.mark.django_db(transaction=True)

SAVE = ["pre_save", "post_save"]
DELETE = ["pre_delete", "post_delete"]


def fired(events, sender):
    """Return the signals recorded for one sender, after checking operation and order of every pair."""
    mine = [e for e in events if e.sender == sender]
    for post in (e for e in mine if e.signal.startswith("post_")):
        [pre] = [
            e
            for e in mine
            if e.trace_id == post.trace_id and e.operation == post.operation and e.signal.startswith("pre_")
        ]
        assert pre.position == pre.operation < post.position
        assert pre.id < post.id
    return [e.signal for e in mine]


def save_by_create():
    Category.objects.create(name="a")


def save_by_get_or_create():
    Category.objects.get_or_create(name="a")
    Category.objects.get_or_create(name="a")


def save_by_update_or_create():
    Category.objects.update_or_create(name="a", defaults={"name": "a"})


def save_async():
    run(Category(name="a").asave())


def acreate():
    run(Category.objects.acreate(name="a"))


def save_in_a_thread():
    def work():
        Category.objects.create(name="a")
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def save_in_a_block():
    with transaction.atomic():
        Category.objects.create(name="a")


def save_without_autocommit():
    transaction.set_autocommit(False)
    try:
        Category.objects.create(name="a")
        transaction.commit()
    finally:
        transaction.set_autocommit(True)


def load_a_fixture(tmp_path):
    file = tmp_path / "fixture.json"
    file.write_text(json.dumps([{"model": "shop.category", "pk": 5, "fields": {"name": "a"}}]))
    call_command("loaddata", str(file), verbosity=0)


def by_a_related_manager():
    Category.objects.create(name="a").item_set.create(name="inside")


@pytest.mark.parametrize(
    "path",
    [
        save_by_create,
        save_by_get_or_create,
        save_by_update_or_create,
        save_async,
        acreate,
        save_in_a_thread,
        save_in_a_block,
        save_without_autocommit,
        by_a_related_manager,
    ],
)
def test_saving(path):
    """There is one pair, whichever way the row is saved."""
    with recorded() as events:
        path()
    assert fired(events, "shop.Category") == SAVE


def test_fixture(tmp_path):
    """A fixture's rows are raw, and loading it again is an update."""
    with recorded() as events:
        load_a_fixture(tmp_path)
        load_a_fixture(tmp_path)
    assert fired(events, "shop.Category") == SAVE * 2
    assert [(e.raw, e.created) for e in events] == [(True, None), (True, True), (True, None), (True, False)]
    assert {e.source for e in events} == {"command:loaddata"}


def delete_instance():
    Category.objects.get(name="a").delete()


def delete_queryset():
    Category.objects.filter(name="a").delete()


def delete_async():
    run(Category.objects.filter(name="a").adelete())


@pytest.mark.parametrize("path", [delete_instance, delete_queryset, delete_async])
def test_deleting_with_a_cascade(path):
    """The row and its dependents send all pre signals before all post signals, dependents first."""
    category = Category.objects.create(name="a")
    Item.objects.create(category=category, name="one")
    Item.objects.create(category=category, name="two")
    with recorded() as events:
        path()
    assert fired(events, "shop.Category") == DELETE
    assert fired(events, "shop.Item") == ["pre_delete"] * 2 + ["post_delete"] * 2
    origin = (
        {"model": "shop.Category", "pk": str(category.pk)} if path is delete_instance else {"queryset": "shop.Category"}
    )
    assert all(e.origin == origin for e in events)
    assert len({e.trace_id for e in events}) == 1


def test_proxy():
    """A proxy's signals have the proxy as their sender."""
    with recorded() as events:
        item = CheapItem.objects.create(name="cheap")
        item.delete()
    assert fired(events, "shop.CheapItem") == SAVE + DELETE


def test_multi_table_child():
    """On save only the child sends signals; on delete the parent row does too."""
    with recorded() as events:
        book = Book.objects.create(name="novel", pages=300)
        book.delete()
    assert fired(events, "shop.Book") == SAVE + DELETE
    assert fired(events, "shop.Item") == DELETE


def test_key_made_in_python():
    """A UUID key is known before the row exists, so no query asks for the old row."""
    with recorded() as events:
        ticket = Ticket.objects.create(seat="4a")
    assert fired(events, "shop.Ticket") == SAVE
    assert {e.object_pk for e in events} == {str(ticket.pk)}
    assert events[1].created is True


def test_same_instance_saved_again_by_its_own_receiver():
    """Nested saves of one object are two operations, the inner one caused by the outer one."""
    from django.db.models.signals import post_save

    def again(instance, created, **_):
        if created:
            instance.save()

    post_save.connect(again, sender=Category)
    try:
        with recorded() as events:
            Category.objects.create(name="a")
    finally:
        post_save.disconnect(again, sender=Category)
    assert [(e.signal, e.operation, e.parent_position) for e in events] == [
        ("pre_save", 1, None),
        ("post_save", 1, None),
        ("pre_save", 3, 2),
        ("post_save", 3, 2),
    ]


def test_classes_of_migrations_are_observed():
    """A migration's historical model is another class with the same label."""
    state = ProjectState()
    state.add_model(ModelState.from_model(Category))
    historical = state.apps.get_model("shop", "Category")
    with recorded() as events:
        historical.objects.create(name="a").delete()
    assert fired(events, "shop.Category") == SAVE + DELETE


def test_admin_delete_selected(admin_client: Client):
    """The admin's bulk action deletes a queryset: each user's signals are sent once, and the log says so."""
    users = [User.objects.create_user(name) for name in ("ada", "grace")]
    with recorded() as events:
        admin_client.post(
            "/admin/auth/user/",
            {"action": "delete_selected", "_selected_action": [u.pk for u in users], "post": "yes"},
        )
    assert fired(events, "auth.User") == ["pre_delete"] * 2 + ["post_delete"] * 2
    assert fired(events, "users.Profile") == ["pre_delete"] * 2 + ["post_delete"] * 2
    assert {(e.actor_repr, e.source, e.path) for e in events} == {("admin", "http", "/admin/auth/user/")}


def test_concurrent_saves_in_one_loop_do_not_mix():
    """Each task's outermost save is a trace of its own with its own positions."""

    async def both():
        await asyncio.gather(*(Category(name=f"c{i}").asave() for i in range(5)))

    with recorded() as events:
        run(both())
    assert len({e.trace_id for e in events}) == 5
    assert sorted(e.position for e in events) == [1] * 5 + [2] * 5
