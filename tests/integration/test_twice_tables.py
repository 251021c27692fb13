"""Tables that are not quite tables, and triggers that have the last word, work as without the app (G4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, models
from django.test.utils import isolate_apps

from tests.integration.twice import Host, both_ways, compare
from tests.shop.models import Thing

pytestmark = pytest.mark.django_db(transaction=True)
SQLITE_TRIGGER = "CREATE TRIGGER {name} {when} ON {table} BEGIN {body} END"
POSTGRES_TRIGGER = (
    "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;"
    "CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
)


@contextmanager
def made(host: Host, create: list[str], drop: list[str]) -> Iterator[None]:
    """Have something in the database while a program runs."""
    for statement in create:
        host.outside.ask(statement)
    try:
        yield
    finally:
        for statement in drop:
            host.outside.ask(statement)


@contextmanager
def trigger(host: Host, when: str, *, sqlite: str, postgres: str, table: str = "shop_thing") -> Iterator[None]:
    """Have a trigger of the host's while a program runs."""
    if connection.vendor == "sqlite":
        create = SQLITE_TRIGGER.format(name="hosts", when=when, table=table, body=sqlite)
        drop = "DROP TRIGGER hosts"
    else:
        create = POSTGRES_TRIGGER.format(name="hosts", when=when, table=table, body=postgres)
        drop = "DROP FUNCTION hosts CASCADE"
    with made(host, [create], [drop]):
        yield


def inserted_updated_deleted(host: Host, model: type[models.Model] = Thing) -> None:
    """Save and delete in the ways that ask the database different things."""
    host.step(lambda: model(id=1, name="a").save())
    host.step(lambda: model(id=1, name="b").save())
    host.step(lambda: model.objects.get(pk=1).save())
    host.step(lambda: model(id=2, name="c").save(force_insert=True))
    host.step(lambda: model(id=2, name="d").save(force_update=True))
    host.step(lambda: model(id=3, name="e").save())
    host.step(lambda: list(model.objects.values_list("pk", "name").order_by("pk")))
    host.step(lambda: model.objects.filter(name="b").update(name="f"))
    host.step(lambda: model(id=1, name="b").delete())
    host.step(lambda: model.objects.all().delete())
    host.step(lambda: list(model.objects.values_list("pk", "name").order_by("pk")))


@both_ways
@pytest.mark.parametrize("verb", ["INSERT", "UPDATE", "DELETE"])
def test_a_trigger_that_swallows_the_row(verb, block):
    """A statement that reaches no row is answered by Django as ever: tried as an INSERT, or refused."""

    def program(host: Host) -> None:
        with trigger(host, f"BEFORE {verb}", sqlite="SELECT RAISE(IGNORE);", postgres="RETURN NULL;"):
            inserted_updated_deleted(host)

    compare(program, block=block)


@both_ways
@pytest.mark.parametrize("verb", ["INSERT", "UPDATE", "DELETE"])
def test_a_trigger_that_raises(verb, block):
    """The host gets the trigger's own error."""
    raises = "SELECT RAISE(ABORT, 'not today');"

    def program(host: Host) -> None:
        with trigger(host, f"BEFORE {verb}", sqlite=raises, postgres="RAISE EXCEPTION 'not today';"):
            inserted_updated_deleted(host)

    compare(program, block=block)


@both_ways
def test_a_trigger_that_changes_the_row(block):
    """What a trigger writes stays."""
    sqlite = "UPDATE shop_thing SET qty = qty + 7 WHERE id = NEW.id;"
    postgres = "UPDATE shop_thing SET qty = qty + 7 WHERE id = NEW.id; RETURN NULL;"

    def program(host: Host) -> None:
        with trigger(host, "AFTER INSERT", sqlite=sqlite, postgres=postgres):
            inserted_updated_deleted(host)

    compare(program, block=block)


@both_ways
def test_a_trigger_that_writes_elsewhere(block):
    """A trigger may write rows of its own, of which no statement of the host's tells."""
    sqlite = "INSERT INTO shop_note (text) VALUES (NEW.name);"
    postgres = "INSERT INTO shop_note (text) VALUES (NEW.name); RETURN NULL;"

    def program(host: Host) -> None:
        with trigger(host, "AFTER UPDATE", sqlite=sqlite, postgres=postgres):
            inserted_updated_deleted(host)

    compare(program, block=block)


