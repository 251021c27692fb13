"""Values that were written past Django are found in the whole log, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags

import signal_log
from signal_log.audit.breaks.continuity import ROW
from signal_log.audit.breaks.reading import breaks, breaks_of_row
from signal_log.event import MASK
from signal_log.models import SignalEvent
from tests.factories import make_event
from tests.integration.outside import Outside
from tests.pages import text
from tests.shop.models import Book, CheapItem, Item, Label, Thing

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def outside() -> Iterator[Outside]:
    """A connection of another program."""
    program = Outside()
    yield program
    program.close()


def write_past(outside: Outside, table: str, assigned: str, pk: int) -> None:
    """Have the other program change one row."""
    outside.ask(f'UPDATE "{table}" SET {assigned} WHERE id = {pk}')  # noqa: S608  our own


def fields(found: Any) -> list[tuple[str, str, Any, Any]]:
    """Return what is told of breaks, without the events."""
    return [(each.label, each.field, each.known, each.found) for each in found]


def test_what_another_program_wrote_is_found_when_django_meets_it(
    outside: Outside, root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Per object and field, with the events on both sides; masked values as they are stored; on the page too."""
    item = Item.objects.create(name="hammer", stock=5, api_token="sk-secret")
    kept = Item.objects.create(name="saw")
    before = SignalEvent.objects.get(sender="shop.Item", object_pk=str(item.pk), signal="post_save")
    write_past(outside, "shop_item", "stock = 9, price = 3.5, api_token = 'planted'", item.pk)
    fresh = Item.objects.get(pk=item.pk)
    fresh.stock, fresh.price, fresh.api_token = 10, Decimal(4), ""
    fresh.save()
    kept.stock = 1
    kept.save()
    after = SignalEvent.objects.filter(sender="shop.Item", object_pk=str(item.pk), signal="post_save").first()
    assert after is not None
    assert sorted(fields(breaks())) == [("shop.Item", "price", "0.00", "3.50"), ("shop.Item", "stock", 5, 9)]
    _, found = breaks_of_row(["shop.Item"], str(item.pk))
    assert (found.before, found.after) == (before.pk, after.pk)
    assert list(breaks(after=after.pk)) == []
    assert breaks_of_row(["shop.Item"], str(kept.pk)) == []
    with monkeypatch.context() as patch:  # a request does not read a story of any length
        patch.setattr("signal_log.audit.breaks.reading.MOST_OF_A_ROW", 1)
        assert breaks_of_row(["shop.Item"], str(item.pk)) == []
    shown = " ".join(strip_tags(text(root.get(f"/objects/shop.Item/{item.pk}/"))).split())
    assert "Written past Django" in shown
    assert f"stock was 5 after event {before.pk} and event {after.pk} found 9" in shown
    assert "planted" not in shown
    assert "Written past Django" not in text(root.get(f"/objects/shop.Item/{kept.pk}/"))


def test_a_secret_that_was_set_or_taken_away_is_found_masked() -> None:
    """Of two secrets nobody can tell whether they are one; of a secret and of null one can."""
    thing = Thing.objects.create(name="x")
    make_event(sender="shop.Thing", object_pk=str(thing.pk), changes={"secret": [MASK, None]})
    make_event(sender="shop.Thing", object_pk=str(thing.pk), changes={"secret": [MASK, MASK]})
    make_event(sender="shop.Thing", object_pk=str(thing.pk), changes={"secret": [MASK, MASK]})
    assert fields(breaks()) == [("shop.Thing", "secret", None, MASK)]


def test_a_row_that_was_deleted_and_made_past_django_is_found(outside: Outside) -> None:
    """The row is named, not each of its fields."""
    label = Label.objects.create(text="a")
    outside.ask('DELETE FROM "Shop Labels"')
    Label(pk=label.pk, text="b").save(force_insert=True)
    Label.objects.get(pk=label.pk).delete()
    outside.ask(f"INSERT INTO \"Shop Labels\" (id, text) VALUES ({label.pk}, 'c')")  # noqa: S608  our own
    Label(pk=label.pk, text="d").save()
    assert [found.field for found in breaks()] == [ROW, ROW]


