"""Events are committed only if their work is: every way for work to end, in autocommit and in blocks."""

from contextlib import nullcontext, suppress

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import post_delete, post_save, pre_save

from signal_log.capture.silent import watch
from signal_log.capture.transaction import held
from signal_log.models import SignalEvent
from tests.log import lines, recorded
from tests.shop.models import Category, Item, Note

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def receiver():
    """Connect receivers to a signal for one test."""
    connected = []

    def connect(signal, function, sender=Category):
        signal.connect(function, sender=sender, weak=False)
        connected.append((signal, function, sender))

    yield connect
    for signal, function, sender in connected:
        signal.disconnect(function, sender=sender)


def explode(**_):
    raise ValueError("boom")


def test_autocommit_save_is_one_transaction_with_its_events():
    """The row, its receivers' work and its events are committed together: pre before post, one operation."""
    with recorded() as events:
        Category.objects.create(name="books")
    assert lines(events, "outcome", "position", "operation") == [
        ("pre_save", "shop.Category", "committed", 1, 1),
        ("post_save", "shop.Category", "committed", 2, 1),
    ]
    assert events[0].trace_id == events[1].trace_id


def test_raising_post_save_receiver_undoes_nothing_in_autocommit(receiver):
    """The row is committed by then, as without the app, and so are its events."""
    receiver(post_save, explode)
    with recorded() as events, pytest.raises(ValueError, match="boom"):
        Category.objects.create(name="books")
    assert Category.objects.exists()
    assert lines(events, "outcome", "error") == [
        ("pre_save", "shop.Category", "committed", ""),
        ("post_save", "shop.Category", "committed", ""),
    ]


def test_raising_post_save_receiver_takes_its_block_along(receiver):
    """In a block, row and events are rolled back together, and both are recorded."""
    receiver(post_save, explode)
    with recorded() as events, pytest.raises(ValueError, match="boom"), transaction.atomic():
        Category.objects.create(name="books")
    assert not Category.objects.exists()
    assert lines(events, "outcome", "error") == [
        ("pre_save", "shop.Category", "rolled_back", "ValueError: boom"),
        ("post_save", "shop.Category", "rolled_back", "ValueError: boom"),
    ]


def test_raising_pre_save_receiver_is_a_failed_save(receiver):
    """The pre signal fired and the save never finished."""
    receiver(pre_save, explode)
    with recorded() as events, pytest.raises(ValueError, match="boom"):
        Category.objects.create(name="books")
    assert lines(events, "outcome", "error") == [("pre_save", "shop.Category", "failed", "ValueError: boom")]


def test_failed_sql_is_a_failed_save():
    """A unique violation leaves one failed pre event with the database's own error."""
    Category.objects.create(name="books")
    with recorded() as events, pytest.raises(IntegrityError):
        Category.objects.create(name="books")
    [event] = events
    assert (event.signal, event.outcome) == ("pre_save", "failed")
    assert event.error.startswith("IntegrityError: ")


def test_rolled_back_block_is_recorded_afterwards():
    """Everything in the block is recorded as rolled back, with the exception that ended it."""
    with recorded() as events, pytest.raises(KeyError), transaction.atomic():
        category = Category.objects.create(name="books")
        category.delete()
        raise KeyError("why")
    assert lines(events, "outcome", "error") == [
        (signal, "shop.Category", "rolled_back", "KeyError: 'why'")
        for signal in ("pre_save", "post_save", "pre_delete", "post_delete")
    ]


def test_raising_receiver_caught_inside_a_committed_block(receiver):
    """If the host catches its receiver's exception and commits, the row exists, so the events are committed."""
    receiver(post_save, explode)
    with recorded() as events, transaction.atomic(), pytest.raises(ValueError, match="boom"):
        Category.objects.create(name="books")
    assert Category.objects.exists()
    assert [(e.signal, e.outcome, e.error) for e in events] == [
        ("pre_save", "committed", ""),
        ("post_save", "committed", ""),
    ]
    assert events[1].receivers[0]["error"] == "ValueError: boom"


def test_failing_delete(receiver):
    """What was deleted is recorded as rolled back, what never reached its post signal as failed."""
    for name in ("a", "b"):
        Category.objects.create(name=name)
    receiver(post_delete, explode)
    with recorded() as events, pytest.raises(ValueError, match="boom"):
        Category.objects.all().delete()
    assert Category.objects.count() == 2
    assert sorted((e.signal, e.outcome) for e in events) == [
        ("post_delete", "rolled_back"),
        ("pre_delete", "failed"),
        ("pre_delete", "rolled_back"),
    ]


