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
UPGRADED = "after the upgrade"


def connect() -> None:
    """Connect the faulty receivers."""
    for receiver, sender, uid in FAULTS:
        post_save.connect(receiver, sender=sender, dispatch_uid=uid, weak=False)


def upgrade() -> None:
    """The shop's next version: one receiver is no longer connected twice, another one is."""
    post_save.disconnect(reindex, sender=Category, dispatch_uid="again")
    post_save.connect(sync_crm, sender=Thing, dispatch_uid=UPGRADED, weak=False)


def downgrade() -> None:
    """The version before."""
    post_save.disconnect(sync_crm, sender=Thing, dispatch_uid=UPGRADED)
    connect()


@contextmanager
def faults() -> Iterator[None]:
    """Have the faulty receivers connected, of whichever version."""
    connect()
    try:
        yield
    finally:
        downgrade()
        for receiver, sender, uid in FAULTS:
            post_save.disconnect(receiver, sender=sender, dispatch_uid=uid)


def stock_up() -> None:
    """Have what the others find, and nothing that was before; none of it is recorded."""
    with signal_log.pause():
        for model in (Category, Item, Thing):
            model.objects.all().delete()
        Category.objects.create(name="all items")
        Item.objects.bulk_create(Item(name="stocked") for _ in range(12))


def import_staff() -> None:
    """Make one that the other system is told of."""
    Thing.objects.create(name="staff")


def open_shop() -> None:
    """Make a category."""
    Category.objects.create(name="books")


def order_labels() -> None:
    """Make a label."""
    Label.objects.create(text="monday")


def load_fixture() -> None:
    """Save as ``loaddata`` does."""
    Category(name="from a fixture").save_base(raw=True)


DAY = (import_staff, open_shop, order_labels, load_fixture)


def shift() -> None:
    """A day of the shop, each act a trace of its own."""
    stock_up()
    for act in DAY:
        with signal_log.context(source=f"command:{act.__name__}"):
            act()
    keeper.write_kept()
