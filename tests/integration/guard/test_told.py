"""Guarded tables tell of what other programs write, and of nothing that Django's recorder has recorded."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from decimal import Decimal
from io import StringIO
from threading import Event, Thread

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client

from signal_log import background
from signal_log.audit.breaks.reading import breaks
from signal_log.audit.guard import flag, installed, queue
from signal_log.audit.guard.events import literals
from signal_log.event import MASK, UNKNOWN
from signal_log.models import GuardedTable, PastWrite, SignalEvent
from signal_log.seal.canonical import event_digest
from signal_log.store.read import as_mapping
from tests.integration.guard.command import guard, told, warnings
from tests.integration.outside import Outside
from tests.pages import text
from tests.shop.models import Book, Item, Label
from tests.tail import database_url

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_another_program_writes_becomes_events(outside: Outside, root: Client) -> None:
    """Row by row, with old and new values, told apart by its source; the event is sealed like any other."""
    first, second = Item.objects.create(name="hammer", price=Decimal("1.5")), Item.objects.create(name="it's")
    outside.ask("UPDATE shop_item SET stock = stock + 3, sold_on = '2026-11-28', price = 2.25")
    outside.ask(f"DELETE FROM shop_item WHERE id = {first.pk}")  # noqa: S608  our own
    outside.ask("INSERT INTO \"Shop Labels\" (text) VALUES ('o''clock')")
    one, two, gone, made = told()
    assert [event.signal for event in (one, two, gone, made)] == [
        "silent_update", "silent_update", "silent_delete", "silent_insert",
    ]  # fmt: skip
    assert {event.object_pk: event.changes for event in (one, two)} == {
        str(first.pk): {"stock": [0, 3], "sold_on": [None, "2026-11-28"], "price": ["1.50", "2.25"]},
        str(second.pk): {"stock": [0, 3], "sold_on": [None, "2026-11-28"], "price": ["0.00", "2.25"]},
    }
    assert one.trace_id == two.trace_id != gone.trace_id
    assert (gone.object_pk, gone.changes["name"], gone.changes["price"]) == (
        str(first.pk), ["hammer", None], ["2.25", None],
    )  # fmt: skip
    assert (made.sender, made.changes["text"], made.created) == ("shop.Label", [None, "o'clock"], True)
    assert made.object_pk == str(Label.objects.get().pk)
    for event in (one, two, gone, made):
        assert bytes(event.digest) == event_digest(as_mapping(event), bytes(event.salt))
    assert not PastWrite.objects.exists()
    for address in (
        f"/events/{one.pk}/",
        f"/traces/{one.trace_id}/",
        "/events/?source=database",
        f"/objects/shop.Item/{first.pk}/",
    ):
        assert "database" in text(root.get(address)), address
    if connection.vendor == "postgresql":
        assert one.labels is not None
        assert one.labels["role"]
        assert one.process.startswith("postgresql:")


def test_nothing_is_told_twice_of_what_django_writes(outside: Outside) -> None:
    """Neither of saves, bulk writes, deletes, raw SQL and flushes, in a block or not, on a new connection too."""
    item = Item.objects.create(name="hammer")
    with transaction.atomic():
        item.stock = 2
        item.save()
        Item.objects.bulk_create([Item(name="a"), Item(name="b")])
    Item.objects.update(stock=3)
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE shop_item SET stock = 4")
    Book.objects.create(name="Emma").delete()
    Item.objects.all().delete()
    assert not list(PastWrite.objects.values())
    outside.ask("UPDATE shop_item SET stock = 4")  # no row
    assert not told()


def test_what_is_rolled_back_or_changes_nothing_is_not_told(outside: Outside) -> None:
    """What a trigger writes down is of the transaction of the write."""
    Item.objects.create(name="hammer")
    outside.ask("UPDATE shop_item SET stock = stock")
    outside.ask("BEGIN")
    outside.ask("UPDATE shop_item SET stock = 9")
    outside.ask("ROLLBACK")
    assert not told()


def test_secrets_are_not_even_written_down(outside: Outside) -> None:
    """Masked columns, JSON and what a row of key and value holds: that they changed is told, and no value."""
    item = Item.objects.create(name="hammer", api_token="sk-before", tags=["x"])
    outside.ask("INSERT INTO shop_setting (key, value) VALUES ('smtp_password', 'hunter2')")
    outside.ask("UPDATE shop_item SET api_token = 'sk-planted', tags = '[\"y\", \"sk-deep\"]', name = 'saw'")
    staged = " ".join(f"{row.old} {row.new} {row.hidden}" for row in PastWrite.objects.all())
    staged += " ".join(map(str, [literals(text) for row in PastWrite.objects.all() for text in literal_texts(row)]))
    assert "saw" in staged
    for secret in ("hunter2", "sk-before", "sk-planted", "sk-deep"):
        assert secret not in staged
    setting, changed = told()
    assert changed.changes == {"name": ["hammer", "saw"], "api_token": [MASK, MASK], "tags": [UNKNOWN, UNKNOWN]}
    assert setting.changes["value"] == [None, UNKNOWN]
    assert item.pk


def test_what_a_trigger_told_explains_what_django_found(outside: Outside) -> None:
    """The row's story is whole, also where the event is made after Django has met the value."""
    item = Item.objects.create(name="hammer", stock=1)
    outside.ask("UPDATE shop_item SET stock = 9")
    fresh = Item.objects.get(pk=item.pk)
    fresh.stock = 10
    fresh.save()
    assert [found.field for found in breaks()] == ["stock"]
    assert len(told()) == 1
    assert list(breaks()) == []
    outside.ask("UPDATE shop_item SET stock = 20")
    told()
    fresh.refresh_from_db()
    fresh.delete()
    assert list(breaks()) == []


