"""A host that sends a model's signal itself may send anything: it is recorded, and never ends in an error of ours."""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from django.db import transaction
from django.db.models.signals import post_save

from signal_log.capture.signals.dispatch import observe
from tests.coroutines import run
from tests.log import recorded
from tests.shop.models import Item

pytestmark = pytest.mark.django_db(transaction=True)

ODD = [
    {},
    {"instance": None},
    {"instance": Mock(pk=1)},
    {"instance": SimpleNamespace(pk=1)},
    {"instance": Item},
    {"instance": Item(pk=1), "using": "nowhere"},
    {"instance": Item(pk=1), "using": object()},
    {"instance": Item(pk=1), "update_fields": 5},
    {"instance": Item(pk=1), "created": 7},
    {"instance": Item(pk=1), "created": object(), "raw": object(), "origin": object()},
]


@pytest.fixture
def received():
    """What a receiver of the host's gets."""
    got = []

    def receive(signal, sender, **named):
        got.append(named)
        return "received"

    post_save.connect(receive, sender=Item)
    yield got
    post_save.disconnect(receive, sender=Item)


def test_odd_arguments(received):
    """The host's receivers get them, its block is committed, and each has an event."""
    for named in ODD:
        with recorded() as events, transaction.atomic():
            Item.objects.create(name="beside")
            responses = post_save.send(Item, **named)
        assert [response for _, response in responses] == ["received"]
        assert received[-1] == named
        by_hand = [event for event in events if event.origin]
        assert [(event.signal, event.outcome) for event in by_hand] == [("post_save", "committed")]
        assert by_hand[0].created is None
    assert Item.objects.count() == len(ODD)


async def _asend(**named):
    return await post_save.asend(Item, **named)


async def _asend_robust(**named):
    return await post_save.asend_robust(Item, **named)


@pytest.mark.parametrize(
    "send",
    [
        lambda **named: post_save.send_robust(Item, **named),
        lambda **named: run(_asend(**named)),
        lambda **named: run(_asend_robust(**named)),
    ],
)
def test_other_ways_of_sending(received, send):
    """They are recorded, and the recorder's own receiver is not among the responses."""
    item = Item.objects.create()
    with recorded() as events:
        responses = send(instance=item, created=False)
    assert [response for _, response in responses] == ["received"]
    assert observe not in [receiver for receiver, _ in responses]
    assert [(event.signal, event.object_pk, event.origin["sent_by_hand"]) for event in events] == [
        ("post_save", str(item.pk), True)
    ]
