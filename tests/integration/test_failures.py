"""When the log cannot be written, the change either fails as a whole or goes on and somebody is told (`ON_ERROR`)."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from django.conf import settings
from django.db import DatabaseError, OperationalError, connection, connections, transaction
from django.test import override_settings

from signal_log.capture.sink import sink, use_sink
from signal_log.capture.transaction import unrecorded as module
from signal_log.capture.transaction.unrecorded import unrecorded
from signal_log.health.collector import measured
from signal_log.models import SignalEvent
from signal_log.store import append
from signal_log.store.append import RecordingError
from tests.factories import event_value
from tests.integration.broken_logs import (
    REASONS,
    read_only_from_now,
    table_missing,
    trigger,
    value_refused,
    without_filler,
)
from tests.log import recorded
from tests.shop.models import Category, Item, Note

pytestmark = pytest.mark.django_db(transaction=True)


every_failure = pytest.mark.parametrize("failure", REASONS, ids=lambda failure: failure.__name__)


@pytest.fixture
def nothing_reported(monkeypatch):
    """Let the next event that is lost be told of, and it alone."""
    monkeypatch.setattr(unrecorded, "_next_line", float("-inf"))
    monkeypatch.setattr(unrecorded, "_reported", unrecorded.total)
    monkeypatch.setattr(unrecorded, "_undone_reported", unrecorded.undone)


@pytest.fixture
def goes_on(nothing_reported):
    """Set `ON_ERROR="log"`, with nothing reported yet."""
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
    """`RecordingError` says why and what to do; no row and no event is left, and the next save works as usual."""
    category = Category.objects.create(name="old")
    category.name = "new"
    with recorded() as events:
        with failure(), pytest.raises(RecordingError, match=REASONS[failure]) as raised:
            work(category)
        assert list(Category.objects.values_list("name", flat=True)) == ["old"]
        assert not Note.objects.exists()
    assert without_filler(events) == []
    assert 'SIGNAL_LOG["ON_ERROR"] = "log"' in str(raised.value)
    assert connection.get_autocommit()
    with recorded() as events:
        category.save()
    assert [(e.outcome, e.changes) for e in events] == [("committed", {"name": ["old", "new"]})] * 2


@every_failure
def test_raise_inside_a_block_even_where_the_host_catches_it(failure):
    """Reading the log inside the block raises, and the block cannot commit, even if the host catches the error."""
    with recorded() as events, failure(), pytest.raises(DatabaseError):
        with transaction.atomic():
            Category.objects.create(name="new")
            with suppress(RecordingError):
                SignalEvent.objects.filter(pk=0).exists()
    assert not Category.objects.exists()
    assert without_filler(events) == []


@pytest.mark.parametrize("work", [*every_work.args[1], save_and_read_the_log], ids=lambda work: work.__name__)
@every_failure
def test_log_means_that_the_change_goes_on(failure, work, goes_on, caplog):
    """The row changes, the block stays usable, and the events are counted but missing from the log."""
    if failure is table_missing and work is save_and_read_the_log:
        work = save_in_a_block  # the host's own read fails there, with or without the app
    category = Category.objects.create(name="old")
    before = unrecorded.total
    category.name = "new"
    with recorded() as events, failure():
        work(category)
    assert list(Category.objects.values_list("name", flat=True)) == ([] if work is delete else ["new"])
    assert Note.objects.exists() == (work in (save_in_a_block, save_in_a_savepoint, save_and_read_the_log))
    assert without_filler(events) == []
    assert unrecorded.total - before == 2
    assert connection.get_autocommit()
    assert re.search(f"2 events were not recorded.*({REASONS[failure]})", caplog.text)


def test_log_never_leaves_half_of_a_record(goes_on):
    """If the database refuses one event of an operation, the other one is not stored either."""
    before = unrecorded.total
    with recorded() as events, trigger("FOR EACH ROW WHEN (NEW.signal = 'post_save')"):
        save_in_a_block(Category(name="new"))
    assert Category.objects.exists()
    assert events == []
    assert unrecorded.total - before == 2


def test_log_in_a_read_only_transaction(goes_on):
    """A transaction that turns read-only commits what it has written."""
    with recorded() as events, read_only_from_now():
        Category.objects.create(name="new")
    assert Category.objects.exists()
    assert events == []


def test_raise_in_a_read_only_transaction():
    """A transaction that turns read-only is rolled back."""
    with recorded() as events, pytest.raises(RecordingError, match=r"read-?only"), read_only_from_now():
        Category.objects.create(name="new")
    assert not Category.objects.exists()
    assert {event.outcome for event in events} <= {"rolled_back"}


@every_failure
def test_rolled_back_work_that_cannot_be_recorded(failure, caplog, nothing_reported):
    """The host's exception propagates unchanged, the connection stays usable, and the events are counted as undone."""
    before = unrecorded.total
    with failure():
        with pytest.raises(KeyError, match="why"), transaction.atomic():
            Category.objects.create(name="undone")
            raise KeyError("why")
        assert connection.get_autocommit()
        Note.objects.create(text="afterwards")
    assert not Category.objects.exists()
    assert unrecorded.total - before == 2
    assert "2 events of work that failed or was rolled back were not recorded: " in caplog.text
    assert "went ahead" not in caplog.text