def test_odd_values_are_told_as_the_recorder_tells_them(outside: Outside) -> None:
    """Long text, bytes that are none, numbers without end, quotes, line breaks and letters of any script."""
    long = "x" * 5000 + "ж"
    item = Item.objects.create(name="a")
    quoted = "l''été,\n\"NULL\",X''00''; 日本 -1"
    outside.ask(f"UPDATE shop_item SET name = '{quoted}', weight = 0.1, stock = -7, sold_on = NULL")  # noqa: S608
    outside.ask(f"INSERT INTO \"Shop Labels\" (text) VALUES ('{long[:50]}')")  # noqa: S608
    first, second = told()
    assert first.changes == {"name": ["a", quoted.replace("''", "'")], "weight": ["0.0", "0.1"], "stock": [0, -7]}
    assert second.changes["text"] == [None, long[:50]]
    assert item.pk


def test_literals_of_sqlite_are_read_back() -> None:
    """What quote() writes of any value is that value again; a text is written by its bytes."""
    values = [None, 1, -2, 0.5, 1e300, "it's, NULL", "", b"\x00\xff", "X'00'", float("inf"), "line\nbreak"]
    with closing(sqlite3.connect(":memory:")) as raw:
        (text,) = raw.execute("SELECT " + " || ',' || ".join(["quote(?)"] * len(values)), values).fetchone()
    assert literals(text) == values
    with pytest.raises(ValueError, match="no list of literals"):
        literals("1,,'open")


def literal_texts(row: PastWrite) -> list[str]:
    """What a trigger wrote down on SQLite."""
    return [text for text in (row.old, row.new) if text] if connection.vendor == "sqlite" else []


def test_text_that_is_none_keeps_nobody_waiting(outside: Outside) -> None:
    """SQLite takes any bytes for a text, and PostgreSQL none that is wrong: what cannot be read is replaced."""
    Label.objects.create(text="a")
    if connection.vendor == "postgresql":
        outside.ask("UPDATE \"Shop Labels\" SET text = 'a\ufffdb'")
        assert [one.changes["text"] for one in told()] == [["a", "a\ufffdb"]]
        return
    outside.ask("UPDATE \"Shop Labels\" SET text = CAST(x'ff41' AS text)")
    outside.ask("UPDATE \"Shop Labels\" SET text = CAST(x'610062' AS text)")
    outside.ask("UPDATE \"Shop Labels\" SET text = CAST(x'610063' AS text)")
    first, second, third = told()
    assert first.changes == {"text": ["a", "\ufffdA"]}
    assert first.labels == {"not UTF-8": "text"}
    assert (second.changes, third.changes) == ({"text": ["\ufffdA", "a␀b"]}, {"text": ["a␀b", "a␀c"]})
    assert third.labels is None


