"""A shop whose receivers have the faults that developers look for, each once; ``shift()`` is a day of its work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, transaction
from django.db.models.signals import post_save

import signal_log
from signal_log.telemetry import keeper
from tests.shop.models import Category, Item, Label, Thing


def sync_crm(sender, instance, **kwargs):
    """Slow: it talks to another system before anybody gets an answer."""
    time.sleep(0.15)


def reindex(sender, instance, **kwargs):
    """Connected twice."""


def open_shelf(sender, instance, created, **kwargs):
    """A hidden cascade: who creates a category does not expect items."""
    if created:
        Item.objects.create(name="shelf", category=instance)


def number_item(sender, instance, created, **kwargs):
    """Swallows an exception: the name is taken, and nobody is told."""
    if created:
        try:
            with transaction.atomic():
                Category.objects.create(name="all items")
        except IntegrityError:
            pass


def set_stock(sender, instance, created, **kwargs):
    """Saves the same object again."""
    if created:
        instance.stock = 1
        instance.save()


def restock(sender, instance, created, **kwargs):
    """One save for each of many: N+1."""
    if created:
        for item in Item.objects.filter(name="stocked"):
            item.stock += 1
            item.save()


def greet(sender, instance, **kwargs):
    """Writes while a fixture is loaded."""
    Label.objects.create(text="hello")


FAULTS = (
    (sync_crm, Thing, None), (reindex, Category, None), (reindex, Category, "again"), (open_shelf, Category, None),
    (number_item, Item, None), (set_stock, Item, None), (restock, Label, None), (greet, Category, None),
)  # fmt: skip


@contextmanager
def faults() -> Iterator[None]:
    """Connect the faulty receivers."""
    for receiver, sender, uid in FAULTS:
        post_save.connect(receiver, sender=sender, dispatch_uid=uid, weak=False)
    try:
        yield
    finally:
        for receiver, sender, uid in FAULTS:
            post_save.disconnect(receiver, sender=sender, dispatch_uid=uid)


def shift() -> None:
    """Import, restock and load a fixture, each a trace of its own."""
    with signal_log.pause():
        Category.objects.get_or_create(name="all items")
        Item.objects.bulk_create(Item(name="stocked") for _ in range(12))
    with signal_log.context(source="command:import_staff"):
        Thing.objects.create(name="staff")
    with signal_log.context(source="command:open_shop"):
        Category.objects.create(name="books")
    with signal_log.context(source="command:restock"):
        Label.objects.create(text="monday")
    with signal_log.context(source="command:loaddata"):
        Category(name="from a fixture").save_base(raw=True)
    keeper.write_kept()