@isolate_apps("tests.shop")
@both_ways
@pytest.mark.postgresql
def test_a_view_that_can_be_updated(block):
    """PostgreSQL writes through a simple view, which can neither be locked like a table nor numbered."""

    class Plain(models.Model):
        name = models.CharField(max_length=50)
        qty = models.IntegerField(default=0)
        hooked = models.IntegerField(default=0)

        class Meta:
            app_label = "shop"
            db_table = "shop_plain"
            managed = False

    view = "CREATE VIEW shop_plain AS SELECT id, name, qty, hooked FROM shop_thing WHERE qty < 100"

    def program(host: Host) -> None:
        with made(host, [view], ["DROP VIEW shop_plain"]):
            inserted_updated_deleted(host, Plain)

    compare(program, block=block, also=[Plain])


@isolate_apps("tests.shop")
@both_ways
def test_a_view_with_a_trigger_instead(block):
    """A view over two tables that is written by `INSTEAD OF` triggers, and in which no row may come back."""

    class Joined(models.Model):
        id = models.IntegerField(primary_key=True)
        name = models.CharField(max_length=50)

        class Meta:
            app_label = "shop"
            db_table = "shop_joined"
            managed = False

    bodies = {
        "INSERT": "INSERT INTO shop_thing (id, name, qty, hooked) VALUES (NEW.id, NEW.name, 0, 0);",
        "UPDATE": "UPDATE shop_thing SET name = NEW.name WHERE id = OLD.id;",
        "DELETE": "DELETE FROM shop_thing WHERE id = OLD.id;",
    }
    returned = {"INSERT": "RETURN NEW;", "UPDATE": "RETURN NEW;", "DELETE": "RETURN OLD;"}
    postgres = connection.vendor == "postgresql"
    create = ["CREATE VIEW shop_joined AS SELECT thing.id, thing.name FROM shop_thing thing, (SELECT 1) one"]
    for verb, body in bodies.items():
        template = POSTGRES_TRIGGER if postgres else SQLITE_TRIGGER
        does = body + returned[verb] * postgres
        create.append(template.format(name=f"on_{verb}", when=f"INSTEAD OF {verb}", table="shop_joined", body=does))
    drop = ["DROP VIEW shop_joined", *(f"DROP FUNCTION on_{verb}" for verb in bodies if postgres)]

    def program(host: Host) -> None:
        with made(host, create, drop):
            inserted_updated_deleted(host, Joined)

    compare(program, block=block, also=[Joined])


@isolate_apps("tests.shop")
@both_ways
def test_a_table_without_a_primary_key(block):
    """A table whose key is one in Django alone may hold two rows of one key."""

    class Loose(models.Model):
        id = models.IntegerField(primary_key=True)
        name = models.CharField(max_length=50)

        class Meta:
            app_label = "shop"
            db_table = "shop_loose"
            managed = False

    def program(host: Host) -> None:
        with made(host, ["CREATE TABLE shop_loose (id integer, name varchar(50))"], ["DROP TABLE shop_loose"]):
            host.step(lambda: Loose(id=1, name="a").save(force_insert=True))
            host.step(lambda: Loose(id=1, name="b").save(force_insert=True))
            inserted_updated_deleted(host, Loose)

    compare(program, block=block, also=[Loose])


@isolate_apps("tests.shop")
@both_ways
def test_a_table_that_is_missing_or_lacks_a_column(block):
    """The host gets the database's own error, and its transaction is in the state that this error leaves."""

    class Missing(models.Model):
        name = models.CharField(max_length=50)

        class Meta:
            app_label = "shop"
            db_table = "shop_missing"
            managed = False

    class Ahead(models.Model):
        name = models.CharField(max_length=50)
        colour = models.CharField(max_length=9)

        class Meta:
            app_label = "shop"
            db_table = "shop_category"
            managed = False

    def program(host: Host) -> None:
        for model in (Missing, Ahead):
            host.step(lambda model=model: model(name="a").save())
            host.step(lambda model=model: model(pk=1, name="a").save())
            host.step(lambda model=model: model(pk=1, name="a").delete())

    compare(program, block=block, also=[Missing, Ahead])
