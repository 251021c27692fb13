"""When the log itself cannot be written: the change fails whole, or it goes on and somebody is told (`ON_ERROR`)."""

from __future__ import annotations

import re
import secrets
import sqlite3
from contextlib import contextmanager, suppress

import pytest
from django.conf import settings
from django.db import DatabaseError, OperationalError, connection, connections, transaction
from django.test import override_settings

from observatory.health import metrics
from signal_log.capture import unrecorded as module
from signal_log.capture.context import system_actor
from signal_log.capture.sink import sink, use_sink
from signal_log.capture.unrecorded import unrecorded
from signal_log.models import SignalEvent
from signal_log.store import append
from signal_log.store.append import RecordingError
from signal_log.store.row import TABLE
from tests.factories import event_value
from tests.log import recorded
from tests.shop.models import Category, Item, Note

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def table_missing():
    """As before `migrate signal_log`."""
    execute(f'ALTER TABLE "{TABLE}" RENAME TO elsewhere')
    try:
        yield
    finally:
        execute(f'ALTER TABLE elsewhere RENAME TO "{TABLE}"')


@contextmanager
def trigger(when="FOR EACH STATEMENT", message="database or disk is full"):
    """The database refuses the log's INSERT."""
    if connection.vendor == "sqlite":
        execute(
            f"CREATE TRIGGER refuse BEFORE INSERT ON \"{TABLE}\" {when} BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )
        undo = ["DROP TRIGGER refuse"]
    else:
        execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = '53100'; END $$"
        )
        execute(f'CREATE TRIGGER refuse BEFORE INSERT ON "{TABLE}" {when} EXECUTE FUNCTION refuse()')
        undo = [f'DROP TRIGGER refuse ON "{TABLE}"', "DROP FUNCTION refuse()"]
    try:
        yield
    finally:
        for statement in undo:
            execute(statement)


@contextmanager
def disk_full():
    """SQLite may grow no more, and the log's pages are full; on PostgreSQL the error of a full disk, by a trigger."""
    if connection.vendor != "sqlite":
        with trigger():
            yield
        return
    with connection.cursor() as cursor:
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
    execute(f"PRAGMA max_page_count = {pages}")
    try:
        fill_up()
        yield
    finally:
        execute("PRAGMA max_page_count = 1073741823")


def fill_up():
    """Small events until there is no room for one, in whichever page of an index it would stand."""
    refused = 0
    while refused < 100:
        key = secrets.token_hex(4)
        where = {"sender": key, "object_pk": key, "actor_pk": key, "actor_repr": key}
        if refused % 2:  # beside those of the test
            where |= {"sender": "shop.Category", "actor_pk": "", "actor_repr": system_actor().name}
        try:
            append.append([event_value(source=FILLER, changes={}, object_repr="", path="", **where)], connection)
            refused = 0
        except RecordingError:
            refused += 1


@contextmanager
def forbidden():
    """A role that may write everything but the log."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        connection.connection.set_authorizer(
            lambda action, table, *_: (action, table) == (sqlite3.SQLITE_INSERT, TABLE) and sqlite3.SQLITE_DENY
        )
        try:
            yield
        finally:
            connection.connection.set_authorizer(None)
        return
    role = f"clerk_{connection.settings_dict['NAME']}"
    execute(f'CREATE ROLE "{role}"')
    for things in ("TABLES", "SEQUENCES"):
        execute(f'GRANT ALL ON ALL {things} IN SCHEMA public TO "{role}"')
    execute(f'REVOKE INSERT ON "{TABLE}" FROM "{role}"')
    execute(f'SET ROLE "{role}"')
    try:
        yield
    finally:
        for statement in ("RESET ROLE", f'DROP OWNED BY "{role}"', f'DROP ROLE "{role}"'):
            execute(statement)


@contextmanager
def value_refused():
    """A value that cannot be made a row."""
    with pytest.MonkeyPatch.context() as patch:

        def refuse(*_):
            raise ValueError("a value no column takes")

        patch.setattr(append, "row_of", refuse)
        yield


FILLER = "filler"


def real(events):
    """The events but those that fill the disk."""
    return [event for event in events if event.source != FILLER]


def execute(statement):
    """A statement that is no business of the log's."""
    with connection.cursor() as cursor:
        cursor.execute(statement)


