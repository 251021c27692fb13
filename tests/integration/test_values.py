"""Old and new values, and the texts of objects, are recorded without a query and without a secret."""

import contextlib
from datetime import date
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F
from django.db.models.signals import pre_save
from django.test.utils import CaptureQueriesContext

from signal_log.event import MASK
from signal_log.models import SignalEvent
from tests.log import recorded
from tests.shop.models import Category, Grumpy, Item, Ticket, Token

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def changes_of_save(instance, **kwargs):
    """Return the post event's changes of one save."""
    with recorded() as events:
        instance.save(**kwargs)
    return events[-1].changes


def test_create_update_delete():
    """On create the old value is null, on update only differences count, on delete the new value is null."""
    with recorded() as events:
        category = Category.objects.create(name="books")
        category.name = "novels"
        category.save()
        pk = category.pk
        category.delete()
    assert [e.changes for e in events] == [
        {"name": [None, "books"]},
        {"id": [None, pk], "name": [None, "books"]},
        {"name": ["books", "novels"]},
        {"name": ["books", "novels"]},
        {"id": [pk, None], "name": ["novels", None]},
        {"id": [pk, None], "name": ["novels", None]},
    ]
    assert {e.object_pk for e in events[1:]} == {str(pk)}


def test_loaded_instance_is_compared_without_a_query():
    """`from_db` keeps what was loaded, so an update is one statement, as without the log."""
    Category.objects.create(name="books")
    category = Category.objects.get()
    category.name = "novels"
    with CaptureQueriesContext(
        connection,
    ) as queries:
        category.save()
    assert [q["sql"].split()[0] for q in queries] == ["UPDATE"]
    assert SignalEvent.objects.first().changes == {"name": ["books", "novels"]}


def test_instance_that_nobody_loaded_costs_one_query():
    """A row addressed only by its key is looked up once, so that the old value is known."""
    pk = Category.objects.create(name="books").pk
    assert changes_of_save(Category(pk=pk, name="novels")) == {"name": ["books", "novels"]}


def test_json_changed_in_place():
    """A list changed in place is compared with a copy of what was loaded."""
    Item.objects.create(tags=["a"])
    item = Item.objects.get()
    item.tags.append("b")
    assert changes_of_save(item)["tags"] == [["a"], ["a", "b"]]
    item.tags.append("c")
    assert changes_of_save(item)["tags"] == [["a", "b"], ["a", "b", "c"]]


def test_json_that_a_receiver_changes_in_place_before_the_write():
    """The pre event says what was about to be written, the post event what was written."""
    Item.objects.create(tags=["a"])
    item = Item.objects.get()
    item.tags.append("b")

    def add_another(instance, **kwargs):
        instance.tags.append("c")

    pre_save.connect(add_another, sender=Item)
    try:
        with recorded() as events:
            item.save()
    finally:
        pre_save.disconnect(add_another, sender=Item)
    assert [e.changes["tags"] for e in events] == [[["a"], ["a", "b"]], [["a"], ["a", "b", "c"]]]


def test_update_fields_limit_the_changes():
    """Only the fields that are written count, and the others are still to be saved."""
    item = Item.objects.create(name="a", stock=1)
    item.name, item.stock = "b", 2
    changes = changes_of_save(item, update_fields=["stock"])
    assert changes == {"stock": [1, 2]}
    assert changes_of_save(item)["name"] == ["a", "b"]


def test_deferred_fields_are_no_change():
    """A field that was not loaded is not queried; one that is set counts as changed."""
    Item.objects.create(name="a", stock=1)
    item = Item.objects.only("id", "stock").get()
    item.stock = 5
    assert changes_of_save(item) == {"stock": [1, 5]}


def test_same_value_in_another_type_is_not_a_change():
    """What the database would store unchanged is not reported: "5" for 5, "1.50" for Decimal("1.5")."""
    item = Item.objects.create(stock=5, price=Decimal("1.50"), sold_on=date(2026, 1, 2))
    item.stock, item.price, item.sold_on = "5", "1.5", "2026-01-02"
    assert set(changes_of_save(item)) == {"changed_at"}


def test_expressions_are_shown_as_text_and_not_taken_for_values():
    """`F()` is recorded as its text, and afterwards the stored value counts as unknown."""
    item = Item.objects.create(stock=1)
    item.stock = F("stock") + 1
    assert changes_of_save(item, update_fields=["stock"])["stock"][0] == 1
    item.refresh_from_db()
    item.stock = 7
    assert changes_of_save(item, update_fields=["stock"]) == {"stock": [2, 7]}


def test_an_expression_that_is_saved_again_is_recorded_again():
    """It is applied again: the result of the first save is unknown, not "the same as before"."""
    item = Item.objects.create(stock=1)
    item.stock = F("stock") + 1
    assert changes_of_save(item, update_fields=["stock"])["stock"][0] == 1
    again = changes_of_save(item, update_fields=["stock"])
    row = Item.objects.get()
    if item.stock == 2:  # Django 6 reads the value back, so the second save writes what is there
        assert again == {}
        assert row.stock == 2
    else:
        assert again["stock"][0] in (2, None)
        assert row.stock == 3


