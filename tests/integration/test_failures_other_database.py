"""The log in another database than the change: errors when it cannot be written, and rollbacks there."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from django.test import override_settings

import signal_log
from signal_log.capture.transaction import buffer, held
from signal_log.capture.transaction.collecting import collecting
from signal_log.capture.transaction.unrecorded import unrecorded
from signal_log.models import SignalEvent
from signal_log.store.append import RecordingError
from tests.shop.models import Category, Item

pytestmark = pytest.mark.django_db(transaction=True)
LOG = "log"


def connect_log(tmp_path, **options):
    """Connect the log's alias to a file of its own or to the same PostgreSQL."""
    if connection.vendor == "sqlite":
        name = f"file:{tmp_path / 'log.sqlite3'}" + ("?mode=ro" if options else "")
        own = {"NAME": name, "OPTIONS": {**connection.settings_dict["OPTIONS"], "uri": True}}
    else:
        own = {"OPTIONS": {**connection.settings_dict["OPTIONS"], **options, "pool": False}}
    fresh = connection.copy(LOG)
    fresh.settings_dict |= own
    connections[LOG] = fresh
    return fresh


@pytest.fixture
def log(tmp_path):
    """The log's connection."""
    fresh = connect_log(tmp_path)
    if fresh.vendor == "sqlite":
        with fresh.schema_editor() as editor:
            editor.create_model(SignalEvent)
    with override_settings(SIGNAL_LOG={**settings.SIGNAL_LOG, "DATABASE": LOG}):
        yield fresh
    connections[LOG].close()
    del connections[LOG]


@pytest.fixture
def read_only_log(log, tmp_path):
    """Make the log's database read-only, like a read-only file or a standby server."""
    log.close()
    fresh = connect_log(tmp_path, options="-c default_transaction_read_only=on")
    if fresh.vendor == "sqlite":
        fresh.settings_dict["OPTIONS"] = {"uri": True}
    return fresh


def recorded(*columns):
    """Return what the log holds of the shop, in order."""
    events = SignalEvent.objects.using(LOG).filter(sender__startswith="shop.").order_by("id")
    return list(events.values_list(*(columns or ("signal", "object_repr", "outcome"))))


def both(name, outcome="committed"):
    return [("pre_save", name, outcome), ("post_save", name, outcome)]


def test_it_is_written_right_after_the_commit(log):
    """Committed and rolled-back work of the other database is written to the log's right after it ends."""
    with pytest.raises(KeyError), transaction.atomic():
        Category.objects.create(name="undone")
        raise KeyError
    Category.objects.create(name="done")
    assert recorded() == both("undone", "rolled_back") + both("done")


# --- the log cannot be written ------------------------------------------------------------------------
@pytest.mark.parametrize("within", [True, False], ids=["block", "autocommit"])
def test_raise_says_that_the_change_was_made(read_only_log, within, caplog):
    """The error says that the change was committed; the host's hooks have run, and the event is counted."""
    before, done = unrecorded.total, []
    with pytest.raises(
        RecordingError, match=r"The change in 'default' was already committed and is unrecorded"
    ) as raised:
        if within:
            with transaction.atomic():
                transaction.on_commit(lambda: done.append("hook"))
                Category.objects.create(name="made")
        else:
            Category.objects.create(name="made")
    assert "was rolled back" not in str(raised.value)
    assert "read" in str(raised.value)
    assert Category.objects.filter(name="made").exists()
    assert done == (["hook"] if within else [])
    assert unrecorded.total - before == 2
    assert connection.get_autocommit()
    assert recorded() == []


def test_raise_does_not_end_other_hooks(read_only_log):
    """A block inside a hook, and a second block after it, are not affected."""
    done = []

    def hook():
        with pytest.raises(RecordingError), transaction.atomic():
            Category.objects.create(name="of the hook")
        done.append("hook")

    with pytest.raises(RecordingError), transaction.atomic():
        transaction.on_commit(hook)
        transaction.on_commit(lambda: done.append("last"))
        Category.objects.create(name="made")
    assert done == ["hook", "last"]
    assert Category.objects.count() == 2
    with transaction.atomic():
        transaction.on_commit(lambda: done.append("later"))
    assert done == ["hook", "last", "later"]


def test_log_means_that_work_goes_on(read_only_log, caplog, monkeypatch):
    """One line is logged, and every event is counted."""
    monkeypatch.setattr(unrecorded, "_next_line", float("-inf"))
    before, done = unrecorded.total, []
    with override_settings(SIGNAL_LOG={**settings.SIGNAL_LOG, "ON_ERROR": "log"}):
        for name in ("a", "b"):
            with transaction.atomic():
                transaction.on_commit(lambda: done.append("hook"))
                Category.objects.create(name=name)
    assert Category.objects.count() == len(done) == 2
    assert unrecorded.total - before == 4
    assert len([record for record in caplog.records if record.name == "signal_log"]) == 1


def test_rolled_back_work_that_cannot_be_recorded(read_only_log):
    """The host's exception propagates, and the events are counted once."""
    before = unrecorded.total
    with pytest.raises(KeyError, match="why"), transaction.atomic():
        Category.objects.create(name="undone")
        raise KeyError("why")
    assert unrecorded.total - before == 2


# --- the log's own connection is in a block -----------------------------------------------------------
class Abort(Exception):
    """Raised to end a block."""


