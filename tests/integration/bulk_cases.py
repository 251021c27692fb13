"""The ways to write in bulk, and the event that each written row should leave."""

import uuid
from datetime import date

from asgiref.sync import async_to_sync
from django.db import connection
from django.db.models import Case, Count, F, OuterRef, Subquery, Value, When
from django.db.models.functions import Concat

import signal_log
from tests.shop.models import Book, Category, CheapItem, Item, Label, Ticket, Token

MASKED = "••••••••"
ONE, TWO = uuid.UUID(int=1), uuid.UUID(int=2)


def fill_shop():
    """Create two categories with an item and a label each, a book, a ticket and a token, all with known keys."""
    with signal_log.pause():
        one, two = Category.objects.create(pk=1, name="one"), Category.objects.create(pk=2, name="two")
        for key, category in enumerate((one, two), 1):
            Item.objects.create(pk=key, category=category, name=f"item {key}", stock=key, api_token="sesame-open")
            Label.objects.create(pk=key, category=category, text=f"label {key}")
        Book.objects.create(pk=3, name="book", pages=10)
        Ticket.objects.create(pk=ONE, seat="A1")
        Token.objects.create(key="planted-key", note="n")
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                for table in ("shop_category", "shop_item", "Shop Labels"):
                    cursor.execute(f"SELECT setval(pg_get_serial_sequence('\"{table}\"', 'id'), 10)")
        else:
            with connection.cursor() as cursor:
                cursor.execute("UPDATE sqlite_sequence SET seq = 10")


def as_tuples(events):
    """Return the events without "silent_" and "shop.", the rows of a statement in the order of their keys."""
    events = sorted(events, key=lambda e: (min(x.id for x in events if x.occurred_at == e.occurred_at), e.object_pk))
    return [
        (e.signal.removeprefix("silent_"), e.sender.removeprefix("shop."), e.object_pk, e.object_repr, e.changes)
        for e in events
    ]


def bulk_update():
    labels = list(Label.objects.order_by("pk"))
    for label in labels:
        label.text += "!"
    return Label.objects.bulk_update(labels, ["text"])


def upsert(model, objects, by, *fields):
    return model.objects.bulk_create(objects, update_conflicts=True, unique_fields=[by], update_fields=fields)


def label(key, **changes):
    return ("update", "Label", str(key), f"Label object ({key})", changes)


def item(key, text=None, **changes):
    return ("update", "Item", str(key), text or f"Item object ({key})", changes)


def category(key, text, *, verb="update", **changes):
    return (verb, "Category", str(key), text, changes)


