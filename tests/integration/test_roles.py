"""The roles of deploy/roles.sql: the application's records everything and can change nothing of the log."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from tests.integration.host_project import HostProject
from tests.servers.postgres import psql
from tests.tail import database_url

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db]

ROOT = Path(__file__).resolve().parents[2]
PASSWORDS = {"OWNER_PASSWORD": "of the owner's", "APP_PASSWORD": "of the application's"}
BY_ROLE = """
import os
role = os.environ.get("ROLE", "app")
DATABASES["default"] |= {"USER": f"observatory_{role}", "PASSWORD": os.environ[f"{role.upper()}_PASSWORD"]}
INSTALLED_APPS += ["django.contrib.sessions"]
SIGNAL_LOG = {"MODELS": ["*"], "EXCLUDE": ["sessions.*"], "TRACE_DAYS": 1}
"""
RECORD = """
import json, uuid
from concurrent.futures import ThreadPoolExecutor
from crew.models import Person
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import receiver
import signal_log
from signal_log import ReceiverCall, SignalEvent, SignalTrace
from signal_log.capture.trace.trace import write_kept
from signal_log.store.follow import Follower

@receiver(post_save, sender=Person)
def greet(**_): pass

old = uuid.UUID(int=1 << 80)
SignalTrace.objects.bulk_create([SignalTrace(trace_id=old, source="http", name="GET /", started_at="2020-01-01T00:00Z",
    duration_us=1, events=0, operations=0, failed=0, silent=0, slowest_us=0)])
with signal_log.context(job="import"):
    ada = Person.objects.create(name="ada")
    ada.name = "Ada"
    ada.save()
    with signal_log.batch():
        for number in range(20):  # by COPY
            Person.objects.create(name=str(number))
    Group.objects.create(name="staff").permissions.add(Permission.objects.first())
    Person.objects.filter(name="3").update(name="three")
    try:
        with transaction.atomic():
            ada.delete()
            raise ValueError
    except ValueError:
        pass
    Person.objects.get(name="Ada").delete()
write_kept()
with ThreadPoolExecutor(1) as apart, transaction.atomic():
    Person.objects.create(name="late")
    SignalEvent.objects.count()  # the events of this transaction are written before somebody reads the log in it
    reader = Follower()
    tell = lambda question: apart.submit(question).result()
    print(json.dumps({
        "signals": sorted(set(SignalEvent.objects.values_list("signal", flat=True))),
        "saved": SignalEvent.objects.filter(signal="post_save", sender="crew.Person", source="shell").count(),
        "rolled back": SignalEvent.objects.filter(outcome="rolled_back").count(),
        "traces": list(SignalTrace.objects.values_list("name", flat=True)),
        "pruned": not SignalTrace.objects.filter(trace_id=old).exists(),
        "calls": ReceiverCall.objects.count(), "writers": len(tell(reader.holders)),
        "epoch": tell(reader.epoch), "newest": tell(reader.extent).newest,
        "read": len(tell(lambda: reader.read(0, (), 5))), "begun": tell(reader.beginning)[0].id > 50}))
    tell(reader.close)
