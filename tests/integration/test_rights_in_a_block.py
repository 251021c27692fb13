"""A role, a path or a sequence that changes within the host's own transaction: the save works as without the app."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection, transaction

from signal_log.capture.model import one_message
from signal_log.capture.model.actual_row import reader_of
from signal_log.capture.model.registry import plan_of
from tests.integration.test_unreadable_rows import TABLES
from tests.log import recorded
from tests.shop.models import Category

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


def sql(*statements: str) -> None:
    """Execute statements through a cursor of Django's."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture
def clerk() -> Iterator[str]:
    """A role that may change categories by a key that it can read, and no more."""
    name = f"clerk_{connection.settings_dict['NAME']}"  # roles are the whole server's
    sql(
        f"CREATE ROLE {name}",
        f"GRANT SELECT (id), UPDATE, INSERT ON shop_category TO {name}",
        f"GRANT SELECT, INSERT ON {TABLES} TO {name}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {name}",
    )
    yield name
    sql("RESET ROLE", f"DROP OWNED BY {name}", f"DROP ROLE {name}")


SWITCHES = {
    "local": ["SET LOCAL ROLE {}"],
    "session": ["/* why */ set session role {}"],
    "function": ["SELECT set_config('role', '{}', true)"],
    "revoked": ["GRANT ALL ON shop_category TO {}", "SET ROLE {}", "RESET ROLE", "SET LOCAL ROLE {}"],
}


@pytest.mark.parametrize("switch", SWITCHES.values(), ids=SWITCHES)
def test_a_role_that_may_not_read(switch, clerk):
    """The events hold what the object believes while that role acts, and what the row holds before and after."""
    category = Category.objects.create(name="a")
    with recorded() as events, transaction.atomic():
        category.name = "b"
        category.save()
        if "GRANT" in switch[0]:
            sql(switch[0].format(clerk), switch[1].format(clerk))
            category.save()
            sql(switch[2], f"REVOKE SELECT ON shop_category FROM {clerk}")  # noqa: S608  not a query
            sql(f"GRANT SELECT (id) ON shop_category TO {clerk}")
            switch = switch[3:]
        sql(*[statement.format(clerk) for statement in switch])
        for name in ("c", "d"):
            category.name = name
            category.save(update_fields=["name"])
        sql("RESET ROLE")
        category.name = "e"
        category.save()
    posts = [(e.changes["name"], e.overwrote) for e in events if e.signal == "post_save" and e.changes]
    assert posts == [(["a", "b"], []), (["b", "c"], None), (["c", "d"], None), (["d", "e"], [])]


@pytest.mark.parametrize("end", ["commit", "rollback", "savepoint"])
def test_a_role_that_ends_with_the_block(end, clerk):
    """What was found out as a role that may read does not hold for the one that acts afterwards."""
    category = Category.objects.create(name="a")
    sql(f"SET ROLE {clerk}")
    try:
        with transaction.atomic():
            inner = connection.savepoint()
            sql("SET LOCAL ROLE NONE")
            category.name = "b"
            category.save()
            if end == "savepoint":
                connection.savepoint_rollback(inner)
                category.save()
            transaction.set_rollback(end == "rollback")
        with recorded() as events, transaction.atomic():
            category.name = "c"
            category.save()
    finally:
        sql("RESET ROLE")
    assert [e.overwrote for e in events] == [None, None]
    assert Category.objects.get().name == "c"


def test_a_sequence_that_is_renamed_replaced_and_dropped():
    """A key that comes from elsewhere now is found there."""
    made = [Category.objects.create(name=name).pk for name in "ab"]  # known on this connection from now on
    with recorded() as events, pytest.raises(KeyError), transaction.atomic():
        sql("ALTER SEQUENCE shop_category_id_seq RENAME TO renamed")
        made.append(Category.objects.create(name="c").pk)
        sql("CREATE SEQUENCE elsewhere START 5000", "ALTER TABLE shop_category ALTER id DROP IDENTITY")
        sql("ALTER TABLE shop_category ALTER id SET DEFAULT nextval('elsewhere')")
        made += [Category.objects.create(name=name).pk for name in "de"]
        raise KeyError
    assert made[2:] == [made[1] + 1, 5000, 5001]
    assert [e.changes["id"] for e in events if e.signal == "post_save"] == [[None, key] for key in made[2:]]
    assert Category.objects.create(name="f").pk > made[1]


def test_a_sequence_that_may_only_be_drawn_from(clerk):
    """The new row is read by the key that Django has learned."""
    sql(f"GRANT SELECT ON shop_category TO {clerk}", f"REVOKE USAGE ON SEQUENCE shop_category_id_seq FROM {clerk}")
    sql(f"GRANT UPDATE ON SEQUENCE shop_category_id_seq TO {clerk}")
    with recorded() as events, transaction.atomic():
        sql(f"SET LOCAL ROLE {clerk}")
        keys = [Category.objects.create(name=name).pk for name in "abc"]
    assert [e.changes["id"] for e in events if e.signal == "post_save"] == [[None, key] for key in keys]


def test_a_new_row_is_found_by_the_index():
    """However large the table is, reading a new row's values does not go through it."""
    Category.objects.create(name="a")
    reader = reader_of(plan_of(Category), connection)
    message = one_message.insert(reader, connection, "INSERT", (), None, begin=False)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {message.after[0]}", message.params)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Index Scan using shop_category_pkey" in plan
