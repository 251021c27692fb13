"""A host's own test suite starts and passes with the app installed, whatever it does about migrations and databases."""

import pytest

from tests.integration.host_project import HostProject

pytestmark = pytest.mark.django_db

NO_MIGRATIONS = """
MIGRATION_MODULES = {label: None for label in ("contenttypes", "auth", "signal_log", "crew")}
"""
ELSEWHERE = """
SIGNAL_LOG = {"MODELS": ["*"], "DATABASE": "audit"}
DATABASE_ROUTERS = ["crew.router.Router"]
"""
ROUTER = """
class Router:
    def db_for_read(self, model, **hints):
        return "audit" if model._meta.app_label == "signal_log" else None

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        return (db == "audit") == (app_label == "signal_log")
"""
RECORDED = """
from crew.models import Person
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction
from django.test import TestCase, TransactionTestCase
from signal_log import SignalEvent
from signal_log.store import schema

class Each(TransactionTestCase):
    def check(self):
        with transaction.atomic():
            for number in range(20):
                Person.objects.create(name=f"p{number}")
        with self.assertRaisesMessage(DatabaseError, "append-only"), transaction.atomic():
            SignalEvent.objects.update(path="x")
        self.assertEqual(SignalEvent.objects.filter(sender="crew.Person", changes__name__1="p7").count(), 2)
        self.assertEqual(schema.missing(connection), [])

    def test_one(self):
        Person.objects.create(name="ada")
        self.check()

    def test_two(self):
        Group.objects.create(name="staff")
        self.check()

class Whole(TestCase):
    def test_three(self):
        Each.check(self)
"""
SERIALIZED_ALONE = """
from crew.models import Person
from django.test import TransactionTestCase

class Alone(TransactionTestCase):
    serialized_rollback = True
    reset_sequences = True

    def test_one(self):
        self.assertEqual(Person.objects.get().name, "founder")
        Person.objects.all().delete()

    test_two = test_one
"""
SERIALIZED = """
from crew.models import Person
from django.test import TransactionTestCase
from signal_log import SignalEvent

class Serialized(TransactionTestCase):
    serialized_rollback = True

    def check(self):
        self.assertEqual([person.name for person in Person.objects.all()], ["founder"])
        events = SignalEvent.objects.filter(sender="crew.Person", source="migration").order_by("pk")
        self.assertEqual([event.signal for event in events], ["pre_save", "post_save"])
        Person.objects.all().delete()
        Person.objects.create(name="ada")

    def test_one(self):
        self.check()

    def test_two(self):
        self.check()
"""
ONE_DATABASE = """
from crew.models import Person
from django.db import transaction
from django.test import TestCase, TransactionTestCase

class Autocommit(TransactionTestCase):
    databases = {"default"}

    def test_change(self):
        person = Person.objects.create(name="ada")
        person.name = "eve"
        person.save()
        with transaction.atomic():
            person.save()
        try:
            with transaction.atomic():
                person.delete()
                raise ValueError
        except ValueError:
            pass
        Person.objects.all().delete()

class Whole(TestCase):
    def test_change(self):
        person = Person.objects.create(name="ada")
        person.delete()
        with self.captureOnCommitCallbacks(execute=True):
            Person.objects.create(name="ada")

class Both(TransactionTestCase):
    databases = {"default", "audit"}

    def test_recorded(self):
        from signal_log import SignalEvent
        before = SignalEvent.objects.count()
        Person.objects.create(name="ada")
        self.assertEqual(SignalEvent.objects.count(), before + 2)
"""


@pytest.mark.parametrize("settings", ["", NO_MIGRATIONS], ids=["migrations", "no migrations"])
def test_with_and_without_migrations(tmp_path, settings):
    """The tables' triggers and functions are there although no migration has run, and in a database that is kept."""
    project = HostProject(tmp_path, settings=settings)
    project.write("crew/tests.py", RECORDED)
    for _ in range(2 if settings else 1):
        project.manage("test", "crew", "--keepdb")


def test_serialized_rollback(tmp_path):
    """Rows from migrations, and the events of them, come back for every test, also where ids are reset."""
    project = HostProject(tmp_path)
    project.write("crew/tests.py", f"{SERIALIZED}\n{SERIALIZED_ALONE}")
    project.manage("test", "crew")


def test_the_log_in_a_database_that_a_test_does_not_name(tmp_path):
    """A test that may use "default" alone passes, although its changes cannot be recorded."""
    project = HostProject(tmp_path, ("default", "audit"), ELSEWHERE)
    project.write("crew/router.py", ROUTER)
    project.write("crew/tests.py", ONE_DATABASE)
    project.manage("test", "crew")
    project.write("crew/tests.py", SERIALIZED_ALONE)
    project.manage("test", "crew")
