"""The database itself refuses changes to the log, yet lets a test suite flush its tables."""

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from signal_log.models import SignalEvent
from tests.factories import make_event


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE signal_log_signalevent SET object_repr = 'someone else'",
        "DELETE FROM signal_log_signalevent",
        "DELETE FROM signal_log_signalevent WHERE id > 0",
    ],
)
def test_raw_sql_is_refused(statement):
    """The triggers refuse UPDATE and DELETE, and the rows stay as they are."""
    make_event(object_repr="ada")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert [event.object_repr for event in SignalEvent.objects.all()] == ["ada"]


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
def test_truncate_is_refused_on_postgresql():
    """TRUNCATE bypasses row triggers, so it has a trigger of its own; SQLite has no TRUNCATE."""
    make_event()
    if connection.vendor == "postgresql":
        with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
            cursor.execute("TRUNCATE signal_log_signalevent")
    assert SignalEvent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_flush_empties_the_log_and_locks_it_again():
    """`flush`, as test suites run it, empties the table, which is protected again afterwards."""
    make_event()
    call_command("flush", interactive=False, verbosity=0)
    assert SignalEvent.objects.count() == 0
    make_event()
    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM signal_log_signalevent")
