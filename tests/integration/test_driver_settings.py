"""What a host does at the driver, past Django, disturbs no read of ours, and our reads disturb nothing of it (G4)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from psycopg.rows import namedtuple_row

from signal_log.capture.model.row_sql import forget_readable
from signal_log.store.append import append
from signal_log.telemetry import keeper
from tests.factories import event_value
from tests.integration.outside import Outside
from tests.log import recorded
from tests.shop.models import Category, Gadget, Setting, Thing, Valued

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rows_by_name() -> Iterator[None]:
    """The host has its rows by name."""
    connection.ensure_connection()
    raw: Any = connection.connection
    before = raw.row_factory
    raw.row_factory = sqlite3.Row if connection.vendor == "sqlite" else namedtuple_row
    yield
    raw.row_factory = before


def test_rows_by_name(rows_by_name, autocommit_and_block):
    """They may have two columns of one name: our reads do."""
    with recorded() as events:
        valued = Valued.objects.create(text="a" * 5000, blob=b"b" * 5000)
        for qty in (2, 3):
            valued.qty = qty
            valued.save()
        with connection.cursor() as cursor:
            cursor.execute("SELECT qty FROM shop_valued")
            assert cursor.fetchone()["qty" if connection.vendor == "sqlite" else 0] == 3
        gadget = Gadget.objects.create(name="a")
        gadget.watts = 5
        gadget.save()
        valued.delete()
        keeper.write_kept()
    watts = [e.changes["watts"] for e in events if e.signal == "post_save" and e.sender == "shop.Gadget"]
    assert watts == [[None, 1], [1, 5]]
    posts = [e for e in events if e.signal.startswith("post_") and e.sender == "shop.Valued"]
    assert [e.changes["qty"] for e in posts] == [[None, 1], [1, 2], [2, 3], [3, None]]
    assert [e.overwrote for e in posts] == [[], [], [], []]


def sql(*statements: str) -> None:
    """Execute statements through a cursor of Django's."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture
def tenants() -> Iterator[None]:
    """A second schema with categories of its own, numbered by a default."""
    sql(
        "CREATE SCHEMA t2",
        "CREATE TABLE t2.shop_category (id bigserial PRIMARY KEY, name varchar(50) UNIQUE)",
        "CREATE FUNCTION tenant(text) RETURNS text LANGUAGE sql"
        " AS $$ SELECT pg_catalog.set_config('search_path', $1 || ',public', false) $$",
    )
    yield
    sql("RESET search_path", "DROP SCHEMA t2 CASCADE", "DROP FUNCTION tenant")
    forget_readable(connection)


@pytest.mark.postgresql
@pytest.mark.parametrize("way", ["function", "driver"])
def test_a_search_path_that_we_do_not_see_changing(tenants, way, autocommit_and_block):
    """A new row of the second tenant's is inserted once, and told, though the first one's sequence is another."""

    def switch(schema: str) -> None:
        if way == "function":
            sql(f"SELECT public.tenant('{schema}')")
        else:
            connection.connection.execute(f"SET search_path = {schema}, public")

    forget_readable(connection)
    mine = Category.objects.create(name="known here")
    with connection.cursor() as cursor:
        cursor.execute("DISCARD SEQUENCES")  # as on a connection that has only updated
    mine.save()
    switch("t2")
    with recorded() as events:
        keys = [Category.objects.create(name=name).pk for name in "ab"]
        connection.connection.execute("SELECT set_config('search_path', 'public', false)")
    posts = [e for e in events if e.signal == "post_save"]
    assert keys == [1, 2]
    assert [(e.changes, e.overwrote) for e in posts] == [
        ({"id": [None, k], "name": [None, n]}, []) for k, n in [(1, "a"), (2, "b")]
    ]


@pytest.mark.postgresql
def test_a_default_that_another_session_changes(tenants):
    """The sequence of a column is not asked when the column takes its values from elsewhere by now."""
    sql("SET search_path = t2, public")
    first = Category.objects.create(name="a")
    first.save()
    outside = Outside()
    outside.ask("CREATE SEQUENCE t2.elsewhere START 5000")
    outside.ask("ALTER TABLE t2.shop_category ALTER id SET DEFAULT nextval('t2.elsewhere')")
    outside.close()
    connection.connection.execute("DISCARD SEQUENCES")
    with transaction.atomic():
        assert Category.objects.create(name="b").pk == 5000


@pytest.mark.postgresql
def test_a_table_that_has_lost_a_column():
    """It is read as before."""
    with recorded() as events, pytest.raises(KeyError), transaction.atomic():
        sql("ALTER TABLE shop_category ADD gone int", "ALTER TABLE shop_category DROP gone")
        category = Category.objects.create(name="a")
        category.name = "b"
        category.save()
        raise KeyError
    assert [(e.changes["name"], e.overwrote) for e in events if e.signal == "post_save"] == [
        ([None, "a"], []),
        (["a", "b"], []),
    ]


@pytest.mark.one_database
def test_rows_that_a_statement_has_yet_to_give():
    """What is saved while they are read is committed when the statement ends, with its events, as without the app."""
    keys = [Thing.objects.create(name=name).pk for name in "abc"]
    outside = Outside()
    with recorded() as events:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE shop_thing SET qty = qty + 1 RETURNING id, qty")
            for key, qty in cursor:
                setting = Setting.objects.create(key=f"{key} {qty}")
                setting.value = "seen"
                setting.save()
                if key == keys[0]:
                    keeper.write_kept()
                    assert outside.ask("SELECT * FROM shop_setting") == []
        cursor = connection.cursor()
        cursor.execute("UPDATE shop_thing SET qty = qty + 1 RETURNING id")
        assert cursor.fetchone() == (keys[0],)
        Setting.objects.create(key="last")
        append([event_value(sender="shop.Elsewhere")] * 3, connection)
        assert Thing.objects.update(hooked=4) == 3
        cursor.close()
    assert not connection.connection.in_transaction
    assert [row[0] for row in outside.ask('SELECT "key" FROM shop_setting')] == [*(f"{key} 1" for key in keys), "last"]
    outside.close()
    posts = [e for e in events if e.signal == "post_save" and e.sender == "shop.Setting"]
    assert [(e.outcome, e.overwrote) for e in posts] == [("committed", [])] * 7
    assert [e.changes["value"] for e in posts if not e.created] == [["", "seen"]] * 3
    Setting.objects.create(key="after")
    assert set(Thing.objects.values_list("qty", "hooked")) == {(2, 4)}
