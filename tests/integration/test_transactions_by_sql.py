"""Transactions and savepoints that the host makes by SQL of its own: their events share their fate."""

import pytest
from django.db import IntegrityError, connection, transaction

import signal_log
from signal_log.models import SignalEvent
from tests.log import recorded
from tests.shop.models import Category, Thing

pytestmark = pytest.mark.django_db(transaction=True)


def sql(*statements: str) -> None:
    """Execute statements through a cursor of Django's."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture(autouse=True)
def ended():
    """Leave the connection without a transaction and without events, as a passing test does."""
    yield
    held = connection.__dict__.pop("signal_log_held", None)
    if connection.connection is not None:
        connection.connection.rollback()
    assert held is None


def outcomes(events: list[SignalEvent]) -> list[tuple[str, str]]:
    """Return the objects that were saved, with what became of it."""
    return [(e.object_repr, e.outcome) for e in events if e.signal == "post_save"]


@pytest.mark.parametrize(
    "back",
    ["ROLLBACK TO SAVEPOINT a", "rollback to A", '/* why */ ROLLBACK TRANSACTION TO "a"', "  ROLLBACK\n TO -- a\n a;"],
)
def test_a_savepoint_in_a_block(back):
    """What came after it is undone, however the statement is written."""
    with recorded() as events, transaction.atomic():
        Category.objects.create(name="kept")
        sql("SAVEPOINT a")
        Category.objects.create(name="undone")
        sql(back)
        Category.objects.create(name="also kept")
        sql("RELEASE SAVEPOINT a")
    assert outcomes(events) == [("kept", "committed"), ("undone", "rolled_back"), ("also kept", "committed")]


def test_savepoints_of_one_name():
    """The newest hides the older one until it is released, as in the database."""
    with recorded() as events, transaction.atomic():
        sql("SAVEPOINT a")  # older than the first event
        Category.objects.create(name="first")
        sql("SAVEPOINT a")
        Category.objects.create(name="second")
        sql("ROLLBACK TO a", "RELEASE a")
        with pytest.raises(KeyError), transaction.atomic():
            Category.objects.create(name="third")
            sql("SAVEPOINT b")
            raise KeyError
        Category.objects.create(name="fourth")
        assert Category.objects.count() == 2
        sql("ROLLBACK TO a")
        Category.objects.create(name="last")
    assert [outcome for _, outcome in outcomes(events)] == ["rolled_back"] * 4 + ["committed"]
    assert [category.name for category in Category.objects.all()] == ["last"]


@pytest.mark.parametrize("begin", ["BEGIN", "begin transaction", "SAVEPOINT whole"])
@pytest.mark.parametrize("commits", [False, True])
def test_a_transaction_in_autocommit(begin, commits):
    """Its events are committed or rolled back with it; Django knows nothing of it."""
    if begin.startswith("SAVEPOINT") and connection.vendor != "sqlite":
        begin = "START TRANSACTION"
    end = {
        ("SAVEPOINT whole", True): ["RELEASE whole"],
        ("SAVEPOINT whole", False): ["ROLLBACK TO whole", "RELEASE whole"],
    }.get((begin, commits), ["COMMIT" if commits else "ROLLBACK"])
    with recorded() as events:
        sql(begin)
        category = Category.objects.create(name="a")
        sql("SAVEPOINT a")
        category.name = "b"
        category.save()
        Category.objects.filter(pk=category.pk).update(name="c")
        sql("ROLLBACK TO SAVEPOINT a")
        assert SignalEvent.objects.filter(sender="shop.Category", outcome="committed").exists()
        with signal_log.observed_bulk():
            Category.objects.filter(pk=category.pk).update(name="d")
        sql(*end)
        Category.objects.create(name="after")
    kept = "committed" if commits else "rolled_back"
    assert outcomes(events) == [("a", kept), ("b", "rolled_back"), ("after", "committed")]
    silent = [(e.signal, e.outcome) for e in events if e.signal.startswith("silent")]
    assert silent == [("silent_update", "rolled_back"), ("silent_update", kept)]
    assert list(Category.objects.values_list("name", flat=True)) == (["d", "after"] if commits else ["after"])


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_a_transaction_that_is_ended_at_the_driver(end):
    """What we do not see is not claimed: the events go or stay with their change, and the next ones are their own."""
    with recorded() as events:
        sql("BEGIN")
        Category.objects.create(name="a")
        connection.connection.execute(end)
        with pytest.raises(KeyError), transaction.atomic():
            Category.objects.create(name="b")
            raise KeyError
    assert outcomes(events) == [("a", "committed"), ("b", "rolled_back")][end == "ROLLBACK" :]


def test_a_failed_statement_in_a_transaction_of_sql():
    """The attempt is recorded when the transaction has ended, because nothing can be written in a broken one."""
    Category.objects.create(name="taken")
    with recorded() as events:
        sql("BEGIN")
        Category.objects.create(name="a")
        with pytest.raises(IntegrityError):
            Category.objects.create(name="taken")
        sql("ROLLBACK")
    assert [(e.signal, e.object_repr, e.outcome) for e in events] == [
        ("pre_save", "a", "rolled_back"),
        ("post_save", "a", "rolled_back"),
        ("pre_save", "taken", "failed"),
    ]


def test_a_connection_closed_in_a_transaction_of_sql():
    """Closing ends it."""
    with recorded() as events:
        sql("BEGIN")
        Thing.objects.create(name="a")
        connection.close()
    assert outcomes(events) == [("a", "rolled_back")]


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_the_end_of_a_block_by_sql(end):
    """The block goes on in Django's eyes; what came before is decided."""
    with recorded() as events:
        with transaction.atomic():
            Category.objects.create(name="before")
            sql(end)
            Category.objects.create(name="after")
    assert outcomes(events) == [("before", "committed" if end == "COMMIT" else "rolled_back"), ("after", "committed")]
    assert Category.objects.count() == (2 if end == "COMMIT" else 1)


def test_a_commit_that_fails():
    """A deferred constraint undoes the transaction on PostgreSQL, and leaves it open on SQLite."""
    with recorded() as events:
        sql("BEGIN")
        if connection.vendor == "sqlite":
            sql("PRAGMA defer_foreign_keys = ON")
        Category.objects.create(name="a")
        sql("INSERT INTO shop_thing_friends (from_thing_id, to_thing_id) VALUES (777, 778)")
        with pytest.raises(IntegrityError):
            sql("COMMIT")
        if connection.vendor == "sqlite":
            sql("ROLLBACK")
    assert outcomes(events) == [("a", "rolled_back")]
