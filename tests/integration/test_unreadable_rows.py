"""Rows that the database does not let us read: the host's save works, and the event says what it could not see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.checks import run_checks
from django.db import connection, transaction

from signal_log.capture.faults import faults
from tests.log import recorded
from tests.shop.models import Category

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

TABLES = "signal_log_signalevent, signal_log_logidentity, signal_log_signaltrace, signal_log_receivercall"


@contextmanager
def role(rights: str, *, fresh: bool = True) -> Iterator[None]:
    """Act as a role with these rights on the categories, which may write the log."""
    clerk = f"clerk_{connection.settings_dict['NAME']}"  # roles are the whole server's
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {clerk}")
        cursor.execute(f"GRANT {rights} ON shop_category TO {clerk}")
        cursor.execute(f"GRANT SELECT, INSERT ON {TABLES} TO {clerk}")
        cursor.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {clerk}")
        cursor.execute(f"SET ROLE {clerk}")
    if fresh:
        connection.connection.__dict__.pop("signal_log_readable", None)  # what was found out as another role
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
            vars(connection.connection).pop("signal_log_readable", None)  # the pool keeps the connection
            cursor.execute(f"DROP OWNED BY {clerk}")
            cursor.execute(f"DROP ROLE {clerk}")
        connection.close()


@pytest.mark.parametrize("in_block", [False, True])
def test_a_role_without_select(in_block, monkeypatch):
    """It may change rows by a key that it can read, and no more."""
    monkeypatch.setattr(faults, "untold_models", {})
    category = Category.objects.create(name="a")
    category.name = "b"
    with role("SELECT (id), UPDATE, INSERT"), recorded() as events:
        if in_block:
            with transaction.atomic():
                category.save()
        else:
            category.save()
    assert [(e.signal, e.outcome, e.overwrote) for e in events] == [
        ("pre_save", "committed", None),
        ("post_save", "committed", None),
    ]
    assert events[1].changes == {"name": ["a", "b"]}  # as the instance believed
    assert faults.untold_models == {"shop.Category": 1}
    category.refresh_from_db()
    assert category.name == "b"


def test_a_role_that_changes_on_a_used_connection():
    """In autocommit the save goes ahead alone, and later ones know."""
    category = Category.objects.create(name="a")
    with role("SELECT (id), UPDATE, INSERT", fresh=False), recorded() as events:
        for name in ("b", "c"):
            category.name = name
            category.save()
    assert [(e.signal, e.changes, e.overwrote) for e in events if e.signal == "post_save"] == [
        ("post_save", {"name": ["a", "b"]}, None),
        ("post_save", {"name": ["b", "c"]}, None),
    ]
    category.refresh_from_db()
    assert category.name == "c"


def test_the_check_names_the_model():
    """``manage.py check --database default`` says which rows cannot be read, and why."""
    with role("SELECT (id), UPDATE, INSERT"):
        found = {m.id: m.msg for m in run_checks(databases=["default"]) if "shop.Category " in m.msg}
    assert "this role has no SELECT on it" in found["signal_log.W005"]
    assert not [m for m in run_checks(databases=["default"]) if m.id == "signal_log.W005"]