"""
REFUSED = [
    "UPDATE signal_log_signalevent SET path = ''",
    "DELETE FROM signal_log_signalevent",
    "TRUNCATE signal_log_signalevent",
    "SELECT * FROM signal_log_signalevent FOR UPDATE",
    "ALTER TABLE signal_log_signalevent DISABLE TRIGGER ALL",
    "DROP TRIGGER signal_log_signalevent_no_change ON signal_log_signalevent",
    "CREATE TRIGGER silent BEFORE INSERT ON signal_log_signalevent EXECUTE FUNCTION signal_log_signalevent_refuse()",
    "CREATE OR REPLACE FUNCTION signal_log_signalevent_append(events json) RETURNS void LANGUAGE sql AS 'SELECT 1'",
    "ALTER SEQUENCE signal_log_signalevent_id_seq RESTART",
    "SELECT setval('signal_log_signalevent_id_seq', 1)",
    "SELECT nextval('signal_log_signalevent_id_seq')",
    "SELECT lo_create(0)",
    "SELECT lo_creat(-1)",
    "SELECT lo_from_bytea(0, '')",
    "SET session_replication_role = 'replica'",
    "CREATE TEMP TABLE signal_log_signalevent (LIKE public.signal_log_signalevent)",
    "CREATE TABLE mine (id int)",
    "CREATE SCHEMA mine",
    "UPDATE signal_log_logidentity SET value = 'another'",
    "DELETE FROM signal_log_logidentity",
    "DELETE FROM signal_log_sealtree",
    "DELETE FROM signal_log_sealtile",
    "DELETE FROM signal_log_sealcheckpoint",
    "DROP TABLE signal_log_signalevent",
    "INSERT INTO signal_log_signalevent (id, path) OVERRIDING SYSTEM VALUE VALUES (9223372036854775807, '/')",
    "SET ROLE observatory_owner",
    "ALTER ROLE observatory_app SUPERUSER",
]


def run(database: str) -> None:
    """Run the file, one at a time: roles belong to the whole server, which other workers use too."""
    with psycopg.connect(database_url(), autocommit=True) as lock:
        lock.execute("SELECT pg_advisory_lock(1)")
        url = psycopg.conninfo.make_conninfo(database_url(), dbname=database)
        psql(url, ROOT / "deploy" / "roles.sql", PASSWORDS)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HostProject:
    """A project on a database that the roles were made for, migrated by its owner."""
    for name, password in PASSWORDS.items():
        monkeypatch.setenv(name, password)
    made = HostProject(tmp_path, settings=BY_ROLE)
    run(made.databases["default"]["NAME"])
    return made


def log_in(project: HostProject, role: str) -> psycopg.Connection:
    """A connection of a role of its own right."""
    password = PASSWORDS[f"{role.upper()}_PASSWORD"]
    url = psycopg.conninfo.make_conninfo(
        database_url(), dbname=project.databases["default"]["NAME"], user=f"observatory_{role}", password=password
    )
    return psycopg.connect(url, autocommit=True)


def is_refused(connection: psycopg.Connection, statement: str) -> bool:
    """Whether a role may not do this, even if there were no triggers; any other error is one."""
    try:
        connection.execute(statement)
    except psycopg.errors.InsufficientPrivilege as error:
        return "append-only" not in str(error)
    return False


def test_the_application_records_and_can_change_nothing(project):
    """With its role all is recorded, by every way of writing; the log itself refuses it everything else."""
    project.manage("migrate", "-v0", ROLE="owner")
    told = json.loads(project.python(RECORD))
    epoch, newest = told.pop("epoch"), told.pop("newest")
    assert len(epoch) == 8
    assert newest > 50
    assert told == {
        "signals": [
            "m2m_changed",
            "post_delete",
            "post_save",
            "pre_delete",
            "pre_save",
            "silent_insert",
            "silent_update",
        ],
        "saved": 1 + 1 + 20 + 1,
        "rolled back": 2,
        "traces": ["migration", "shell"],
        "pruned": True,
        "calls": 22,
        "writers": 1,
        "read": 5,
        "begun": True,
    }
    with log_in(project, "app") as app:
        before = app.execute("SELECT count(*), sum(hashtext(event::text)) FROM signal_log_signalevent event").fetchone()
        assert [statement for statement in REFUSED if not is_refused(app, statement)] == []
        owned = "SELECT count(*) FROM pg_shdepend WHERE refobjid = 'observatory_app'::regrole AND deptype = 'o'"
        assert app.execute(owned).fetchone() == (0,)
        after = app.execute("SELECT count(*), sum(hashtext(event::text)) FROM signal_log_signalevent event").fetchone()
    assert before == after
    with log_in(project, "owner") as owner:
        owner.execute("ALTER TABLE signal_log_signalevent ADD COLUMN note text")
        project.manage("migrate", "-v0", ROLE="owner")
        columns = "SELECT has_column_privilege('observatory_app', 'signal_log_signalevent', %s, 'INSERT')"
        assert [owner.execute(columns, [name]).fetchone() for name in ("note", "path", "id")] == [
            (True,),
            (True,),
            (False,),
        ]


ONE_ROLE = """
CREATE TABLE signal_log_signalevent (id bigint PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, path text);
CREATE TABLE signal_log_logidentity (value text);
CREATE TABLE signal_log_sealtree (id bigint);
CREATE TABLE signal_log_sealtile (id bigint);
CREATE TABLE signal_log_sealcheckpoint (id bigint);
CREATE TABLE account (id serial, name text);
CREATE VIEW names AS SELECT name FROM account;
CREATE FUNCTION signal_log_signalevent_append(events json) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE FUNCTION signal_log_signalevent_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER signal_log_signalevent_no_change BEFORE UPDATE ON signal_log_signalevent
    EXECUTE FUNCTION signal_log_signalevent_refuse();
