"""What a project can tell the recorder: who acts, what to skip, and what belongs together."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection, connections
from django.test import Client

import signal_log
from signal_log.models import SignalEvent
from tests.log import recorded
from tests.shop.models import Category

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_shell_can_complete_every_public_name():
    """Also those that nobody has used yet."""
    assert set(signal_log.__all__) <= set(dir(signal_log))


def test_context_names_the_actor_and_the_source():
    """The actor may be an account, a name or nobody in particular; the events of a block are one trace."""
    user = User.objects.create_user("ada")
    with recorded() as events:
        with signal_log.context(actor=user, source="task"):
            Category.objects.create(name="a")
            Category.objects.create(name="b")
        with signal_log.context(actor="nightly import"):
            Category.objects.create(name="c")
        with signal_log.context(actor=AnonymousUser()):
            Category.objects.create(name="d")
    found = [(e.object_repr, e.actor_pk, e.actor_repr, e.source) for e in events if e.signal == "post_save"]
    assert found == [
        ("a", str(user.pk), "ada", "task"),
        ("b", str(user.pk), "ada", "task"),
        ("c", "", "nightly import", "test"),
        ("d", "", "anonymous", "test"),
    ]
    assert len({e.trace_id for e in events}) == 3


def test_context_inside_a_trace():
    """Inside a running trace, positions count on, and what follows the block is as before it."""
    with recorded() as events, signal_log.context(source="task"):
        Category.objects.create(name="a")
        with signal_log.context(actor="robot"):
            Category.objects.create(name="b")
        Category.objects.create(name="c")
    assert len({e.trace_id for e in events}) == 1
    assert [e.position for e in events] == [1, 2, 3, 4, 5, 6]
    assert [(e.actor_repr == "robot", e.source) for e in events] == [
        (False, "task"), (False, "task"), (True, "task"), (True, "task"), (False, "task"), (False, "task"),
    ]  # fmt: skip


def test_labels():
    """Every event has the labels, also a delete's; secrets are masked, and inner labels add to outer ones."""
    with recorded() as events, signal_log.context(job="import", api_token="hidden"):
        with signal_log.context(row=5):
            category = Category.objects.create(name="a")
        category.delete()
    Category.objects.create(name="b")
    outer = {"job": "import", "api_token": "••••••••"}
    assert [e.labels for e in events] == [outer | {"row": 5}] * 2 + [outer] * 2
    assert [e.origin and e.origin["model"] for e in events] == [None] * 2 + ["shop.Category"] * 2
    assert SignalEvent.objects.latest("id").labels is None


def test_labels_are_shown(admin_client: Client):
    """The event's page shows its labels."""
    with signal_log.context(job="import <b>"):
        Category.objects.create(name="a")
    event = SignalEvent.objects.filter(sender="shop.Category").latest("id")
    assert "job=import &lt;b&gt;" in admin_client.get(f"/events/{event.pk}/").content.decode()


def test_pause():
    """Nothing is recorded inside the block, nested or not, and saves are Django's own; afterwards recording resumes."""
    with recorded() as events:
        with signal_log.pause():
            with signal_log.pause():
                Category.objects.create(name="a")
            category = Category.objects.get()
            category.name = "b"
            category.save()
            assert not connection.in_atomic_block
        assert SignalEvent.objects.filter(sender="shop.Category").count() == 0
        category.name = "c"
        category.save()
        with signal_log.pause():
            category.delete()
    assert [(e.signal, e.changes, e.overwrote) for e in events] == [
        ("pre_save", {"name": [{"unknown": True}, "c"]}, None),
        ("post_save", {"name": ["b", "c"]}, ["name"]),
    ]


def test_pause_and_context_stay_in_their_own_task():
    """Coroutines on one event loop neither pause each other nor act in each other's name."""

    async def paused():
        with signal_log.pause():
            await asyncio.sleep(0.01)
            await Category(name="paused").asave()

    async def named(name):
        with signal_log.context(actor=name):
            await asyncio.sleep(0.01)
            await Category(name=name).asave()

    async def work():
        await asyncio.gather(paused(), named("one"), named("two"))
        await sync_to_async(connections.close_all)()

    with recorded() as events:
        asyncio.run(work())
    assert sorted((e.object_repr, e.actor_repr) for e in events if e.signal == "post_save") == [
        ("one", "one"),
        ("two", "two"),
    ]


def test_batch_is_one_transaction_and_one_trace():
    """A batch's saves and events are committed or rolled back together."""
    with recorded() as events, signal_log.batch():
        for number in range(5):
            Category.objects.create(name=f"c{number}")
    assert len(events) == 10
    assert len({e.trace_id for e in events}) == 1
    with recorded() as events, pytest.raises(KeyError), signal_log.batch():
        Category.objects.create(name="undone")
        raise KeyError
    assert {e.outcome for e in events} == {"rolled_back"}
    assert not Category.objects.filter(name="undone").exists()
