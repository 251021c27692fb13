"""The database itself refuses changes to the log, yet lets a test suite flush its tables."""

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from signal_log.models import SignalEvent, SignalTrace
from signal_log.store.row import NAMES
from tests.factories import make_event
from tests.log import recorded
from tests.shop.models import Category

UPSERT = (
    f"INSERT INTO signal_log_signalevent (id, {NAMES}) SELECT id, {NAMES} FROM signal_log_signalevent WHERE true"  # noqa: S608
    " ON CONFLICT (id) DO UPDATE SET object_repr = 'someone else'"
)


def execute(*statements):
    """Run statements as the table's owner might."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE signal_log_signalevent SET object_repr = 'someone else'",
        "DELETE FROM signal_log_signalevent",
        "DELETE FROM signal_log_signalevent WHERE id > 0",
        UPSERT,
    ],
)
def test_raw_sql_is_refused(statement):
    """The triggers refuse UPDATE and DELETE, also as a part of an INSERT, and the rows stay as they are."""
    make_event(object_repr="ada")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        execute(statement)
    assert [event.object_repr for event in SignalEvent.objects.all()] == ["ada"]


@pytest.mark.django_db
@pytest.mark.one_database
@pytest.mark.parametrize("key", ["id", "rowid", "_rowid_"])
@pytest.mark.parametrize("verb", ["REPLACE", "INSERT OR REPLACE", "INSERT OR IGNORE", "INSERT"])
def test_sqlite_replaces_no_event(verb, key):
    """SQLite's REPLACE removes a row without asking the trigger that refuses DELETE, so a known id is refused."""
    event = make_event(object_repr="ada")
    others = NAMES.replace('"object_repr"', "'someone else'")
    replace = f"{verb} INTO signal_log_signalevent ({key}, {NAMES}) SELECT id, {others} FROM signal_log_signalevent"  # noqa: S608
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        execute(replace)
    assert [(row.pk, row.object_repr) for row in SignalEvent.objects.all()] == [(event.pk, "ada")]


@pytest.mark.django_db
def test_queryset_delete_and_update_are_refused():
    """The ORM's bulk operations are refused by the same triggers."""
    make_event()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        SignalEvent.objects.all().delete()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        SignalEvent.objects.update(object_repr="x")
    assert SignalEvent.objects.count() == 1


@pytest.mark.django_db
def test_instances_cannot_be_saved_or_deleted():
    """Saving or deleting an instance, say in a shell, is refused before any SQL runs."""
    event = make_event()
    with pytest.raises(TypeError, match="cannot be saved directly"):
        event.save()
    with pytest.raises(TypeError, match="append-only"):
        event.delete()


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_truncate_is_refused_on_postgresql():
    """TRUNCATE bypasses row triggers, so it has a trigger of its own; SQLite has no TRUNCATE."""
    make_event()
    with pytest.raises(DatabaseError, match="append-only"):
        execute("TRUNCATE signal_log_signalevent")
    assert SignalEvent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_flush_of_a_test_suite_empties_the_log_and_locks_it_again():
    """`flush`, as test suites run it, leaves no row, not even of itself; the table is protected again afterwards."""
    make_event()
    call_command("flush", interactive=False, verbosity=0)
    assert (SignalEvent.objects.count(), SignalTrace.objects.count()) == (0, 0)
    make_event()
    # So does a test suite that empties its tables by DELETE, whose rows come in any order.
    with transaction.atomic():
        connection.ops.execute_sql_flush(["DELETE FROM signal_log_signalevent"])
    assert SignalEvent.objects.count() == 0
    with recorded() as events:
        Category.objects.create(name="a")
    assert [event.signal for event in events] == ["pre_save", "post_save"]
    with pytest.raises(DatabaseError, match="append-only"):
        execute("DELETE FROM signal_log_signalevent")
