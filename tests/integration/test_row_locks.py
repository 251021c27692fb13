"""The lock that a row is read with is the one its statement takes: no new deadlock, and no new waiting (G4)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Upper

from signal_log.capture.model.row_sql import forget_readable
from tests.integration.outside import Outside
from tests.integration.test_actual_writers import in_a_thread, wait_for_a_waiting_writer
from tests.log import recorded
from tests.shop.models import Gadget, Thing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

ASK_FIRST = (
    "CREATE FUNCTION ask_first() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE TRIGGER ask_first BEFORE UPDATE ON shop_thing FOR EACH ROW EXECUTE FUNCTION ask_first()",
)
UNIQUE = ("CREATE UNIQUE INDEX by_watts ON shop_gadget (watts)",)
UNDONE = "DROP FUNCTION IF EXISTS ask_first() CASCADE; DROP INDEX IF EXISTS by_watts"


@pytest.fixture
def outside() -> Iterator[Outside]:
    """Another program on the same database."""
    other = Outside()
    yield other
    other.ask("ROLLBACK")
    other.ask(UNDONE)
    other.close()


def rename(gadget: Gadget) -> None:
    """Change a unique column of the parent's table."""
    gadget.name = "b"
    gadget.save(update_fields=["name"])


def save_with_trigger(gadget: Gadget) -> None:
    """Change no unique column; but the trigger has the row locked as if every column that is set changed."""
    Thing.objects.get().save()


def change_child(gadget: Gadget) -> None:
    """Change a unique column of the child's table, whose statement is not the first one."""
    gadget.watts = 7
    gadget.save()


def raise_by_expression(gadget: Gadget) -> None:
    """Set a unique column to what only the database knows."""
    gadget.name = Upper("name")
    gadget.save(update_fields=["name"])


CASES: list[tuple[Callable[[Gadget], Any], str, tuple[str, ...]]] = [
    (rename, "thing", ()),
    (raise_by_expression, "thing", ()),
    (Gadget.delete, "thing", ()),
    (save_with_trigger, "thing", ASK_FIRST),
    (change_child, "gadget", UNIQUE),
]


@pytest.mark.parametrize("used", [False, True], ids=["first", "again"])
@pytest.mark.parametrize(("act", "table", "prepared"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_row_that_another_transaction_refers_to_and_then_writes(act, table, prepared, used, outside):
    """It has the row's key locked, and ours waits for that without having locked the row itself."""
    Gadget.objects.create(name="a", watts=1)
    for sql in prepared:
        outside.ask(sql)
    column = {"thing": "qty", "gadget": "thing_ptr_id"}[table]
    failed: list[Exception] = []

    def run() -> None:
        try:
            connection.ensure_connection()
            forget_readable(connection)  # the pool keeps connections, and ours know nothing of that index
            gadget = Gadget.objects.get()
            if used:  # from now on the reads travel with the statement
                Thing.objects.get().save(update_fields=["qty"])
                gadget.save()
            ready.set()
            go.wait()
            act(gadget)
        except Exception as error:  # noqa: BLE001  what the test is about
            failed.append(error)

    ready, go = threading.Event(), threading.Event()
    thread = in_a_thread(run)
    ready.wait()
    outside.ask("BEGIN")
    outside.ask("SET LOCAL deadlock_timeout = '10ms'")
    outside.ask(f"SELECT 1 FROM shop_{table} FOR KEY SHARE")  # noqa: S608  our own name
    go.set()
    wait_for_a_waiting_writer(outside)
    try:
        outside.ask(f"UPDATE shop_{table} SET {column} = {column}")  # noqa: S608  our own names
        outside.ask("COMMIT")
    finally:
        outside.ask("ROLLBACK")
        thread.join()
    assert failed == []


def test_a_delete_waits_for_whoever_refers_to_the_row(outside):
    """It ends as its own statement would: with the timeout that the host has set, and nothing deleted."""
    Gadget.objects.create(name="a", watts=1)
    gadget = Gadget.objects.get()
    outside.ask("BEGIN")
    outside.ask("SELECT 1 FROM shop_thing FOR KEY SHARE")
    with recorded() as events:
        with pytest.raises(OperationalError, match="lock timeout"), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '50ms'")
            gadget.delete()
    assert {e.outcome for e in events if e.sender == "shop.Thing" and e.signal == "pre_delete"} == {"failed"}
    assert Gadget.objects.count() == 1


def test_what_does_not_change_the_key_does_not_wait(outside):
    """A full save sets unique columns to what they hold, and a foreign-key check of another transaction goes on."""
    Gadget.objects.create(name="a", watts=1)
    gadget = Gadget.objects.get()
    outside.ask(*UNIQUE)
    forget_readable(connection)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '300ms'")
    outside.ask("BEGIN")
    outside.ask("SELECT 1 FROM shop_thing FOR KEY SHARE")
    outside.ask("SELECT 1 FROM shop_gadget FOR KEY SHARE")
    try:
        with recorded() as events:
            for qty in (1, 2):
                gadget.qty = qty
                gadget.save()
                thing = Thing.objects.get()
                thing.qty = 5
                thing.save()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
    assert [e.changes["qty"] for e in events if e.signal == "post_save"] == [[0, 1], [1, 5], [5, 2], [2, 5]]