def test_failure_at_commit():
    """A deferred constraint that fails at COMMIT rolls the events back with the change."""
    with recorded() as events, pytest.raises(IntegrityError):
        with transaction.atomic():
            Item.objects.create(category_id=987654)
    assert not Item.objects.exists()
    assert {e.outcome for e in events} == {"rolled_back"}
    assert all(e.error.startswith("IntegrityError") for e in events)


@pytest.mark.parametrize(
    ("load", "believed", "overwrote"),
    [
        (lambda row: Category.objects.get(pk=row.pk), "never", ["name"]),
        (lambda row: row.refresh_from_db() or row, "old", []),
    ],
)
def test_object_loaded_in_a_block_that_is_rolled_back(load, believed, overwrote):
    """A new object believes what was never committed; one that was there before knows what the row holds again."""
    row = Category.objects.create(name="old")
    with pytest.raises(KeyError), transaction.atomic():
        Category.objects.filter(pk=row.pk).update(name="never")
        seen = load(row)
        raise KeyError
    assert seen.name == "never"
    seen.name = "new"
    with recorded() as events:
        seen.save()
    assert [(e.changes, e.overwrote) for e in events] == [
        ({"name": [believed, "new"]}, None),
        ({"name": ["old", "new"]}, overwrote),
    ]


def test_commit_that_postgresql_makes_a_rollback():
    """After a failed statement whose error was swallowed there is neither exception nor row, and the log says so."""
    with recorded() as events, transaction.atomic():
        Category.objects.create(name="a")
        with suppress(IntegrityError), connection.cursor() as cursor:
            cursor.execute("INSERT INTO shop_category (name) VALUES ('a')")
    is_there = connection.vendor == "sqlite"  # SQLite undoes only the failed statement
    assert Category.objects.exists() is is_there
    saves = [e for e in events if e.signal in ("pre_save", "post_save")]
    assert [e.outcome for e in saves] == ["committed" if is_there else "rolled_back"] * 2
    assert is_there or all("into a ROLLBACK" in e.error for e in saves)


def test_connection_s_methods_take_their_arguments_by_name_too():
    """They accept keyword arguments as Django's own do, while events are held."""
    with recorded() as events, transaction.atomic():
        Category.objects.create(name="kept")
        sid = connection.savepoint()
        Category.objects.create(name="undone")
        connection.savepoint_rollback(sid=sid)
    assert [(e.object_repr, e.outcome) for e in events[1::2]] == [("kept", "committed"), ("undone", "rolled_back")]


def test_commit_inside_a_block_is_refused_and_loses_nothing():
    """Django's error propagates, and the block continues with its events."""
    with recorded() as events, transaction.atomic():
        Category.objects.create(name="a")
        with pytest.raises(transaction.TransactionManagementError):
            connection.commit()
    assert [e.outcome for e in events] == ["committed"] * 2


def test_reading_inside_the_block_sees_its_events_and_a_rollback_still_undoes_them():
    """A statement that names the log writes the held events first; a later rollback marks them as rolled back."""
    with recorded() as events, pytest.raises(KeyError), transaction.atomic():
        Category.objects.create(name="books")
        assert SignalEvent.objects.filter(sender="shop.Category").count() == 2
        raise KeyError
    assert [e.outcome for e in events] == ["rolled_back"] * 2


def test_reading_inside_a_broken_block_is_refused_as_without_the_app():
    """After a database error Django refuses every statement of the block, with its own exception."""
    Category.objects.create(name="books")
    with recorded() as events, transaction.atomic():
        Category.objects.create(name="undone")
        with pytest.raises(IntegrityError):
            Category.objects.create(name="books")
        with pytest.raises(transaction.TransactionManagementError):
            SignalEvent.objects.count()
    assert [e.outcome for e in events] == ["rolled_back", "rolled_back", "failed"]


def test_large_transaction_is_written_in_parts_and_rolls_back_whole():
    """With more events than are held at once, the log is complete after a commit and bounded after a rollback."""
    with recorded() as events, transaction.atomic():
        for number in range(700):
            Category.objects.create(name=f"c{number}")
    assert [e.outcome for e in events] == ["committed"] * 1400
    with recorded() as events, pytest.raises(KeyError), transaction.atomic():
        for category in Category.objects.all():
            category.name += "x"
            category.save()
        Category.objects.all().delete()
        raise KeyError
    assert {e.outcome for e in events} == {"rolled_back"}
    assert 1000 <= len(events) <= 2000
    assert f"(and {2800 - len(events)} more events of this transaction)" in events[-1].error


