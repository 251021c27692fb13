"""All wiring happens in `ready()` and can be undone; settings are checked, and accepted values are named."""

import sqlite3

import pytest
from django.core.checks import run_checks
from django.core.management.base import BaseCommand
from django.db import connection, connections, models
from django.db.migrations.operations import RunSQL
from django.db.models import signals
from django.db.models.deletion import Collector
from django.db.models.signals import ModelSignal
from django.db.models.sql import DeleteQuery
from django.db.models.sql.compiler import SQLInsertCompiler
from django.test import override_settings

from signal_log import pipeline
from signal_log.capture.model.registry import is_chosen, plan_of
from signal_log.capture.signals.dispatch import observe
from signal_log.event import MODEL_SIGNALS
from signal_log.models import SignalEvent
from tests.log import recorded
from tests.shop.models import Book, Category, CheapItem, Item, Note

pytestmark = pytest.mark.django_db


@pytest.fixture
def rewired():
    """Stop the recorder for the test, and start it again as it was."""
    pipeline.stop()
    yield
    pipeline.stop()
    pipeline.start()


def test_each_observed_class_has_the_generic_receiver_once():
    """It is connected per model class and comes first, never with sender=None."""
    for model in (Category, Item, CheapItem, Book):
        for name in MODEL_SIGNALS:
            receivers, _ = getattr(signals, name)._live_receivers(model)
            assert receivers.count(observe) == 1
    for name in MODEL_SIGNALS:
        assert observe not in getattr(signals, name)._live_receivers(Note)[0]
        assert observe not in getattr(signals, name)._live_receivers(SignalEvent)[0]


@pytest.mark.django_db
def test_stop_leaves_nothing_changed(rewired):
    """After `stop` Django's classes and the host's models are as they were, and nothing is recorded."""
    assert models.Model.save_base.__module__ == "django.db.models.base"
    assert not hasattr(models.Model.save_base, "__wrapped__")
    assert not hasattr(Collector.delete, "__wrapped__")
    assert not hasattr(BaseCommand.execute, "__wrapped__")
    for wrapped in (models.Model._save_table, DeleteQuery.delete_batch, RunSQL._run_sql, SQLInsertCompiler.execute_sql):
        assert not hasattr(wrapped, "__wrapped__")
    assert connection.execute_wrappers == []
    assert type(signals.pre_save) is ModelSignal
    for model in (Category, Item, CheapItem, Book):
        assert plan_of(model) is None
        assert "from_db" not in model.__dict__
        assert "refresh_from_db" not in model.__dict__
    with recorded() as events:
        Category.objects.create(name="a").delete()
    assert events == []


@pytest.mark.django_db
def test_start_again(rewired):
    """Starting again records again, each signal once."""
    pipeline.start()
    with recorded() as events:
        Category.objects.create(name="a")
    assert [e.signal for e in events] == ["pre_save", "post_save"]


@pytest.mark.parametrize(
    ("chosen", "excluded", "expected"),
    [
        (["shop.Category"], [], {Category}),
        (["SHOP.category"], [], {Category}),
        (["shop.Item"], [], {Item, CheapItem}),
        (["shop.*"], ["shop.Book", "shop.Category"], {Item, CheapItem, Note}),
        (["*"], ["shop.*"], set()),
        ([], [], set()),
    ],
)
def test_choice_of_models(chosen, excluded, expected):
    """Labels, `app.*` and `*` choose models, and a proxy goes with its concrete model."""
    with override_settings(SIGNAL_LOG={"MODELS": chosen, "EXCLUDE": excluded}):
        assert {m for m in (Category, Item, CheapItem, Book, Note) if is_chosen(m)} == expected


def test_models_that_are_never_observed_or_only_by_name():
    """The log does not observe itself, and sessions only if they are named."""
    from django.contrib.sessions.models import Session

    with override_settings(SIGNAL_LOG={"MODELS": ["*"]}):
        assert not is_chosen(SignalEvent)
        assert not is_chosen(Session)
    with override_settings(SIGNAL_LOG={"MODELS": ["*", "sessions.Session", "signal_log.SignalEvent"]}):
        assert not is_chosen(SignalEvent)
        assert is_chosen(Session)