GRANT ALL ON ALL TABLES IN SCHEMA public TO observatory_app, PUBLIC;
"""
OWNERS = """
SELECT DISTINCT owner::regrole::text FROM (
    SELECT relowner FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION SELECT proowner FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION SELECT nspowner FROM pg_namespace WHERE nspname = 'public'
    UNION SELECT datdba FROM pg_database WHERE datname = current_database()
) AS objects (owner)
"""


def test_an_installation_with_one_role_is_taken_over(project):
    """What another role made becomes the owner's, and the application keeps what it needs, run again or not."""
    name = project.databases["default"]["NAME"]
    with psycopg.connect(psycopg.conninfo.make_conninfo(database_url(), dbname=name), autocommit=True) as superuser:
        superuser.execute(ONE_ROLE)
        run(name)
        assert superuser.execute(OWNERS).fetchall() == [("observatory_owner",)]
    with log_in(project, "app") as app:
        app.execute("INSERT INTO signal_log_signalevent (path) VALUES ('/')")
        app.execute("INSERT INTO account (name) VALUES ('ada')")
        app.execute("UPDATE account SET name = 'Ada'")
        assert app.execute("SELECT path, names.name FROM signal_log_signalevent, names").fetchall() == [("/", "Ada")]
        assert [statement for statement in REFUSED if not is_refused(app, statement)] == []


def test_a_role_of_its_own_can_seal(project, monkeypatch):
    """Then the application reads the tree, and cannot write it; nor can it take back what a verification has found."""
    project.manage("migrate", "-v0", ROLE="owner")
    columns = "(begun_at, ended_at, by, verdict, generation, whole, looked_at, size, last_id, findings)"
    with log_in(project, "app") as app:
        app.execute(
            f"INSERT INTO signal_log_verification {columns} "  # noqa: S608  our own
            "VALUES (now(), now(), '', 'tampered', 1, true, '', 1, 1, '[]')"
        )
        for statement in (
            "DELETE FROM signal_log_verification",
            "UPDATE signal_log_verification SET verdict = 'intact'",
        ):
            assert is_refused(app, statement)
    monkeypatch.setitem(PASSWORDS, "SEALER_PASSWORD", "seals")
    run(project.databases["default"]["NAME"])
    update = "UPDATE signal_log_sealtree SET problem = 'x'"
    with log_in(project, "app") as app, log_in(project, "sealer") as sealer:
        assert is_refused(app, update)
        sealer.execute(update)
        assert [statement for statement in REFUSED if not is_refused(sealer, statement)] == []


def test_what_a_role_has_set_for_itself_is_taken_back(project):
    """PostgreSQL lets every role do that, and nobody can forbid it: the file, run again, begins anew."""
    name = project.databases["default"]["NAME"]
    settings = "SELECT current_setting('default_transaction_read_only'), current_setting('search_path')"
    changed = ("on", "pg_temp", "mine")
    asked = f"{settings}, current_setting('application_name')"
    with psycopg.connect(database_url(), autocommit=True) as lock, log_in(project, "app") as app:
        lock.execute("SELECT pg_advisory_lock(1)")
        app.execute(f"ALTER ROLE observatory_app IN DATABASE {name} SET default_transaction_read_only = on")
        app.execute(f"ALTER ROLE observatory_app IN DATABASE {name} SET search_path = pg_temp")
        app.execute("ALTER ROLE observatory_app SET application_name = 'mine'")  # in all, where other tests are
    with log_in(project, "app") as app:
        assert app.execute(asked).fetchone() == changed
    run(name)
    with log_in(project, "app") as app:
        assert app.execute(asked).fetchone() == ("off", '"$user", public', "")