REASONS = {
    table_missing: "no such table|does not exist",
    disk_full: "database or disk is full",
    forbidden: "not authorized|permission denied",
    value_refused: "a value no column takes",
}
every_failure = pytest.mark.parametrize("failure", REASONS, ids=lambda failure: failure.__name__)


@pytest.fixture
def goes_on(monkeypatch):
    """`ON_ERROR="log"`, nothing said yet."""
    monkeypatch.setattr(unrecorded, "_next_line", float("-inf"))
    monkeypatch.setattr(unrecorded, "_told", unrecorded.total)
    with override_settings(SIGNAL_LOG={**settings.SIGNAL_LOG, "ON_ERROR": "log"}):
        yield


def save_alone(category):
    category.save()


def save_in_a_block(category):
    with transaction.atomic():
        Note.objects.create(text="of the same block")
        category.save()


def save_in_a_savepoint(category):
    with transaction.atomic():
        with transaction.atomic():
            category.save()
        Note.objects.create(text="of the same block")


def save_and_read_the_log(category):
    with transaction.atomic():
        category.save()
        with transaction.atomic():
            SignalEvent.objects.filter(pk=0).exists()
        Note.objects.create(text="of the same block")


def delete(category):
    Category.objects.filter(pk=category.pk).delete()


every_work = pytest.mark.parametrize(
    "work", [save_alone, save_in_a_block, save_in_a_savepoint, delete], ids=lambda work: work.__name__
)


@every_work
@every_failure
def test_raise_means_that_the_change_fails_whole(failure, work, caplog):
    """`RecordingError` says why and what to do; no row and no event is left, and the next save is as any other."""
    category = Category.objects.create(name="old")
    category.name = "new"
    with recorded() as events:
        with failure(), pytest.raises(RecordingError, match=REASONS[failure]) as raised:
            work(category)
        assert list(Category.objects.values_list("name", flat=True)) == ["old"]
        assert not Note.objects.exists()
    assert real(events) == []
    assert 'SIGNAL_LOG["ON_ERROR"] = "log"' in str(raised.value)
    assert connection.get_autocommit()
    with recorded() as events:
        category.save()
    assert [(e.outcome, e.changes) for e in events] == [("committed", {"name": ["old", "new"]})] * 2


@every_failure
def test_raise_inside_a_block_even_where_the_host_catches_it(failure):
    """Who reads the log inside the block is told there, and the block cannot commit afterwards."""
    with recorded() as events, failure(), pytest.raises(DatabaseError):
        with transaction.atomic():
            Category.objects.create(name="new")
            with suppress(RecordingError):
                SignalEvent.objects.filter(pk=0).exists()
    assert not Category.objects.exists()
    assert real(events) == []


@pytest.mark.parametrize("work", [*every_work.args[1], save_and_read_the_log], ids=lambda work: work.__name__)
@every_failure
def test_log_means_that_the_change_goes_on(failure, work, goes_on, caplog):
    """The row changes, the block stays usable, the events are counted and missing from the log."""
    if failure is table_missing and work is save_and_read_the_log:
        work = save_in_a_block  # the host's own read fails there, with the table or without the app
    category = Category.objects.create(name="old")
    before = unrecorded.total
    category.name = "new"
    with recorded() as events, failure():
        work(category)
    assert list(Category.objects.values_list("name", flat=True)) == ([] if work is delete else ["new"])
    assert Note.objects.exists() == (work in (save_in_a_block, save_in_a_savepoint, save_and_read_the_log))
    assert real(events) == []
    assert unrecorded.total - before == 2
    assert connection.get_autocommit()
    assert re.search(f"2 events were not recorded.*({REASONS[failure]})", caplog.text)


def test_log_never_leaves_half_of_a_record(goes_on):
    """What the database takes of an operation goes with what it refuses."""
    before = unrecorded.total
    with recorded() as events, trigger("FOR EACH ROW WHEN (NEW.signal = 'post_save')"):
        save_in_a_block(Category(name="new"))
    assert Category.objects.exists()
    assert events == []
    assert unrecorded.total - before == 2


