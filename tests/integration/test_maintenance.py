"""A maintenance command may change the log: in one transaction, by its name, and never without an event of it."""

import django.test.utils
import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, connections, transaction

from signal_log.maintenance import OpeningRemoved, maintenance
from signal_log.models import SignalEvent, SignalTrace
from signal_log.seal.canonical import event_digest
from signal_log.store.read import as_mapping
from tests.factories import make_event

pytestmark = pytest.mark.django_db(transaction=True)

DELETE = "DELETE FROM signal_log_signalevent WHERE path = 'old'"


def execute(*statements):
    """Run statements as the table's owner might."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def assert_closed():
    """The log refuses changes."""
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        execute("DELETE FROM signal_log_signalevent")


def test_a_command_removes_rows_and_an_event_says_so(admin_client):
    """The event names the command, what it opened and why; it is sealed like any other, and the log is closed again."""
    make_event(path="old")
    kept = make_event(path="new")
    with maintenance(connection, "signal_prune", why="older than 90 days", before="2026-01-01"):
        execute(DELETE)
    assert_closed()
    assert list(SignalEvent.objects.filter(path__in=["old", "new"])) == [kept]
    event = SignalEvent.objects.get(signal="signal_log.maintenance")
    assert (event.signal, event.source, event.sender) == (
        "signal_log.maintenance",
        "command:signal_prune",
        "signal_log.SignalEvent",
    )
    labels = dict(event.labels)
    assert (labels.pop("transaction", None) is not None) == (connection.vendor == "postgresql")
    assert labels == {"opened": "signal_log.SignalEvent", "why": "older than 90 days", "before": "2026-01-01"}
    assert event.outcome == "committed"
    assert event.actor_repr
    page = admin_client.get(f"/events/{event.pk}/").content.decode()
    assert all(text in page for text in ("maintenance", "command:signal_prune", "older than 90 days"))
    assert event_digest(as_mapping(event), bytes(event.salt)) == bytes(event.digest)


def test_what_fails_is_undone_with_its_event_and_leaves_the_log_closed():
    """An error in a maintenance command rolls all of it back, within another transaction too."""
    make_event(path="old")
    for _ in range(2):
        with transaction.atomic():
            with pytest.raises(ZeroDivisionError), maintenance(connection, "signal_prune", why="a test"):
                execute(DELETE)
                1 / 0  # noqa: B018
            assert_closed()
    assert [event.path for event in SignalEvent.objects.all()] == ["old"]


def test_the_log_is_closed_within_the_same_transaction_once_the_command_has_done_its_work():
    """A host's own block around a command gains nothing by it."""
    with transaction.atomic():
        with maintenance(connection, "signal_prune", why="a test"):
            pass
        assert_closed()


def test_a_command_cannot_remove_the_event_of_itself():
    """PostgreSQL refuses it at once, SQLite when the command is done; either way nothing has happened."""
    make_event(path="old")
    refusal = DatabaseError if connection.vendor == "postgresql" else OpeningRemoved
    with pytest.raises(refusal), maintenance(connection, "signal_prune", why="a test"):
        execute("DELETE FROM signal_log_signalevent")
    assert [event.path for event in SignalEvent.objects.all()] == ["old"]


def test_another_connection_stays_locked():
    """While a command works, the other connections of its process and of others are refused."""
    make_event(path="old")
    other = connections.create_connection(connection.alias)
    try:
        with maintenance(connection, "signal_prune", why="a test"):
            if connection.vendor == "postgresql":
                with pytest.raises(DatabaseError, match="append-only"), other.cursor() as cursor:
                    cursor.execute(DELETE)
            execute(DELETE)
    finally:
        other.close()
    if connection.vendor == "sqlite":  # a program that is not Django, such as the sqlite3 shell
        import sqlite3

        make_event(path="old")
        shell = sqlite3.connect(connection.settings_dict["NAME"])
        try:
            with pytest.raises(sqlite3.OperationalError, match="signal_log_unlocked"):
                shell.execute(DELETE)
        finally:
            shell.close()


