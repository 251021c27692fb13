"""PostgreSQL's ways to refuse, to hide and to be reached: the same as without the app (G4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.backends.postgresql.psycopg_any import IsolationLevel

from signal_log.models import SignalEvent
from tests.integration import acts
from tests.integration.outside import Outside
from tests.integration.test_twice_saves import inserted_and_updated
from tests.integration.test_twice_tables import inserted_updated_deleted
from tests.integration.twice import Host, both_ways, compare
from tests.shop.models import Thing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


@contextmanager
def connected(**changes: Any) -> Iterator[None]:
    """Connect with other options; entries in capitals are settings of the database beside them."""
    place = connection.settings_dict
    before = dict(place)
    connection.close()
    connection.close_pool()
    options = {name: value for name, value in changes.items() if not name.isupper()}
    place.update({name: value for name, value in changes.items() if name.isupper()})
    place["OPTIONS"] = {**before["OPTIONS"], **options}
    connection.__dict__.pop("isolation_level", None)
    try:
        yield
    finally:
        connection.close()
        connection.close_pool()
        place.clear()
        place.update(before)
        connection.__dict__.pop("isolation_level", None)


@pytest.fixture
def outside() -> Iterator[Outside]:
    """The owner of the tables, at work elsewhere."""
    other = Outside()
    yield other
    other.close()


@pytest.fixture
def limited(outside: Outside) -> Iterator[str]:
    """A role that may do as it likes with everything but the things; roles are those of the whole server."""
    role = f"limited_{connection.settings_dict['NAME']}"
    for statement in (
        f"CREATE ROLE {role}",
        f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}",
        f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}",
        f"REVOKE ALL ON shop_thing FROM {role}",
    ):
        outside.ask(statement)
    yield role
    for statement in (
        "DROP POLICY IF EXISTS few ON shop_thing",
        "ALTER TABLE shop_thing DISABLE ROW LEVEL SECURITY",
        f"DROP OWNED BY {role}",
        f"DROP ROLE {role}",
    ):
        outside.ask(statement)


OPTIONS = {
    "without a pool": {"pool": False},
    "binding on the server": {"server_side_binding": True},
    "without cursors on the server": {"DISABLE_SERVER_SIDE_CURSORS": True, "pool": False},
    "REPEATABLE READ": {"isolation_level": IsolationLevel.REPEATABLE_READ},
    "SERIALIZABLE": {"isolation_level": IsolationLevel.SERIALIZABLE},
    "a prepared statement each": {"prepare_threshold": 0, "server_side_binding": True},
}
IN_EACH = [acts.swallow_an_error_of_the_database, acts.look_for_it_in_a_thread, acts.update_the_row, acts.open_a_block]


@both_ways
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_connection(options, block):
    """Options of a connection change neither what is sent nor what is seen."""

    def program(host: Host) -> None:
        inserted_updated_deleted(host)
        for act in IN_EACH:
            inserted_and_updated(act, "post_save", host)

    with connected(**options):
        compare(program, block=block)


def last() -> SignalEvent:
    """Return the last event of a thing."""
    return SignalEvent.objects.filter(sender="shop.Thing").latest("id")


@both_ways
def test_a_role_that_may_write_but_not_read(limited, outside, block):
    """Where the row may not be read, the save goes through, and the event holds what the instance believed."""
    outside.ask(f"GRANT INSERT, UPDATE, DELETE, SELECT (id) ON shop_thing TO {limited}")

    def program(host: Host) -> None:
        host.step(lambda: Thing(id=1, name="a").save())
        host.step(lambda: Thing(id=1, name="b").save())
        host.step(lambda: Thing(id=2, name="b").save())
        host.step(lambda: Thing(id=2, name="c").save(force_insert=True))
        host.step(lambda: Thing(id=1, name="b").save(update_fields=["name"]))

    with connected(options=f"-c role={limited}"):
        compare(program, block=block)
    assert last().changes["name"][1] == "b"
    posts = SignalEvent.objects.filter(sender="shop.Thing", signal="post_save")
    assert set(posts.values_list("overwrote", flat=True)) <= {None}


@both_ways
def test_a_role_that_may_do_nothing(limited, block):
    """The host gets the database's own refusal, of its own statement."""

    def program(host: Host) -> None:
        host.step(lambda: Thing(name="a").save())
        host.step(lambda: Thing(id=1, name="a").save())
        host.step(lambda: Thing(id=1, name="a").delete())

    with connected(options=f"-c role={limited}"):
        compare(program, block=block)


@both_ways
@pytest.mark.parametrize("policy", ["USING (qty < 100)", "USING (qty < 100) WITH CHECK (qty < 50)"])
def test_row_level_security(limited, outside, policy, block):
    """Rows that a role may not see, or not write, are missing or refused as ever."""
    outside.ask(f"GRANT ALL ON shop_thing TO {limited}")
    outside.ask("ALTER TABLE shop_thing ENABLE ROW LEVEL SECURITY")
    outside.ask(f"CREATE POLICY few ON shop_thing TO {limited} {policy}")

    def program(host: Host) -> None:
        host.outside.ask("INSERT INTO shop_thing (id, name, qty, hooked) VALUES (8, 'hidden', 200, 0)")
        host.step(lambda: Thing(id=8, name="mine").save())
        host.step(lambda: Thing(id=8, name="mine").save(force_update=True))
        host.step(lambda: Thing(id=8, name="mine").delete())
        host.step(lambda: Thing(id=1, name="a", qty=60).save())
        host.step(lambda: Thing(id=2, name="b", qty=20).save())
        host.step(lambda: Thing(id=2, name="b", qty=150).save())
        host.step(lambda: Thing(id=2, name="b", qty=30).save())
        host.step(lambda: Thing.objects.all().delete())

    with connected(options=f"-c role={limited}"):
        compare(program, block=block)


@both_ways
def test_a_row_that_somebody_else_refers_to(outside, block):
    """A save does not wait for the lock of a foreign-key check, as it would not without the app."""

    def program(host: Host) -> None:
        Thing.objects.create(name="mine")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = 150")
        outside.ask("BEGIN")
        outside.ask("SELECT id FROM shop_thing FOR KEY SHARE")
        host.step(lambda: Thing.objects.get().save())
        host.step(lambda: Thing(pk=1, name="mine", qty=2).save())
        outside.ask("ROLLBACK")
        host.step(lambda: Thing.objects.get().delete())

    with connected(pool=False):
        compare(program, block=block)


@both_ways
def test_a_transaction_that_may_only_read(block):
    """A save inside a read-only transaction is refused as ever."""

    def program(host: Host) -> None:
        def save() -> None:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION READ ONLY")
                Thing(name="mine").save()

        host.step(save)
        host.step(lambda: Thing(name="mine").save())

    compare(program, block=block)
