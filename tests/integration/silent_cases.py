"""Writes that send no signal, and the events that each of them leaves."""

from asgiref.sync import async_to_sync
from django.db import connection
from django.db.models import Case, F, OuterRef, Subquery, Value, When

from tests.shop.models import Book, Category, CheapItem, Item, Label


def sql(statement, params=None):
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


def sql_many(statement, params):
    with connection.cursor() as cursor:
        cursor.executemany(statement, params)


def bulk_update(shelves):
    for shelf in shelves:
        shelf.name += "!"
    Category.objects.bulk_update(shelves, ["name"])


# For each write: the code, and its events as (signal, sender, object_repr, changes).
WRITES = {
    "update": (
        lambda _: Category.objects.filter(name="a").update(name="z"),
        [("silent_update", "shop.Category", "1 row", {"name": [None, "z"]})],
    ),
    "aupdate": (
        lambda _: async_to_sync(Item.objects.all().aupdate)(stock=5),
        [("silent_update", "shop.Item", "3 rows", {"stock": [None, 5]})],
    ),
    "update of a secret and of an expression": (
        lambda _: Item.objects.update(api_token="hunter22", stock=F("stock") + 1, picture=""),
        [
            (
                "silent_update",
                "shop.Item",
                "3 rows",
                {"api_token": [None, "••••••••"], "stock": [None, "F(stock) + Value(1)"], "picture": [None, ""]},
            )
        ],
    ),
    "update to an object, a case, a subquery": (
        lambda shelves: Item.objects.update(
            category=shelves[1],
            stock=Case(When(name="x", then=Value(1)), default=Value(2)),
            name=Subquery(Category.objects.filter(pk=OuterRef("category")).values("name")[:1]),
        ),
        [
            (
                "silent_update",
                "shop.Item",
                "3 rows",
                {"category": [None, "PK"], "stock": [None, "(one of several values)"], "name": [None, "(a subquery)"]},
            )
        ],
    ),
    "update through a proxy": (
        lambda _: CheapItem.objects.update(stock=5),
        [("silent_update", "shop.CheapItem", "3 rows", {"stock": [None, 5]})],
    ),
    "update of a child and its parent": (
        lambda _: (Book.objects.create(), Book.objects.update(pages=9, name="x"))[1],
        [
            ("silent_update", "shop.Book", "1 row", {"pages": [None, 9]}),
            ("silent_update", "shop.Item", "1 row", {"name": [None, "x"]}),
        ],
    ),
    "update that finds nothing": (lambda _: Category.objects.filter(name="nobody").update(name="z"), []),
    "reverse add and clear": (
        lambda shelves: (shelves[0].label_set.add(*Label.objects.all()), shelves[0].label_set.clear()),
        [
            ("silent_update", "Label", "3 rows", {"category": [None, "PK"]}),
            ("silent_update", "Label", "3 rows", {"category": [None, None]}),
        ],
    ),
    "bulk_create": (
        lambda _: Category.objects.bulk_create([Category(name=n) for n in "xyz"]),
        [("silent_insert", "shop.Category", "3 rows", {})],
    ),
    "bulk_create in batches": (
        lambda _: Category.objects.bulk_create([Category(name=n) for n in "xyz"], batch_size=2),
        [("silent_insert", "shop.Category", "2 rows", {}), ("silent_insert", "shop.Category", "1 row", {})],
    ),
    "bulk_create that ignores conflicts": (
        lambda _: Category.objects.bulk_create([Category(name=n) for n in "ax"], ignore_conflicts=True),
        [("silent_insert", "shop.Category", "1 row", {})],
    ),
    "bulk_create that updates conflicts": (
        lambda _: Label.objects.bulk_create(
            [Label(pk=label.pk, text="new") for label in Label.objects.all()],
            update_conflicts=True,
            unique_fields=["pk"],
            update_fields=["text"],
        ),
        [("silent_insert", "Label", "3 rows", {})],
    ),
    "bulk_update": (
        bulk_update,
        [("silent_update", "shop.Category", "3 rows", {"name": [None, "(one of several values)"]})],
    ),
    "_raw_delete": (
        lambda _: Label.objects.all()._raw_delete("default"),
        [("silent_delete", "Label", "3 rows", {})],
    ),
    "raw update": (
        lambda _: sql("UPDATE shop_category SET name = %s WHERE name = %s", ["z", "a"]),
        [("silent_update", "shop.Category", "1 row", {})],
    ),
    "raw insert": (
        lambda _: sql("/* hello */ insert INTO \"shop_category\" (name) values ('x'), ('y')"),
        [("silent_insert", "shop.Category", "2 rows", {})],
    ),
    "raw delete from a table with a strange name": (
        lambda _: sql('DELETE FROM "Shop Labels"'),
        [("silent_delete", "Label", "3 rows", {})],
    ),
    "raw statement with a common table expression": (
        lambda _: sql("WITH x AS (SELECT 'z' AS n) UPDATE shop_category SET name = name || (SELECT n FROM x)"),
        [("silent_update", "shop.Category", "3 rows", {})],
    ),
    "executemany": (
        lambda _: sql_many("INSERT INTO shop_category (name) VALUES (%s)", [("x",), ("y",)]),
        [("silent_insert", "shop.Category", "2 rows", {})],
    ),
}