def point_to(pk, command="signal_prune", *, local=False):
    """Set on this connection what a command sets; for the session unless `local`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('signal_log.unlocked', %s, %s)", [f"{command}/{pk}", local])


@pytest.fixture
def clean_session():
    """Forget what a test has set for the session."""
    yield
    execute("RESET signal_log.unlocked")


@pytest.mark.postgresql
@pytest.mark.usefixtures("clean_session")
def test_a_setting_of_the_session_opens_nothing():
    """On a pooled connection nothing stays open: neither a plain word nor what a command has set opens the log."""
    make_event(path="old")
    with maintenance(connection, "signal_prune", why="a test"):
        pass
    earlier = SignalEvent.objects.get(signal="signal_log.maintenance")
    for setting in ("on", "true", "signal_prune/x", "/", "", "signal_prune/99999999999999999999"):
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('signal_log.unlocked', %s, false)", [setting])
        assert_closed()
    point_to(earlier.pk)
    assert_closed()
    with transaction.atomic():
        point_to(earlier.pk, local=True)
        assert_closed()


@pytest.mark.postgresql
@pytest.mark.usefixtures("clean_session")
@pytest.mark.parametrize("forged", ["another signal", "another command", "another transaction", "another table"])
def test_only_an_event_of_this_transaction_opens_the_log(forged):
    """Whoever writes the statements of a command by hand leaves its event, or is refused."""
    make_event(path="old")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        number = cursor.fetchone()[0]
        fields = {
            "signal": "signal_log.maintenance",
            "source": "command:signal_prune",
            "labels": {"transaction": number},
        }
        if forged == "another signal":
            fields["signal"] = "post_save"
        elif forged == "another command":
            fields["source"] = "command:flush"
        elif forged == "another transaction":
            fields["labels"] = {"transaction": str(int(number) + 1)}
        else:
            cursor.execute("CREATE TEMP TABLE signal_log_signalevent (LIKE signal_log_signalevent INCLUDING ALL)")
        event = make_event(path="forged", **fields)
        point_to(event.pk, local=True)
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute("DELETE FROM public.signal_log_signalevent WHERE path = 'old'")
        transaction.set_rollback(True)


@pytest.mark.postgresql
@pytest.mark.usefixtures("clean_session")
def test_a_flush_by_hand_keeps_its_event_or_empties_the_log():
    """Who writes the statements of `flush` to remove some rows cannot remove the event that tells so."""
    make_event(path="old")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()::text")
            labels = {"transaction": cursor.fetchone()[0]}
        event = make_event(signal="signal_log.maintenance", source="command:flush", path="flush", labels=labels)
        kept = make_event(path="new")
        point_to(event.pk, "flush", local=True)
        execute(DELETE, "DELETE FROM signal_log_signalevent WHERE path = 'flush'")
        assert [row.pk for row in SignalEvent.objects.order_by("pk")] == [event.pk, kept.pk]
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            execute("UPDATE signal_log_signalevent SET signal = 'post_save' WHERE path = 'flush'")
        execute("DELETE FROM signal_log_signalevent", "DELETE FROM signal_log_signalevent")
    assert SignalEvent.objects.count() == 0


@pytest.fixture
def no_test_environment(monkeypatch):
    """Look as a process does that is run by a person."""
    monkeypatch.delattr(django.test.utils._TestState, "saved_data")


@pytest.mark.usefixtures("no_test_environment")
def test_flush_by_a_person_begins_the_new_log():
    """Its event is the only one left, and names the last event of the log that is gone."""
    make_event()
    last = make_event()
    SignalTrace.objects.all().delete()
    call_command("flush", interactive=False, verbosity=0)
    event = SignalEvent.objects.exclude(sender="auth.Permission").exclude(sender="contenttypes.ContentType").get()
    assert (event.signal, event.source) == ("signal_log.maintenance", "command:flush")
    assert event.labels["why"] == "every table is emptied"
    assert (event.labels["last_event"], event.labels["last_mark"]) == (last.pk, bytes(last.digest).hex()[:8])
    assert event_digest(as_mapping(event), bytes(event.salt)) == bytes(event.digest)
    assert_closed()
