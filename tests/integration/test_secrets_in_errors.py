"""No error that the log or telemetry keeps quotes a masked value, wherever in the trace it was held (G7)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from django.db import transaction
from django.db.models.signals import post_save, pre_save

import signal_log
from signal_log.models import ReceiverCall, SignalEvent
from tests.shop.models import Category, Item

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "hunter2-'secret"


def rolled_back(_: Callable) -> None:
    """The host's own code raises after the save."""
    with transaction.atomic():
        Item.objects.create(api_token=SECRET)
        raise ValueError("bad password " + SECRET)


def deleted(_: Callable) -> None:
    """A delete is taken back."""
    item = Item.objects.create(api_token=SECRET)
    with transaction.atomic():
        item.delete()
        raise ValueError(SECRET)


def written_in_bulk(_: Callable) -> None:
    """A write without signals is taken back."""
    with transaction.atomic():
        Item.objects.bulk_create([Item(api_token=SECRET)])
        raise ValueError(SECRET)


def nested(receiver: Callable) -> None:
    """A receiver of another model quotes what it has saved."""

    def save(**_: object) -> None:
        Item.objects.create(api_token=SECRET)
        raise ValueError("x" + SECRET)

    receiver(pre_save, save, Category)
    Category.objects.create(name="a")


def before(receiver: Callable) -> None:
    """The old value is quoted."""
    item = Item.objects.create(api_token=SECRET)

    def complain(**_: object) -> None:
        raise ValueError("was " + SECRET)

    receiver(pre_save, complain, Item)
    item.api_token = "another-one"
    item.save()


def cut(receiver: Callable) -> None:
    """The text is cut in the middle of the value."""

    def complain(**_: object) -> None:
        raise ValueError("x" * 480 + SECRET)

    receiver(post_save, complain, Item)
    Item.objects.create(api_token=SECRET)


def escaped(receiver: Callable) -> None:
    """The value is quoted as Python writes it."""

    def complain(**_: object) -> None:
        raise ValueError(repr({"token": SECRET, "and": '"'}))

    receiver(post_save, complain, Item)
    with transaction.atomic():
        Item.objects.create(api_token=SECRET)


@pytest.mark.parametrize("way", [rolled_back, deleted, written_in_bulk, nested, before, cut, escaped])
def test_no_error_quotes_a_masked_value(way):
    """Neither in an event nor in a receiver's call."""

    def connect(signal, function, sender):
        signal.connect(function, sender=sender, weak=False)
        connected.append((signal, function, sender))

    connected: list = []
    try:
        with suppress(ValueError), signal_log.context(source="task"):
            way(connect)
    finally:
        for signal, function, sender in connected:
            signal.disconnect(function, sender=sender)
    errors = [
        *SignalEvent.objects.values_list("error", flat=True),
        *ReceiverCall.objects.values_list("error", flat=True),
    ]
    assert any(errors), errors
    assert not [error for error in errors if "hunter2" in error]


def test_a_key_error_says_which_key() -> None:
    """The class's name has the word *key* in it, and names no secret."""

    def complain(**_: object) -> None:
        raise KeyError("shelf")

    pre_save.connect(complain, sender=Category)
    try:
        with suppress(KeyError), signal_log.context(source="task"):
            Category.objects.create(name="a")
    finally:
        pre_save.disconnect(complain, sender=Category)
    failed = SignalEvent.objects.latest("pk")
    assert (failed.outcome, failed.error) == ("failed", "KeyError: 'shelf'")
    assert ReceiverCall.objects.latest("pk").error == "KeyError: 'shelf'"
