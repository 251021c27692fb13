"""The log's table and its indexes stay small on each database, and their migration can be undone."""

import re

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from signal_log.filters import Filters
from signal_log.models import SignalEvent
from signal_log.store.append import FEW
from signal_log.store.read import as_mapping, events, filtered
from signal_log.store.schema import APPEND
from tests.factories import make_event
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
    """No B-tree of all rows ends in the id, so PostgreSQL can store equal keys once; time has the smallest kind."""
    on_postgresql = connection.vendor == "postgresql"
    found = indexes()
    assert {name: columns for name, (columns, _) in found.items()} == {
        "signal_log_object": ["sender", "object_pk"],
        "signal_log_trace": ["trace_id", "position"],
        "signal_log_actor": ["actor_repr"],
        "signal_log_actor_pk": ["actor_pk"],
        "signal_log_time": ["occurred_at", "id"] if on_postgresql else ["occurred_at"],
        "signal_log_undone": ["outcome", "id"],
        "signal_log_unseen": ["id"],
        "signal_log_unusual": ["signal", "id"],
        **({"signal_log_field": []} if on_postgresql else {}),
    }
    assert found["signal_log_time"][1] == ("brin" if on_postgresql else "idx")
    assert functions() == on_postgresql


@pytest.mark.parametrize("text", ["grace", "7", "", "it's"])
@pytest.mark.parametrize("excluded", [False, True])
def test_an_actor_is_found_by_both_indexes(text, excluded):
    """The filter means name or key, and neither reads the table; what it finds is what Python's filter finds."""
    wire = {"actor": f"!{text}" if excluded else text}
    stored = [make_event(actor_repr=name, actor_pk=key) for name, key in (("grace", "7"), ("7", ""), ("", "grace"))]
    filters = Filters.parse(wire)
    found = filtered(events(), filters)
    expected = {event.pk for event in stored if filters.matches(as_mapping(event))}
    assert set(found.values_list("pk", flat=True)) & {event.pk for event in stored} == expected
    if text and not excluded:
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET LOCAL enable_seqscan = off")  # the table is small
            plan = found.order_by().explain()
        assert {"signal_log_actor", "signal_log_actor_pk"} <= set(re.findall(r"signal_log_\w+", plan))


@pytest.mark.parametrize(
    ("wire", "index"),
    [
        ({"outcome": "failed"}, "signal_log_undone"),
        ({"outcome": ["rolled_back", "failed"]}, "signal_log_undone"),
        ({"overwrote": "yes"}, "signal_log_unseen"),
        ({"overwrote": "stock"}, "signal_log_unseen"),
        ({"signal": "post_delete"}, "signal_log_unusual"),
        ({"field": "is_staff"}, "signal_log_field"),
        ({"field": "is_staff", "new": "true"}, "signal_log_field"),
    ],
)
def test_what_few_events_are_is_found_by_index(wire, index):
    """In a window of ids, as the history looks for it; on SQLite no index can have the names of fields."""
    make_event()
    found = filtered(events(), Filters.parse(wire)).filter(pk__gte=1, pk__lte=10**9).order_by("-pk")[:51]
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # the table is small
            cursor.execute("DROP INDEX signal_log_time")  # which an empty table's planner prefers
            cursor.execute("ALTER TABLE signal_log_signalevent DROP CONSTRAINT signal_log_signalevent_pkey")
            plan = found.explain()
            transaction.set_rollback(True)
        else:
            plan = found.explain()
    if connection.vendor == "postgresql" or index != "signal_log_field":
        assert index in plan


@pytest.mark.one_database
def test_the_table_has_nothing_that_costs_and_guards_nothing():
    """On SQLite, made by migrations or without them, it has no AUTOINCREMENT and no CHECK."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'signal_log_signalevent'")
        migrated = cursor.fetchone()[0]
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        editor.create_model(SignalEvent)
    assert editor.collected_sql[0] == f"{migrated};"
    assert "AUTOINCREMENT" not in migrated
    assert "CHECK" not in migrated


def test_there_and_back():
    """The migration can be undone and applied again, and the log can be written afterwards."""
    before = indexes()
    call_command("migrate", "signal_log", "zero", verbosity=0)
    assert functions() == 0
    assert not indexes()
    call_command("migrate", "signal_log", verbosity=0)
    assert indexes() == before
    call_command("migrate", verbosity=0)  # the project's own that need it, which went with it
    with recorded() as events:
        Category.objects.create(name="a")
    assert [event.outcome for event in events] == ["committed"] * 2


@pytest.mark.parametrize("count", [1, FEW // 2, FEW // 2 + 1, 40])
@pytest.mark.parametrize("quoted", ["", "$signal_log$", "$signal_log", "$$"])
def test_few_rows_and_many_are_the_same_rows(count, quoted):
    """PostgreSQL has one way for few rows and one for many; both store hostile text, nulls and nested values."""
    name = f"{quoted}it's E'\\x' \\\\ \"ü\" \U0001f600 %s ; COMMIT; --"
    with recorded() as events, transaction.atomic():
        for number in range(count):
            Category.objects.create(name=f"{name}{number}")
    assert [event.changes["name"] for event in events[1::2]] == [[None, f"{name}{number}"] for number in range(count)]
    assert {(event.update_fields, event.origin, event.raw, event.parent_position) for event in events} == {
        (None, None, False, None)
    }
    assert all(len(event.salt) == 32 and len(event.digest) == 32 for event in events)
