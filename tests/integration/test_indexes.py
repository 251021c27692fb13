"""The log's table and its indexes stay small on each database, and their migration can be undone."""

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from signal_log.models import SignalEvent
from signal_log.store.append import FEW
from signal_log.store.schema import APPEND
from tests.log import recorded
from tests.shop.models import Category

pytestmark = pytest.mark.django_db(transaction=True)


def indexes():
    """Return the columns and the kind of each index of the log."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, SignalEvent._meta.db_table)
    return {
        name: (constraint["columns"], constraint["type"])
        for name, constraint in found.items()
        if name.startswith("signal_log_") and constraint["index"] and not constraint["primary_key"]
    }


def functions():
    """Return how many functions append to the log."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_proc WHERE proname = %s", [APPEND])
        return cursor.fetchone()[0]


def test_the_columns_of_the_indexes():
    """No B-tree ends in the id, so PostgreSQL can store equal keys once; time has the smallest kind of index."""
    on_postgresql = connection.vendor == "postgresql"
    found = indexes()
    assert {name: columns for name, (columns, _) in found.items()} == {
        "signal_log_object": ["sender", "object_pk"],
        "signal_log_trace": ["trace_id", "position"],
        "signal_log_actor": ["actor_repr"],
        "signal_log_actor_pk": ["actor_pk"],
        "signal_log_time": ["occurred_at", "id"] if on_postgresql else ["occurred_at"],
    }
    assert found["signal_log_time"][1] == ("brin" if on_postgresql else "idx")
    assert functions() == on_postgresql


def test_there_and_back():
    """The migration can be undone and applied again, and the log can be written afterwards."""
    before = indexes()
    call_command("migrate", "signal_log", "zero", verbosity=0)
    assert functions() == 0
    assert not indexes()
    call_command("migrate", "signal_log", verbosity=0)
    assert indexes() == before
    with recorded() as events:
        Category.objects.create(name="a")
    assert [event.outcome for event in events] == ["committed"] * 2


@pytest.mark.parametrize("count", [1, FEW // 2, FEW // 2 + 1, 40])
def test_few_rows_and_many_are_the_same_rows(count):
    """PostgreSQL has one way for few rows and one for many; both store hostile text, nulls and nested values."""
    name = "it's E'\\x' \\\\ \"ü\" \U0001f600 %s ; COMMIT; --"
    with recorded() as events, transaction.atomic():
        for number in range(count):
            Category.objects.create(name=f"{name}{number}")
    assert [event.changes["name"] for event in events[1::2]] == [[None, f"{name}{number}"] for number in range(count)]
    assert {(event.update_fields, event.origin, event.raw, event.parent_position) for event in events} == {
        (None, None, False, None)
    }
    assert all(len(event.salt) == 32 and len(event.digest) == 32 for event in events)