def test_the_line_of_a_refused_change_agrees_with_its_error(caplog, nothing_reported):
    """In a log that is not migrated both say that the change was rolled back, and name the command."""
    with table_missing(), pytest.raises(RecordingError, match="The change was rolled back") as raised:
        Category.objects.create(name="refused")
    assert not Category.objects.exists()
    (line,) = [record.getMessage() for record in caplog.records if record.name == "signal_log"]
    assert re.match("[12] events? of work that failed or was rolled back w(as|ere) not recorded: ", line)
    for text in (line, str(raised.value)):
        assert "Likely causes: `python manage.py migrate signal_log` has not run there" in text


def test_one_line_a_minute(goes_on, caplog, monkeypatch):
    """However much is lost, the process logs one line a minute, with the number of events since the last one."""
    now = 1000.0
    monkeypatch.setattr(module.clock, "monotonic", lambda: now)
    with value_refused():
        for number in range(5):
            Category.objects.create(name=f"c{number}")
        assert len(caplog.records) == 1
        now += 61
        Category.objects.create(name="after a minute")
    lines = [record.getMessage() for record in caplog.records if record.name == "signal_log"]
    assert len(lines) == 2
    lost = "10 events were not recorded, and the host's changes went ahead without them: "
    assert lines[1] == f"{lost}ValueError: a value no column takes"


def test_a_line_of_both_kinds(nothing_reported, caplog):
    """What went ahead and what did not are told apart; one event is not "1 events"."""
    unrecorded._next_line = float("inf")
    unrecorded.add(2, KeyError(), undone=2)
    unrecorded._next_line = float("-inf")
    unrecorded.add(1, KeyError("why"))
    unrecorded._next_line = float("-inf")
    unrecorded.add(1, KeyError("why"))
    assert [record.getMessage().partition(": KeyError")[0] for record in caplog.records] == [
        "3 events were not recorded: 2 of work that failed or was rolled back, 1 of changes that stay",
        "1 event was not recorded, and the host's changes went ahead without them",
    ]


def test_metrics_count_them(goes_on):
    """`/metrics` reports how many events this process could not write."""

    def unrecorded_events():
        page = measured().decode()
        return float(re.search(r"^signal_log_unrecorded_events_total ([\d.e+]+)$", page, re.MULTILINE)[1])

    before = unrecorded_events()
    with value_refused():
        Item.objects.create(name="unrecorded")
    assert unrecorded_events() - before == 2


def test_the_log_in_another_database_that_is_down(goes_on, monkeypatch):
    """The change is already committed, so with `ON_ERROR="log"` even an unreachable log does not make it fail."""

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
    """A row that the database refuses also undoes the rows before it, as a kill between two of them would."""
    good, bad = event_value(), event_value(process=None)
    with pytest.raises(RecordingError):
        append.append([good, bad], connection)
    assert not SignalEvent.objects.filter(trace_id=good.trace_id).exists()


def test_a_sink_that_fails_and_recovers(goes_on):
    """Only what the sink refused is missing, and what comes after it is recorded."""
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
