"""After a test that commits its database is as empty as `flush` leaves it, without a flush."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import TransactionTestCase

from signal_log.models import LogIdentity, SignalEvent
from tests import emptying
from tests.factories import make_event


class Case(TransactionTestCase):
    """A test of one database."""


def test_only_what_flush_makes_is_left(transactional_db, monkeypatch):
    """Rows that point to each other, and the log's, are gone; the log has another identity, and may be written."""
    emptying.empty(Case())
    before = LogIdentity.objects.get().value
    group = Group.objects.create(name="staff")
    group.permissions.set(Permission.objects.all())
    User.objects.create_user("ada").groups.add(group)
    monkeypatch.delattr(emptying, "django_flush")
    emptying.empty(Case())
    tables = connection.introspection.django_table_names(only_existing=True)
    with connection.cursor() as cursor:
        counted = {table: cursor.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in tables}  # noqa: S608
    assert {table for table, rows in counted.items() if rows} == {*emptying.KEPT, LogIdentity._meta.db_table}
    assert LogIdentity.objects.get().value != before
    assert make_event() == SignalEvent.objects.get()
