"""A dump of everything can be loaded: the log of a fixture goes into an empty log, or is the log that is there."""

import json

import pytest

from tests.integration.host_project import MODELS, HostProject

pytestmark = pytest.mark.django_db

WRITE = """
import signal_log
from crew.models import Person
from signal_log.models import LogIdentity
LogIdentity.objects.update(value=32 * "f")  # another log than the one it was copied from
with signal_log.context(actor="Zoë \\u202e", job="import"):
    ada = Person.objects.create(name="ada 🎈")
    ada.name = "Ada"
    ada.save()
    ada.delete()
with signal_log.batch():  # so many that a transaction of saves would write some of their events early
    for number in range(40):
        Person.objects.create(name=str(number))
"""
PEOPLE = 40
EARLY = """
from signal_log.capture.transaction import held
held.MAX_UNWRITTEN = 50  # not 1,000
"""
READ = """
import json
from signal_log import SignalEvent
from signal_log.seal.canonical import event_digest
from signal_log.store.read import as_mapping
rows = list(SignalEvent.objects.order_by("pk"))
print(json.dumps([as_mapping(row) for row in rows]))
assert all(event_digest(as_mapping(row), bytes(row.salt)) == bytes(row.digest) for row in rows)
"""
NO_FOUNDER = """
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("crew", "0001_initial")]
"""
CREW_ONLY = 'SIGNAL_LOG = {"MODELS": ["crew.*"]}'


@pytest.fixture(scope="module")
def empty(django_db_setup, tmp_path_factory):
    """A migrated project whose log is empty, as in a reference installation; to be copied."""
    project = HostProject(tmp_path_factory.mktemp("empty"), settings=CREW_ONLY)
    project.write("crew/models.py", MODELS + EARLY)
    project.write("crew/migrations/0002_founder.py", NO_FOUNDER)
    project.manage("migrate", "-v0")
    return project


@pytest.fixture(scope="module")
def full(empty, tmp_path_factory):
    """A project with a log, and a dump of everything in `all.json`; to be copied."""
    project = empty.copy(tmp_path_factory.mktemp("full"))
    project.python(WRITE)
    project.manage("dumpdata", "-o", "all.json")
    return project


def log_of(project):
    """Return the rows of the log."""
    return json.loads(project.python(READ))


def test_a_dump_goes_into_a_fresh_database(empty, full, tmp_path):
    """Every event arrives as it was, to the microsecond, with its digest; what loading saved is recorded after it."""
    fresh = empty.copy(tmp_path)
    fresh.manage("loaddata", str(full.folder / "all.json"))
    before, after = log_of(full), log_of(fresh)
    assert len(before) == 6 + 2 * PEOPLE
    assert after[: len(before)] == before
    assert [(event["signal"], event["raw"]) for event in after[len(before) :]] == [
        ("pre_save", True),
        ("post_save", True),
    ] * PEOPLE
    assert fresh.python(IDENTITY) == full.python(IDENTITY) != empty.python(IDENTITY)


def test_a_dump_goes_into_its_own_database(full, tmp_path):
    """Rows of the log that are there already are left as they are."""
    own = full.copy(tmp_path)
    before = log_of(own)
    own.manage("loaddata", "all.json")
    assert log_of(own)[: len(before)] == before


def test_a_foreign_log_is_refused_and_the_way_is_named(empty, full, tmp_path):
    """A log that has other events is not mixed with the fixture's; without the log the dump loads."""
    other = empty.copy(tmp_path)
    other.python("from crew.models import Person\nPerson.objects.create(name='mallory')")
    before = log_of(other)
    complaint = other.fails("loaddata", str(full.folder / "all.json"))
    assert "event 1 of the fixture is not event 1 of this log" in complaint
    assert "dumpdata --exclude signal_log" in complaint
    assert log_of(other)[: len(before)] == before
    assert "loaddata --exclude signal_log" in complaint
    other.manage("loaddata", "--exclude", "signal_log", str(full.folder / "all.json"))
    assert log_of(other)[: len(before)] == before


def test_a_dump_with_its_log_after_a_flush(full, tmp_path):
    """The event of `flush` is in the way of the dump's log: it is refused as said, and leaves nothing half loaded.

    Without the log the rows are loaded, and the event stays the first one.
    """
    flushed, complaint, kept, people, log = json.loads(full.copy(tmp_path).python(FLUSH))
    assert flushed == [[1, "signal_log.maintenance"]]
    assert "event 1 of the fixture is not event 1 of this log" in complaint
    assert "after `flush` the event of it is there" in complaint
    assert "loaddata --exclude signal_log" in complaint
    assert kept == [flushed, 0]
    assert people == PEOPLE
    assert log[:1] == flushed
    assert len(log) == 1 + 2 * PEOPLE


FLUSH = """
import json
from django.core.management import call_command
from django.db import IntegrityError
from crew.models import Person
from signal_log import SignalEvent

def log():
    return [*SignalEvent.objects.order_by("pk").values_list("pk", "signal")]

# as docs/how-to/move-to-postgresql.md dumps: flush numbers content types anew, in another order than migrate
call_command("dumpdata", use_natural_foreign_keys=True, exclude=["contenttypes", "auth.permission"], output="a.json")
call_command("flush", interactive=False, verbosity=0)
told = [log()]
try:
    call_command("loaddata", "a.json", verbosity=0)
except IntegrityError as error:
    told += [str(error), [log(), Person.objects.count()]]
call_command("loaddata", "a.json", exclude=["signal_log"], verbosity=0)
print(json.dumps([*told, Person.objects.count(), log()]))
"""
IDENTITY = """
from signal_log.store.schema import log_identity
print(log_identity("default"))
"""
