"""Who caused what: the tree of a registration, receivers of every kind, and traces that never mix."""

import asyncio
import functools

import pytest
from django.contrib.auth.models import User
from django.db.models.signals import post_save, pre_delete
from django.test import override_settings

from signal_log.capture.transaction.collecting import collecting
from tests.log import recorded
from tests.shop.models import Category, Item, Note

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def connected():
    """Connect receivers to Category's post_save for one test."""
    mine = []

    def connect(receiver):
        post_save.connect(receiver, sender=Category, weak=False)
        mine.append(receiver)
        return receiver

    yield connect
    for receiver in mine:
        post_save.disconnect(receiver, sender=Category)


def test_registration_as_a_tree():
    """The user's post_save is the parent of the profile's two events, which name the receiver."""
    with recorded() as events:
        User.objects.create_user("ada", "ada@example.org")
    tree = [(e.position, e.signal, e.sender, e.parent_position, e.caused_by) for e in events]
    cause = "users.signals.create_profile"
    assert tree == [
        (1, "pre_save", "auth.User", None, ""),
        (2, "post_save", "auth.User", None, ""),
        (3, "pre_save", "users.Profile", 2, cause),
        (4, "post_save", "users.Profile", 2, cause),
    ]
    assert len({e.trace_id for e in events}) == 1
    assert cause in [r["receiver"] for r in events[1].receivers]
    [created] = [r for r in events[1].receivers if r["receiver"] == cause]
    assert created["duration_us"] > 0
    assert created["queries"] > 0


def save_item(**_):
    Item.objects.create(name="caused")


class Shelf:
    def stock(self, **_):
        Item.objects.create(name="caused")

    def __call__(self, **_):
        Item.objects.create(name="caused")


SHELF = Shelf()


async def save_item_async(**_):
    await Item.objects.acreate(name="caused")


@pytest.mark.parametrize(
    ("receiver", "name"),
    [
        (save_item, "tests.integration.test_causes.save_item"),
        (functools.partial(save_item, extra=1), "tests.integration.test_causes.save_item"),
        (SHELF.stock, "tests.integration.test_causes.Shelf.stock"),
        (SHELF, "tests.integration.test_causes.Shelf"),
        (lambda **_: save_item(), "tests.integration.test_causes.<lambda>:"),
        (save_item_async, "tests.integration.test_causes.save_item_async"),
    ],
    ids=["function", "partial", "method", "object", "lambda", "async"],
)
def test_receivers_of_every_kind_have_a_name_a_developer_can_find(connected, receiver, name):
    """For every kind of receiver, events name the receiver that caused them, and its run is timed."""
    connected(receiver)
    with recorded() as events:
        Category.objects.create(name="a")
    causes = {e.caused_by for e in events if e.sender == "shop.Item"}
    assert len(causes) == 1
    assert causes.pop().startswith(name)
    [run] = next(e for e in events if (e.signal, e.sender) == ("post_save", "shop.Category")).receivers
    assert run["receiver"].startswith(name)
    assert run["duration_us"] > 0
    assert run["error"] == ""


def test_nothing_is_a_cause_after_its_receiver(connected):
    """A save that follows another save in the same request has no cause."""
    connected(lambda **_: None)
    with recorded() as events:
        Category.objects.create(name="a")
        Item.objects.create(name="b")
    assert {e.caused_by for e in events} == {""}


def test_responses_and_order_are_django_s(connected):
    """The host's receivers are called in order and their responses returned as Django does."""
    first = connected(lambda **_: 1)
    second = connected(lambda **_: 2)
    category = Category.objects.create(name="a")
    responses = post_save.send(
        Category, instance=category, created=False, raw=False, using="default", update_fields=None
    )
    assert responses == [(first, 1), (second, 2)]


def test_a_signal_sent_by_hand_is_recorded_alone(connected):
    """`post_save.send` by a third party has no pre event; it is an operation of its own."""
    category = Category.objects.create(name="a")
    with recorded() as events:
        post_save.send(Category, instance=category, created=False, raw=False, using="default", update_fields=None)
    assert [(e.signal, e.position, e.operation, e.outcome) for e in events] == [("post_save", 1, 1, "committed")]


def test_unobserved_senders_go_django_s_way():
    """Signals of an unobserved model are dispatched as usual, and it has listeners only if somebody listens."""
    seen = []

    def receiver(sender, **_):
        seen.append(sender)

    assert not pre_delete.has_listeners(Note)
    pre_delete.connect(receiver, sender=Note)
    try:
        assert pre_delete.send(Note, instance=Note(), using="default", origin=None) == [(receiver, None)]
    finally:
        pre_delete.disconnect(receiver, sender=Note)
    assert seen == [Note]


def test_collecting_hears_its_own_context_only():
    """Two requests on one event loop each collect their own events, in order, with their outcome."""
    from asgiref.sync import sync_to_async
    from django.db import connections

    async def request(name):
        with collecting() as heard:
            await Category(name=name).asave()
            await asyncio.sleep(0)
            return heard.fired()

    async def both():
        try:
            return await asyncio.gather(request("a"), request("b"))
        finally:
            await sync_to_async(connections.close_all)()

    for name, heard in zip("ab", asyncio.run(both()), strict=True):
        assert [(e.signal, e.object_repr, e.outcome) for e in heard] == [
            ("pre_save", name, "committed"),
            ("post_save", name, "committed"),
        ]


def test_receivers_can_be_left_out():
    """With RECEIVERS off the list stays empty, and the cause is still known."""
    from signal_log.conf import conf
    from tests.settings import SIGNAL_LOG

    with override_settings(SIGNAL_LOG={**SIGNAL_LOG, "RECEIVERS": False}), recorded() as events:
        assert conf.RECEIVERS is False
        User.objects.create_user("ada")
    assert {len(e.receivers) for e in events} == {0}
    assert events[2].caused_by == "users.signals.create_profile"


def test_call_sites_name_the_host_s_line():
    """With CALL_SITES on, an event names the line that saved."""
    from tests.settings import SIGNAL_LOG

    with override_settings(SIGNAL_LOG={**SIGNAL_LOG, "CALL_SITES": True}), recorded() as events:
        Category.objects.create(name="a")
    assert events[0].call_site.startswith("tests/integration/test_causes.py:")
    assert events[0].call_site.endswith(" in test_call_sites_name_the_host_s_line")