def test_a_block_of_the_log_that_is_rolled_back_undoes_none(log):
    """What was committed elsewhere stays recorded as committed, and what was rolled back there as rolled back."""
    with pytest.raises(Abort), transaction.atomic(using=LOG):
        Category.objects.create(name="made")
        with pytest.raises(KeyError), transaction.atomic():
            Category.objects.create(name="undone")
            raise KeyError
        raise Abort
    assert recorded() == both("made") + both("undone", "rolled_back")
    assert SignalEvent.objects.using(LOG).filter(error__contains="Abort").count() == 0


def test_a_savepoint_of_the_log_that_is_rolled_back_undoes_none(log):
    """Events that a read inside the savepoint wrote are written again after its rollback."""
    with transaction.atomic(using=LOG):
        with pytest.raises(Abort), transaction.atomic(using=LOG):
            Category.objects.create(name="made")
            assert recorded() == both("made")
            raise Abort
        assert recorded() == both("made")
    assert recorded() == both("made")


def test_closing_the_logs_connection_in_its_block_undoes_none(log):
    """The events are written through another connection."""
    with transaction.atomic(using=LOG):
        Category.objects.create(name="made")
        log.close()
    assert recorded() == both("made")


def test_the_block_s_commit_writes_them_once(log):
    """Each event is written once, and is told as what became of the row, which has a transaction of its own."""
    with collecting() as heard:
        with transaction.atomic(using=LOG):
            Category.objects.create(name="made")
        assert [(event.object_repr, event.outcome) for event in heard.fired()] == [("made", "committed")] * 2
    assert recorded() == both("made")


def test_others_committed_events_do_not_count_against_the_limit(log, monkeypatch):
    """The limit on a transaction's own events does not apply to what others have committed."""
    monkeypatch.setattr(held, "MAX_UNWRITTEN", 6)
    monkeypatch.setattr(buffer, "MAX_KEPT", 4)
    with pytest.raises(Abort), transaction.atomic(using=LOG):
        for number in range(10):
            Category.objects.create(name=f"c{number}")
        raise Abort
    assert recorded("object_repr", "outcome") == [(f"c{n}", "committed") for n in range(10) for _ in range(2)]


def test_a_limited_number_of_events_waits(log, monkeypatch):
    """Events beyond the limit are written at once through another connection; on SQLite, with one writer, they wait."""
    monkeypatch.setattr(held, "MAX_WAITING", 4)
    with collecting() as heard, pytest.raises(Abort), transaction.atomic(using=LOG):
        for number in range(5):
            Category.objects.create(name=f"c{number}")
        assert len(held.held_on(log).drafts) == (10 if log.vendor == "sqlite" else 4)
        raise Abort
    assert sorted(recorded("object_repr", "outcome")) == [(f"c{n}", "committed") for n in range(5) for _ in range(2)]
    assert len(heard.fired()) == 10


def test_a_test_of_the_host_leaves_nothing_behind(log, monkeypatch):
    """However many events wait for the block of a `TestCase`, none is written around it."""
    monkeypatch.setattr(held, "MAX_WAITING", 2)
    block = transaction.atomic(using=LOG)
    block._from_testcase = True
    with pytest.raises(Abort), block:
        for number in range(3):
            Category.objects.create(name=f"c{number}")
        assert len(recorded()) == 6
        raise Abort
    assert recorded() == []


def test_an_undone_save_leaves_the_instance_as_it_was(log):
    """The values that an instance is compared with depend on rollbacks of its own database, not of the log's."""
    item = Item.objects.create(name="old")
    with pytest.raises(Abort), transaction.atomic(using=LOG):
        item.name = "new"
        item.save()
        raise Abort
    item.stock = 1
    item.save()
    [last] = SignalEvent.objects.using(LOG).filter(sender="shop.Item", signal="post_save").order_by("-id")[:1]
    assert "name" not in last.changes


def test_a_commit_that_fails_with_them(log, tmp_path):
    """The error of the block says that the change was made before it."""
    before = unrecorded.total
    if log.vendor == "sqlite":
        refuse, allow = "PRAGMA query_only = ON", "PRAGMA query_only = OFF"
    else:
        refuse, allow = "SET TRANSACTION READ ONLY", "SELECT 1"
    with pytest.raises(RecordingError, match="'default' was already committed"), transaction.atomic(using=LOG):
        Category.objects.create(name="made")
        with log.cursor() as cursor:
            cursor.execute(refuse)
    assert Category.objects.filter(name="made").exists()
    if log.vendor == "sqlite":
        assert unrecorded.total - before == 2
    else:  # after the rollback it can be written again
        assert recorded() == both("made")
    with log.cursor() as cursor:
        cursor.execute(allow)


def test_the_public_models_read_the_log(log):
    """Without a router and without `using`, they read the database that the log is in; `using` names another."""
    Category.objects.create(name="made")
    for model in (signal_log.SignalEvent, signal_log.SignalTrace, signal_log.ReceiverCall):
        assert model.objects.db == model.objects.filter(pk=1).db == LOG
        assert (model.objects.using("default").db, model.objects.db_manager("default").all().db) == ("default",) * 2
    found = signal_log.SignalEvent.objects.filter(sender="shop.Category")
    assert [event.object_repr for event in found] == ["made", "made"]