@pytest.mark.parametrize(
    ("settings", "code", "says"),
    [
        ({"MODLES": []}, "signal_log.E001", "Accepted: MODELS, EXCLUDE"),
        ({"SILENT_WRITES": "maybe"}, "signal_log.E001", '"record", "raise" or "off"'),
        ({"MAX_VALUE_CHARS": "many"}, "signal_log.E001", "a whole number of characters"),
        ({"M2M": 1}, "signal_log.E001", "True or False"),
        ({"TRACES": "no"}, "signal_log.E001", "True or False"),
        ({"TRACE_DAYS": 0}, "signal_log.E001", "a whole number of days"),
        ({"SOCKETS_PER_ACCOUNT": 0}, "signal_log.E001", "1 or more"),
        ({"MODELS": "shop.Item"}, "signal_log.E001", "a list of model labels"),
        ({"MODELS": ["shop.Itm"]}, "signal_log.E002", '"app_label.Model", "app_label.*" or "*"'),
        ({"MODELS": ["shop.Item"], "DATABASE": "nowhere"}, "signal_log.E003", "Accepted: default"),
        ({"MODELS": []}, "signal_log.W001", "Name the models"),
        ({"MODELS": ["shop.Item"], "READ_DATABASE": "nowhere"}, "signal_log.E003", "Accepted: default"),
        ({"RETENTION_DAYS": {"shop.Item": "x"}}, "signal_log.E001", '{"app.Model": number}'),
        ({"WITNESSES": [{"url": "https://w.example"}]}, "signal_log.E001", '{"url", "vkey"}'),
        ({"RELAYS": {"siem": {"url": "https://s.example"}}}, "signal_log.E023", '"sink"'),
        ({"RELAYS": {"siem": {"sink": "webhok"}}}, "signal_log.E023", "'webhook', 'kafka', 'nats', 'syslog', 'file'"),
        ({"ALERTS": ["staff"]}, "signal_log.E001", '"query"'),
        ({"READS": "shop.Item"}, "signal_log.E001", '"app.*" or "*"'),
        ({"MODELS": ["shop.Item"], "READS": ["shop.Itm"]}, "signal_log.E002", '"app_label.Model"'),
        ({"SEAL_KEYS": "/etc/log.key"}, "signal_log.E001", "paths of key files"),
        ({"SEAL_ORIGIN": "a log"}, "signal_log.E001", "without spaces"),
        ({"SEAL_EVERY": 0}, "signal_log.E001", "above 0"),
        ({"MODELS": ["shop.Item"], "REASONS": ["auth.User"]}, "signal_log.E022", "MODELS"),
        ({"READ_DATABASE": 1}, "signal_log.E001", "an alias of DATABASES"),
        (["shop.Item"], "signal_log.E001", "A dict with the keys"),
    ],
)
@pytest.mark.one_database
def test_wrong_settings_are_named_with_what_is_accepted(settings, code, says):
    """`manage.py check` shows the bad value and what would be accepted."""
    with override_settings(SIGNAL_LOG=settings):
        found = {message.id: message for message in run_checks()}
    assert says in found[code].hint


@pytest.mark.postgresql
def test_ids_in_blocks_are_an_error():
    """A sequence with a cache gives ids that may be filled in any order, at any time."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER SEQUENCE signal_log_signalevent_id_seq CACHE 20")
    found = {message.id: message for message in run_checks(databases=["default"])}
    assert "CACHE 1" in found["signal_log.E006"].hint
    with connection.cursor() as cursor:
        cursor.execute("ALTER SEQUENCE signal_log_signalevent_id_seq CACHE 1")
    assert "signal_log.E006" not in {message.id for message in run_checks(databases=["default"])}


@pytest.mark.postgresql
def test_the_check_of_the_sequence_needs_no_table():
    """`migrate` runs the checks before it has created the table."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE signal_log_signalevent RENAME TO elsewhere")
    assert "signal_log.E006" not in {message.id for message in run_checks(databases=["default"])}


def test_other_databases_are_named(monkeypatch):
    """Without a database that is asked, the log's own is refused if it is of another kind, and others are mentioned."""
    monkeypatch.setattr(type(connections["default"]), "vendor", "mysql")
    found = {message.id: message for message in run_checks()}
    assert "'default' is mysql" in found["signal_log.E004"].msg
    assert "signal_log.W004" not in found
    monkeypatch.undo()
    legacy = {"ENGINE": "django.db.backends.dummy"}
    monkeypatch.setitem(connections.settings, "legacy", {**connections.settings["default"], **legacy})
    monkeypatch.setattr("django.db.backends.dummy.base.DatabaseWrapper.vendor", "mysql", raising=False)
    found = {message.id: message for message in run_checks()}
    assert "'legacy' is mysql" in found["signal_log.W004"].msg
    assert "signal_log.E004" not in found


def test_a_sqlite_without_returning_is_refused(monkeypatch):
    """What a row holds is asked by RETURNING, which SQLite has from 3.35 on; a project without SQLite needs none."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.34.1")
    found = {message.id: message for message in run_checks()}
    assert ("signal_log.E008" in found) == (connection.vendor == "sqlite")
    if connection.vendor == "sqlite":
        assert "3.34.1" in found["signal_log.E008"].msg
        assert "3.35" in found["signal_log.E008"].hint
    monkeypatch.undo()
    assert "signal_log.E008" not in {message.id for message in run_checks()}


def test_missing_middleware_is_a_warning():
    """Without the middleware, events would not know their request."""
    with override_settings(MIDDLEWARE=[]):
        assert "signal_log.W002" in {message.id for message in run_checks(app_configs=None)}