@contextmanager
def read_only_from_now():
    """The transaction under way may not write any more."""
    only_read, write_again = {
        "sqlite": ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
        "postgresql": ("SET TRANSACTION READ ONLY", "SELECT 1"),
    }[connection.vendor]
    try:
        with transaction.atomic():
            yield
            execute(only_read)
    finally:
        execute(write_again)


def test_log_in_a_read_only_transaction(goes_on):
    """It commits what it has written."""
    with recorded() as events, read_only_from_now():
        Category.objects.create(name="new")
    assert Category.objects.exists()
    assert events == []


def test_raise_in_a_read_only_transaction():
    """It is rolled back."""
    with recorded() as events, pytest.raises(RecordingError, match=r"read-?only"), read_only_from_now():
        Category.objects.create(name="new")
    assert not Category.objects.exists()
    assert {event.outcome for event in events} <= {"rolled_back"}


@every_failure
def test_rolled_back_work_that_cannot_be_recorded(failure, caplog):
    """The exception under way comes through as it is; the connection goes on; the events are counted."""
    before = unrecorded.total
    with failure():
        with pytest.raises(KeyError, match="why"), transaction.atomic():
            Category.objects.create(name="undone")
            raise KeyError("why")
        assert connection.get_autocommit()
        Note.objects.create(text="afterwards")
    assert not Category.objects.exists()
    assert unrecorded.total - before == 2


def test_one_line_a_minute(goes_on, caplog, monkeypatch):
    """However much is lost, the log of the process gets one line a minute, with the number since the last one."""
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    with value_refused():
        for number in range(5):
            Category.objects.create(name=f"c{number}")
        assert len(caplog.records) == 1
        now += 61
        Category.objects.create(name="after a minute")
    lines = [record.getMessage() for record in caplog.records if record.name == "signal_log"]
    assert len(lines) == 2
    assert lines[1] == "10 events were not recorded, and work goes on without them: a value no column takes"


def test_metrics_count_them(goes_on, rf):
    """`/metrics` tells how many events this process could not write."""

    def told():
        page = metrics(rf.get("/metrics")).content.decode()
        return float(re.search(r"^signal_log_unrecorded_events_total ([\d.e+]+)$", page, re.MULTILINE)[1])

    before = told()
    with value_refused():
        Item.objects.create(name="unrecorded")
    assert told() - before == 2


def test_the_log_in_another_database_that_is_down(goes_on, monkeypatch):
    """The change is committed already, so with `ON_ERROR="log"` not even a log that cannot be reached fails it."""

    def refuse(*_, **__):
        raise OperationalError("the log's server is gone")

    before = unrecorded.total
    connections["log"] = connection.copy("log")
    try:
        monkeypatch.setattr(connections["log"], "ensure_connection", refuse)
        with override_settings(SIGNAL_LOG={**settings.SIGNAL_LOG, "DATABASE": "log"}):
            Category.objects.create(name="new")
    finally:
        del connections["log"]
    assert Category.objects.exists()
    assert unrecorded.total - before == 2


def test_a_record_outside_any_transaction_is_written_whole_or_not_at_all():
    """A row that the database refuses takes the rows before it along, as a kill between two of them would."""
    good, bad = event_value(), event_value(process=None)
    with pytest.raises(RecordingError):
        append.append([good, bad], connection)
    assert not SignalEvent.objects.filter(trace_id=good.trace_id).exists()


def test_a_sink_that_fails_and_recovers(goes_on):
    """Only what the sink refused is missing; what comes after it is recorded."""
    working = sink()

    class Failing(type(working)):
        def append(self, *_, **__):
            raise RecordingError("not now")

    use_sink(Failing())
    try:
        with recorded() as events:
            Category.objects.create(name="lost")
            use_sink(working)
            Category.objects.create(name="kept")
    finally:
        use_sink(working)
    assert [e.object_repr for e in events] == ["kept", "kept"]