def test_connection_closed_inside_a_block():
    """Closing the connection ends its transaction, and the attempted work is still recorded."""
    with recorded() as events:
        with pytest.raises(DatabaseError), transaction.atomic():
            Category.objects.create(name="lost")
            connection.close()
            Category.objects.create(name="never")
    assert not Category.objects.exists()
    assert ("post_save", "lost", "rolled_back") in [(e.signal, e.object_repr, e.outcome) for e in events]
    assert "committed" not in {e.outcome for e in events}


def end_backend(other):
    """Let the server end the connection of this thread, as an administrator or a failover does."""
    with other() as administrator:
        administrator.execute("SELECT pg_terminate_backend(%s, 10000)", [connection.connection.info.backend_pid])


@pytest.mark.postgresql
@pytest.mark.parametrize("nested", [False, True], ids=["block", "savepoint"])
def test_the_server_ends_the_connection_inside_a_block(nested, other_connection):
    """The host gets the driver's error as without the app; what the server rolled back is recorded, and why."""
    with recorded() as events, pytest.raises(OperationalError, match="terminating connection"), transaction.atomic():
        Category.objects.create(name="lost")
        with transaction.atomic() if nested else nullcontext():
            Category.objects.create(name="too")
            end_backend(other_connection)
            Category.objects.count()
    assert not Category.objects.exists()
    assert [(e.signal, e.object_repr, e.outcome) for e in events] == [
        (signal, name, "rolled_back") for name in ("lost", "too") for signal in ("pre_save", "post_save")
    ]
    assert all(e.error.startswith("OperationalError") for e in events)
    assert SignalEvent.objects.filter(outcome="rolled_back").count() == 4
    Category.objects.create(name="after")


@pytest.mark.postgresql
def test_a_server_that_is_gone_is_not_waited_for_long(monkeypatch, other_connection):
    """The new connection has a time limit, and comes from no pool, whose limit may be any."""
    asked = []
    monkeypatch.setattr(held, "settle_undone", lambda _, fresh: asked.append(fresh.settings_dict["OPTIONS"]))
    copy = BaseDatabaseWrapper.copy

    def of_a_pool(self):
        fresh = copy(self)
        fresh.settings_dict["OPTIONS"]["pool"] = True
        return fresh

    monkeypatch.setattr(BaseDatabaseWrapper, "copy", of_a_pool)
    with pytest.raises(OperationalError), transaction.atomic():
        Category.objects.create(name="lost")
        end_backend(other_connection)
        Category.objects.count()
    [options] = asked
    assert options["connect_timeout"] == held.SECONDS_TO_CONNECT
    assert "pool" not in options


@pytest.mark.postgresql
def test_what_may_be_committed_is_not_called_rolled_back(other_connection):
    """Where the connection is lost with the COMMIT, nobody knows, and nothing is said."""
    with recorded() as events, pytest.raises(DatabaseError), transaction.atomic():
        Category.objects.create(name="lost")
        end_backend(other_connection)
    assert events == []
    assert not SignalEvent.objects.exists()


def test_python_side_values_after_a_rollback():
    """After a rollback the next save is compared with what the row really holds."""
    category = Category.objects.create(name="old")
    with pytest.raises(KeyError), transaction.atomic():
        category.name = "new"
        category.save()
        raise KeyError
    with recorded() as events:
        category.save()
    assert events[1].changes == {"name": ["old", "new"]}


def test_unobserved_models_leave_no_trace_and_no_transaction():
    """A model that is not observed is saved as Django does it."""
    with recorded() as events:
        note = Note.objects.create(text="x")
        note.delete()
    assert events == []


def test_nothing_stays_on_the_connection():
    """After each transaction only the watcher of silent writes is left on the connection."""
    with pytest.raises(KeyError), transaction.atomic():
        Category.objects.create(name="books")
        raise KeyError
    Category.objects.create(name="books")
    shadows = {"commit", "rollback", "savepoint", "savepoint_rollback", "close", "signal_log_held"}
    assert not shadows & set(connection.__dict__)
    assert connection.execute_wrappers == [watch.watch]