def test_what_the_log_explains_is_no_break(outside: Outside) -> None:
    """Saves under other labels of the row, bulk writes by statement and by row, raw SQL, spellings, long texts."""
    item = Item.objects.create(name="hammer", price=Decimal("1.50"), weight=0.1, tags=["a", 1.0], stock=1)
    for at, price in enumerate(("1.5", "2.50", "2.5"), start=2):
        cheap = CheapItem.objects.get(pk=item.pk)
        cheap.price, cheap.weight, cheap.stock, cheap.tags = Decimal(price), at / 3, at, ["a", at, {"k": 1.0}]
        cheap.save()
    Item.objects.filter(pk=item.pk).update(stock=50)
    with signal_log.observed_bulk(Item):
        Item.objects.filter(pk=item.pk).update(name="drill", stock=51)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE shop_item SET name = 'nail' WHERE id = %s", [item.pk])
    Item.objects.get(pk=item.pk).save()
    item.stock = 3  # stale
    item.save()
    book = Book.objects.create(name="Emma", pages=10)
    parent = Item.objects.get(pk=book.pk)
    parent.name = "Persuasion"
    parent.save()
    again = Book.objects.get(pk=book.pk)
    again.name, again.pages = "Emma", 11
    again.save()
    again.delete(keep_parents=True)
    parent.name = "Sanditon"
    parent.save()
    assert list(breaks()) == []
    assert breaks_of_row(["shop.Book", "shop.CheapItem", "shop.Item"], str(item.pk)) == []
    write_past(outside, "shop_item", "name = 'screw'", item.pk)
    CheapItem.objects.get(pk=item.pk).delete()
    assert fields(breaks()) == [("shop.CheapItem", "name", "hammer", "screw")]


@pytest.mark.parametrize("explanation", ["pruned", "migrated"])
def test_pruned_rows_and_migrations_explain_what_they_may_have_changed(outside: Outside, explanation: str) -> None:
    """Between two events that are left of the log there may have been others; a new default is written to all."""
    item = Item.objects.create(stock=1, name="hammer")
    write_past(outside, "shop_item", "stock = 9", item.pk)
    applied = MigrationRecorder.Migration.objects.create(app="users", name="0099_other")
    fresh = Item.objects.get(pk=item.pk)
    fresh.stock = 10
    fresh.save()
    assert len(list(breaks())) == 1
    newest = SignalEvent.objects.latest("pk").pk
    if explanation == "pruned":
        make_event(
            signal="signal_log.maintenance", sender="signal_log.SignalEvent", object_pk="",
            source="command:signal_prune", labels={"events": f"1-{newest}", "indexes": f"g1:0-{newest - 1}"},
        )  # fmt: skip
    else:
        MigrationRecorder.Migration.objects.filter(pk=applied.pk).update(app="shop")
    assert list(breaks()) == []
    MigrationRecorder.Migration.objects.filter(pk=applied.pk).delete()


def test_a_row_of_many_breaks_takes_no_more_queries_than_one_of_few(outside: Outside) -> None:
    """A page waits for it: what may explain breaks is asked once for a row's whole story."""
    item = Item.objects.create(name="hammer", stock=0)
    asked = []
    for number in range(1, 7):
        write_past(outside, "shop_item", f"stock = {number * 10}", item.pk)
        fresh = Item.objects.get(pk=item.pk)
        fresh.stock += 1
        fresh.save()
        if number in (1, 6):
            with CaptureQueriesContext(connection) as queries:
                assert len(breaks_of_row(("shop.Item",), str(item.pk))) == number
            asked.append(len(queries))
    assert asked[0] == asked[1]