def test_what_was_noted_is_removed_by_nobody_else(outside: Outside) -> None:
    """Not in the transaction of the write either; and what waits for long is said."""
    Label.objects.create(text="a")
    outside.ask("UPDATE \"Shop Labels\" SET text = 'b'")
    for statement in ("DELETE FROM signal_log_pastwrite", "UPDATE signal_log_pastwrite SET new = ''"):
        with pytest.raises(
            (sqlite3.DatabaseError, psycopg.DatabaseError), match="only signal_guard collect removes it"
        ):
            outside.ask(statement)
    assert "too long" not in guard("list")
    PastWrite.objects.update(written_at="2026-01-02T03:04:05Z")
    late = "1 write past Django waits to become an event, the oldest since 2026-01-02T03:04:05Z."
    assert late in guard("list")
    assert [late in found.msg for found in warnings()] == [True]
    assert late in verified()
    assert len(told()) == 1
    assert not warnings()
    installed.run(connection, queue.undoing(connection, installed.schema_of(connection)))
    assert "can be removed by others" in guard("list")


def verified() -> str:
    """What verification says."""
    out = StringIO()
    with suppress(SystemExit):
        call_command("signal_verify", stdout=out)
    return out.getvalue()


@pytest.mark.postgresql
def test_a_pooled_connection_without_the_mark_makes_no_second_event(outside: Outside) -> None:
    """A transaction that wrote events of the same object was the recorder's."""
    item = Item.objects.create(name="hammer")
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('signal_log.recorder', 'off', false)")
    item.stock = 5
    item.save()
    with transaction.atomic():
        Item.objects.update(stock=6)
    assert PastWrite.objects.count() == 2
    assert not told()
    assert not PastWrite.objects.exists()
    with connection.cursor() as cursor:  # the pool of this process hands the connection out again
        cursor.execute("SELECT set_config('signal_log.recorder', 'on', false)")


@pytest.mark.postgresql
def test_a_truncate_and_a_role_without_rights_are_told(outside: Outside) -> None:
    """Who writes needs no right on the log's tables; an emptied table is one event."""
    Label.objects.create(text="a")
    outside.ask("DROP ROLE IF EXISTS clerk")
    outside.ask("CREATE ROLE clerk")
    outside.ask('GRANT SELECT, UPDATE ON "Shop Labels" TO clerk')
    outside.ask("SET ROLE clerk")
    outside.ask("UPDATE \"Shop Labels\" SET text = 'b'")
    outside.ask("RESET ROLE")
    outside.ask('TRUNCATE "Shop Labels"')
    outside.ask("DROP OWNED BY clerk; DROP ROLE clerk")
    changed, emptied = told()
    assert changed.changes == {"text": ["a", "b"]}
    assert (emptied.signal, emptied.object_pk, emptied.origin) == (
        "silent_delete", "", {"model": "shop.Label", "rows": None, "statement": "TRUNCATE"},
    )  # fmt: skip


@pytest.mark.postgresql
def test_a_write_goes_on_where_it_cannot_be_noted(outside: Outside) -> None:
    """A table of ours that is gone is a warning to the other program, not an error."""
    Label.objects.create(text="a")
    with psycopg.connect(database_url()) as other:
        other.execute("ALTER TABLE signal_log_pastwrite RENAME TO elsewhere")
        other.execute("UPDATE \"Shop Labels\" SET text = 'b'")
        assert other.execute('SELECT text FROM "Shop Labels"').fetchall() == [("b",)]
        other.rollback()


@pytest.mark.postgresql
def test_marking_a_connection_ends_no_transaction_of_the_host(outside: Outside) -> None:
    """Where the recorder is started or stopped within a block, the block goes on."""
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Item.objects.create(name="hammer")
        flag.unwatch_connections()
        flag.watch_connections()
        raise ZeroDivisionError
    assert not Item.objects.exists()


def test_a_server_makes_the_events_by_itself(outside: Outside) -> None:
    """Once a second where a table is guarded, with a connection that it keeps; elsewhere it looks now and then."""
    Item.objects.create(name="hammer")
    outside.ask("UPDATE shop_item SET stock = 9")
    job = background._guarding(Event())

    def work() -> None:
        background.do(job)
        assert job.connection is not None
        assert job.every() == 1
        GuardedTable.objects.all().delete()
        background.do(job)
        background.give_up(job)

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert not job.failed
    assert job.every() == background.UNGUARDED
    assert not PastWrite.objects.exists()
    assert SignalEvent.objects.filter(source="database", sender="shop.Item").count() == 1