# For each write: the code, its return value (... if it does not matter) and its events.
WRITES = {
    "update": (
        lambda: Label.objects.filter(text="label 1").update(text="x"),
        1,
        [label(1, text=["label 1", "x"])],
    ),
    "update of what it was found by": (
        lambda: Category.objects.filter(name="one").update(name="uno"),
        1,
        [category(1, "uno", name=["one", "uno"])],
    ),
    "aupdate": (
        lambda: async_to_sync(Label.objects.all().aupdate)(text="x"),
        2,
        [label(1, text=["label 1", "x"]), label(2, text=["label 2", "x"])],
    ),
    "update that changes one row of two": (
        lambda: Label.objects.update(text="label 1"),
        2,
        [label(1), label(2, text=["label 2", "label 1"])],
    ),
    "update of a secret": (
        lambda: Item.objects.filter(pk=1).update(api_token="hunter22"),
        1,
        [item(1, api_token=[MASKED, MASKED])],
    ),
    "update with expressions": (
        lambda: Item.objects.filter(pk__lt=3).update(
            stock=F("stock") * 10,
            name=Case(When(pk=1, then=Value("first")), default=Concat(F("name"), Value("?"))),
        ),
        2,
        [
            item(1, stock=[1, 10], name=["item 1", "first"]),
            item(2, stock=[2, 20], name=["item 2", "item 2?"]),
        ],
    ),
    "update with a subquery": (
        lambda: Item.objects.filter(pk=1).update(
            name=Subquery(Category.objects.filter(pk=OuterRef("category")).values("name")[:1])
        ),
        1,
        [item(1, name=["item 1", "one"])],
    ),
    "update of many kinds": (
        lambda: Item.objects.filter(pk=1).update(
            price="1.5", weight=2.5, tags=["new"], sold_on=date(2026, 1, 2), picture="a.png"
        ),
        1,
        [
            item(
                1, price=["0.00", "1.50"], weight=["0.0", "2.5"], tags=[[], ["new"]], sold_on=[None, "2026-01-02"],
                picture=["", "a.png"],
            )
        ],
    ),
    "update through a relation": (
        lambda: Item.objects.filter(category__name="two").update(stock=9),
        1,
        [item(2, stock=[2, 9])],
    ),
    "update of an aggregate's choice": (
        lambda: Category.objects.annotate(n=Count("item")).filter(n=1, name="two").update(name="dos"),
        1,
        [category(2, "dos", name=["two", "dos"])],
    ),
    "update to an object": (
        lambda: Label.objects.filter(pk=1).update(category=Category(pk=2)),
        1,
        [label(1, category=[1, 2])],
    ),
    "update of nothing": (lambda: Label.objects.filter(pk=99).update(text="x"), 0, []),
    "update of none": (lambda: Label.objects.none().update(text="x"), 0, []),
    "update of a key": (
        lambda: Ticket.objects.update(id=TWO, seat="B2"),
        1,
        [("update", "Ticket", str(ONE), f"Ticket object ({TWO})",
          {"id": [str(ONE), str(TWO)], "seat": ["A1", "B2"]})],
    ),
    "update of keys by an expression": (
        lambda: Label.objects.update(id=F("id") + 100),
        2,
        [
            ("update", "Label", "1", "Label object (101)", {"id": [1, 101]}),
            ("update", "Label", "2", "Label object (102)", {"id": [2, 102]}),
        ],
    ),
    "update of a row whose key is a secret": (
        lambda: Token.objects.update(note="x"),
        1,
        [("update", "Token", "hmac:", MASKED, {"note": ["n", "x"]})],
    ),
    "update through a proxy": (
        lambda: CheapItem.objects.filter(pk=1).update(stock=5),
        1,
        [("update", "CheapItem", "1", "CheapItem object (1)", {"stock": [1, 5]})],
    ),
    "update of a child and its parent": (
        lambda: Book.objects.update(pages=F("pages") + 1, name="x"),
        1,
        [item(3, "x in None", name=["book", "x"]), ("update", "Book", "3", "Book object (3)", {"pages": [10, 11]})],
    ),
    "update of a child's parent alone": (
        lambda: Book.objects.update(name="x"), 1, [item(3, "x in None", name=["book", "x"])],
    ),
    "bulk_update": (
        bulk_update, 2, [label(1, text=["label 1", "label 1!"]), label(2, text=["label 2", "label 2!"])],
    ),
    "reverse add": (
        lambda: Category.objects.get(pk=1).label_set.add(*Label.objects.order_by("pk")),
        None,
        [label(1), label(2, category=[2, 1])],
    ),
    "reverse clear": (
        lambda: Category(pk=1).label_set.clear(),  # noqa: PLW0108  when it is called
        None,
        [label(1, category=[1, None])],
    ),
    "bulk_create": (
        lambda: Category.objects.bulk_create([Category(name="x"), Category(name="y")]),
        ...,
        [
            category(11, "x", verb="insert", id=[None, 11], name=[None, "x"]),
            category(12, "y", verb="insert", id=[None, 12], name=[None, "y"]),
        ],
    ),
    "bulk_create of one": (
        lambda: Category.objects.bulk_create([Category(name="x")]),
        ...,
        [category(11, "x", verb="insert", id=[None, 11], name=[None, "x"])],
    ),
    "abulk_create with keys of their own, in batches": (
        lambda: async_to_sync(Ticket.objects.all().abulk_create)(
            [Ticket(pk=uuid.UUID(int=n), seat=str(n)) for n in (5, 6)], batch_size=1
        ),
        ...,
        [
            ("insert", "Ticket", str(uuid.UUID(int=n)), f"Ticket object ({uuid.UUID(int=n)})",
             {"id": [None, str(uuid.UUID(int=n))], "seat": [None, str(n)]})
            for n in (5, 6)
        ],
    ),
    "bulk_create that ignores conflicts": (
        lambda: Category.objects.bulk_create([Category(name=n) for n in ("one", "x")], ignore_conflicts=True),
        ...,
        [category("?", "x", verb="insert", id=[None, "?"], name=[None, "x"])],
    ),
    "bulk_create of one that was there": (
        lambda: Ticket.objects.bulk_create([Ticket(pk=ONE, seat="Z")], ignore_conflicts=True), ..., [],
    ),
    "bulk_create that updates by key": (
        lambda: upsert(Ticket, [Ticket(pk=ONE, seat="B1"), Ticket(pk=TWO, seat="B2")], "id", "seat"),
        ...,
        [
            ("update", "Ticket", str(ONE), f"Ticket object ({ONE})", {"seat": ["A1", "B1"]}),
            ("insert", "Ticket", str(TWO), f"Ticket object ({TWO})", {"id": [None, str(TWO)], "seat": [None, "B2"]}),
        ],
    ),
    "bulk_create that updates by another field": (
        lambda: upsert(Category, [Category(name="two"), Category(name="x")], "name", "name"),
        ...,
        [category("?", "x", verb="insert", id=[None, "?"], name=[None, "x"]), category(2, "two")],
    ),
    "_raw_delete": (
        lambda: Label.objects.filter(pk=1)._raw_delete("default"),
        1,
        [("delete", "Label", "1", "Label object (1)",
          {"id": [1, None], "category": [1, None], "text": ["label 1", None]})],
    ),
    "_raw_delete of a child": (
        lambda: Book.objects.all()._raw_delete("default"),
        1,
        [("delete", "Book", "3", "Book object (3)", {"item_ptr": [3, None], "pages": [10, None]})],
    ),
    "_raw_delete of a row whose key is a secret": (
        lambda: Token.objects.all()._raw_delete("default"),
        1,
        [("delete", "Token", "hmac:", MASKED, {"key": [MASKED, None], "note": ["n", None]})],
    ),
}  # fmt: skip
IDENTITY = ("bulk_create that ignores conflicts", "bulk_create that updates by another field")


def unified(name, found):
    """Hide the keys of these writes, because PostgreSQL's sequence also counts rows that are then not inserted."""
    if name not in IDENTITY:
        return [(v, s, pk[:5] if pk.startswith("hmac:") else pk, text, c) for v, s, pk, text, c in found]
    return [
        (v, s, "?", text, {**c, "id": [None, "?"]}) if v == "insert" and c["id"] == [None, int(pk)] else
        (v, s, pk, text, c) for v, s, pk, text, c in found
    ]  # fmt: skip