def test_value_that_a_receiver_puts_back_before_the_write():
    """The value to be written is in the pre event, and is not a change in the post event."""
    category = Category.objects.create(name="books")

    def put_back(instance, **kwargs):
        instance.name = "books"

    pre_save.connect(put_back, sender=Category)
    try:
        category.name = "novels"
        with recorded() as events:
            category.save()
    finally:
        pre_save.disconnect(put_back, sender=Category)
    assert [e.changes for e in events] == [{"name": ["books", "novels"]}, {}]


def test_values_in_json_domain():
    """Decimals, floats, dates and keys become text or integers; NaN becomes text."""
    category = Category.objects.create(name="c")
    with recorded() as events:
        Item.objects.create(category=category, price=Decimal("1.5"), weight=0.25, sold_on=date(2026, 1, 2))
    changes = events[1].changes
    assert changes["category"] == [None, category.pk]
    assert (changes["price"][1], changes["weight"][1], changes["sold_on"][1]) == ("1.50", "0.25", "2026-01-02")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("\u202eevil", "\u202eevil"),
        ("\ud800 lone", "\ufffd\ufffd\ufffd lone"),
        ("nul \x00 byte", "nul ␀ byte"),
        ("é" * 40, "é" * 40),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_hostile_text_is_stored(text, shown):
    """Anything that Python calls a text can be recorded, and what the database refuses is replaced."""
    item = Item(tags=[text])
    with recorded() as events, contextlib.suppress(Exception):  # the host's own column may refuse it
        item.save()
    assert events[0].signal == "pre_save"
    assert events[0].changes["tags"][1] == [shown]


def test_long_value_is_cut_with_its_length_and_hash():
    """A megabyte of text leaves its beginning, its length and its SHA-256."""
    changes = changes_of_save(Item(tags=["x" * 1_000_000]))
    assert len(changes["tags"][1]) < 4300
    assert "1000004 characters, SHA-256 " in changes["tags"][1]


def test_object_text_never_queries():
    """If `str()` would load a relation, class and key are used instead, without a query."""
    category = Category.objects.create(name="c")
    Item.objects.create(category=category)
    item = Item.objects.get()
    item.stock = 9
    with CaptureQueriesContext(connection) as queries:
        item.save(update_fields=["stock"])
    assert len(queries) == 1
    assert SignalEvent.objects.first().object_repr == f"Item object ({item.pk})"
    item = Item.objects.select_related("category").get()
    item.save()
    assert SignalEvent.objects.first().object_repr == "thing in c"


def test_object_text_that_raises():
    """An object whose text raises is recorded under its class and key."""
    with recorded() as events:
        grumpy = Grumpy.objects.create()
        grumpy.delete()
    assert events[-1].object_repr.startswith("Grumpy object (")


def test_secrets_are_masked_whole():
    """Passwords and tokens are masked by name, old and new, and so are other texts that contain them (G7)."""
    with recorded() as events:
        user = User.objects.create_user("ada", password="correct horse battery")
        user.set_password("staple staple")
        user.save()
        item = Item.objects.create(api_token="tok-123456", tags=[{"secret": "tok-654321", "colour": "red"}])
        token = Token.objects.create(key="feedfacefeedface")
        token.delete()
        item.delete()
    everything = "".join(str(vars(e)) for e in events)
    for secret in ("correct horse", "staple", user.password, "tok-", "feedface"):
        assert secret not in everything
    assert [e.changes["password"] for e in events if "password" in e.changes][:2] == [[None, MASK]] * 2
    assert [e for e in events if e.sender == "auth.User"][-1].changes == {"password": [MASK, MASK]}
    created = next(e for e in events if e.sender == "shop.Item" and e.created)
    assert created.changes["tags"] == [None, [{"secret": MASK, "colour": "red"}]]
    assert {e.object_repr for e in events if e.sender == "shop.Token"} == {MASK}
    assert all(e.object_pk.startswith("hmac:") for e in events if e.sender == "shop.Token")


def test_copying_an_instance_is_a_create():
    """The idiom `pk = None; save()` creates a row, so every field is new."""
    category = Category.objects.create(name="a")
    category.pk, category.name, category._state.adding = None, "b", True
    assert changes_of_save(category) == {"id": [None, category.pk], "name": [None, "b"]}


def test_keys_of_any_kind():
    """A UUID key is recorded as its text."""
    ticket = Ticket.objects.create()
    assert SignalEvent.objects.first().object_pk == str(ticket.pk)


def test_digest_verifies_from_the_stored_row():
    """The digest can be computed again from the stored row, on either database."""
    from signal_log.seal.canonical import event_digest
    from signal_log.store.read import as_mapping

    user = User.objects.create_user("ädä 🦉", email="ada@example.org")
    user.delete()
    events = list(SignalEvent.objects.all())
    assert len(events) >= 8
    for event in events:
        assert event_digest(as_mapping(event), bytes(event.salt)) == bytes(event.digest)


def test_loading_is_not_queried():
    """Loading observed models makes no more queries than without the log."""
    Category.objects.create(name="a")
    with CaptureQueriesContext(connection) as queries:
        list(Category.objects.all())
        Category.objects.get().refresh_from_db()
    assert len(queries) == 3
