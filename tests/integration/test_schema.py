"""The database has the triggers, the function and the index that this version needs, however its tables were made."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import DatabaseError, connection, connections
from django.db.migrations.recorder import MigrationRecorder

from signal_log.event import Event
from signal_log.models import LogIdentity, SignalEvent
from signal_log.store import schema
from signal_log.store.follow import Follower
from signal_log.store.row import TABLE
from tests.factories import make_event
from tests.integration.broken_logs import table_missing
from tests.log import recorded
from tests.shop.models import Category

pytestmark = pytest.mark.django_db(transaction=True)


def execute(*statements):
    """Run statements as the table's owner might."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


DAMAGE = {
    "sqlite": [
        "DROP TRIGGER signal_log_signalevent_no_update",
        "DROP TRIGGER signal_log_signalevent_no_delete",
        "DROP TRIGGER signal_log_signalevent_no_replace",
        "DROP TRIGGER signal_log_signalevent_no_such_id",
    ],
    "postgresql": [
        "DROP FUNCTION signal_log_signalevent_refuse() CASCADE",
        "DROP FUNCTION signal_log_signalevent_refuse_id() CASCADE",
        "DROP FUNCTION signal_log_signalevent_append(json)",
        "DROP INDEX signal_log_time",
        "CREATE INDEX signal_log_time ON signal_log_signalevent (occurred_at)",
        "DROP INDEX signal_log_field",
    ],
}
OUTDATED = {
    "sqlite": [
        "DROP TRIGGER signal_log_signalevent_no_update",
        "CREATE TRIGGER signal_log_signalevent_no_update BEFORE UPDATE ON signal_log_signalevent BEGIN SELECT 1; END",
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION signal_log_signalevent_append(events json) RETURNS void LANGUAGE sql AS 'SELECT 1'",
        "DROP TRIGGER signal_log_signalevent_no_truncate ON signal_log_signalevent",
    ],
}
DISABLED = {
    "sqlite": DAMAGE["sqlite"][2:],
    "postgresql": ["ALTER TABLE signal_log_signalevent DISABLE TRIGGER USER"],
}


def database_checks():
    """Return the messages of `manage.py check --database`, by id."""
    return {message.id: message for message in run_checks(databases=[connection.alias])}


def test_the_event_and_the_model_have_the_same_columns():
    """Every field of an event has a column; only the id and what a redaction leaves are the row's own."""
    columns = {field.column for field in SignalEvent._meta.concrete_fields}
    assert columns == {*Event._fields, "id", "redacted_at", "kept_hashes"}


def test_frozen_sql_is_complete(monkeypatch):
    """The migrations alone make what the model's columns need: nothing is left to be made after them."""
    monkeypatch.setattr(schema, "missing", lambda _: None)
    call_command("migrate", "signal_log", "zero", verbosity=0)
    call_command("migrate", "signal_log", verbosity=0)
    monkeypatch.undo()
    assert schema.missing(connection) == []
    call_command("migrate", verbosity=0)


def test_a_table_that_is_missing(monkeypatch, capsys):
    """It is told with the command that makes it; not by that command, and not before the project's first one."""
    assert "signal_log.W022" not in database_checks()
    with table_missing():
        found = database_checks()["signal_log.W022"]
        assert found.msg == f"The log's database 'default' lacks the table {TABLE}."
        assert found.hint == "python manage.py migrate signal_log"
        call_command("check", databases=["default"])
        assert "signal_log.W022" in capsys.readouterr().err
        call_command("migrate", plan=True, skip_checks=False)
        assert "W022" not in capsys.readouterr().err
        monkeypatch.setattr(MigrationRecorder, "applied_migrations", lambda _: {})
        assert "signal_log.W022" not in database_checks()


@pytest.mark.parametrize("damage", [DAMAGE, OUTDATED, DISABLED], ids=["dropped", "outdated", "disabled"])
def test_what_is_missing_or_outdated_is_made_after_migrate(damage):
    """A table without its triggers and functions, or with other or disabled ones, is complete again after `migrate`."""
    try:
        execute(*damage[connection.vendor])
        assert schema.missing(connection)
        assert ("signal_log.W014" in database_checks()) == (damage is not OUTDATED or connection.vendor != "sqlite")
    finally:
        call_command("migrate", verbosity=0)
    assert schema.missing(connection) == []
    assert "signal_log.W014" not in database_checks()
    with recorded() as events:
        Category.objects.create(name="a")
    assert [event.outcome for event in events] == ["committed"] * 2
    for statement in ("UPDATE signal_log_signalevent SET path = 'x'", "DELETE FROM signal_log_signalevent"):
        with pytest.raises(DatabaseError, match="append-only"):
            execute(statement)


def test_a_complete_table_costs_few_queries(django_assert_num_queries):
    """When nothing is to be made, one query finds that out, and one reads the identity."""
    schema.after_migrate(connection.alias)
    with django_assert_num_queries(2):
        schema.after_migrate(connection.alias)


def test_a_database_without_the_log_is_left_alone(tmp_path):
    """In a database that a router keeps the log out of, nothing is made."""
    elsewhere = connections.create_connection(connection.alias)
    elsewhere.settings_dict = {**elsewhere.settings_dict}
    if connection.vendor == "postgresql":
        elsewhere.settings_dict["OPTIONS"] = {"options": "-c search_path=pg_temp"}
    else:
        elsewhere.settings_dict["NAME"] = str(tmp_path / "other.sqlite3")  # Django never closes one in memory
    try:
        assert schema.missing(elsewhere) is None
    finally:
        elsewhere.close()


def test_the_identity_is_made_once_by_whoever_needs_it_first():
    """Several threads that find none agree on one, and a reader's epoch is made from it."""
    LogIdentity.objects.all().delete()
    begun = threading.Barrier(4)

    def ask(_):
        begun.wait(30)
        value = schema.log_identity("default")
        connections.close_all()  # a follower brings a connection of its own
        follower = Follower()
        try:
            return value, follower.epoch()
        finally:
            follower.close()

    with ThreadPoolExecutor(4) as threads:
        answers = set(threads.map(ask, range(4)))
    value = LogIdentity.objects.get().value
    assert answers == {(value, hashlib.sha256(value.encode()).hexdigest()[:8])}


def test_flush_renews_the_identity():
    """After `flush` ids may begin at 1 again, so the log is another one."""
    before = schema.log_identity(connection.alias)
    make_event()
    call_command("flush", interactive=False, verbosity=0)
    assert LogIdentity.objects.get().value != before
