"""A log with partitions and the roles of deploy/roles.sql: who may do what, also after it was dumped and restored."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import psycopg
import pytest

from tests.integration.by_role import REFUSED, is_refused, log_in, made, run
from tests.integration.host_project import HostProject
from tests.servers.postgres import binaries
from tests.tail import database_url

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db]

CONVERT = """
from datetime import timedelta
from django.core.management import call_command
from django.db import connection, transaction
from signal_log import clock
from signal_log.store.append import append
from tests.factories import event_value

def write_old(number):
    old = clock.now() - timedelta(days=400)
    with transaction.atomic():
        append([event_value(occurred_at=old, object_pk=str(at)) for at in range(number)], connection)

write_old(1_100)
call_command("signal_partition", "convert", "--rows", "1000")
write_old(2_000)
"""
MAINTAIN = """
from django.core.management import call_command

call_command("signal_seal")
call_command("signal_prune", "--keep-days", "90")
call_command("signal_partition", "ahead", "--rows", "1000")
call_command("signal_seal")
"""
RECORD = """
import json
from crew.models import Person
import signal_log
from signal_log import SignalEvent
from signal_log.store.partitions.ahead import keep_ahead
from django.db import connection

newest = SignalEvent.objects.order_by("-pk").first().pk
ada = Person.objects.create(name="ada")
ada.name = "Ada"
ada.save()
with signal_log.batch():
    for number in range(20):  # by COPY
        Person.objects.create(name=str(number))
ada.delete()
keep_ahead(connection)
seen = SignalEvent.objects.filter(pk__gt=newest, sender="crew.Person").order_by("pk")
print(json.dumps([seen.count(), *sorted(set(seen.values_list("signal", flat=True)))]))
"""
RECORDED = [46, "post_delete", "post_save", "pre_delete", "pre_save"]


def dumped_and_restored(project: HostProject, folder: Path) -> None:
    """Let the project go on in a database that the dump of its own was restored to."""
    database = project.databases["default"]
    url, file, tools = database_url().rpartition("/")[0], folder / "log.dump", binaries() / "pginstall" / "bin"
    name = f"{database['NAME']}_again"
    with psycopg.connect(database_url(), autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
    for command in (
        ["pg_dump", "--format=custom", f"--file={file}", f"{url}/{database['NAME']}"],
        ["pg_restore", "--exit-on-error", f"--dbname={url}/{name}", file],
    ):
        subprocess.run([tools / command[0], *command[1:]], check=True, capture_output=True)
    database["NAME"] = name
    project._write_settings()
    run(name)


def assert_guarded(project: HostProject) -> None:
    """The application's role can change nothing, by the log's name or by a partition's, and has no right on one."""
    with log_in(project, "app") as app:
        asked = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass"
        found = app.execute(asked, ["signal_log_signalevent"])
        names = [name for (name,) in found]
        assert len(names) >= 4
        direct = [
            statement.format(name)
            for name in names
            for statement in ("SELECT FROM {}", "INSERT INTO {} (path) VALUES ('/')", "UPDATE {} SET path = ''",
                              "DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}", "ALTER TABLE {} DISABLE TRIGGER ALL")
        ]  # fmt: skip
        direct += [f"ALTER TABLE signal_log_signalevent DETACH PARTITION {names[0]}"]
        allowed = [statement for statement in REFUSED + direct if not is_refused(app, statement)]
        assert allowed == []


def test_each_role_does_its_part_also_in_a_restored_copy(tmp_path, monkeypatch):
    """The owner converts, prunes and makes ahead; the application records all, alters nothing; a copy verifies.

    A whole partition is dropped by the prune, and the newest events are in one that was made ahead.
    """
    project = made(tmp_path, monkeypatch)
    project.manage("migrate", "-v0", ROLE="owner")
    monkeypatch.setenv("ROLE", "owner")
    project.python(CONVERT)
    told = project.python(MAINTAIN)
    assert "Dropped 1 partition for it." in told
    monkeypatch.setenv("ROLE", "app")
    assert json.loads(project.python(RECORD)) == RECORDED
    assert_guarded(project)
    before = project.manage("signal_partition", "list")
    dumped_and_restored(project, tmp_path)
    project.manage("signal_seal")
    verdict = json.loads(project.manage("signal_verify", "--json"))
    assert (verdict["verdict"], verdict["findings"]) == ("intact", [])
    assert [line.split()[:3] for line in project.manage("signal_partition", "list").splitlines()] == [
        line.split()[:3] for line in before.splitlines()
    ]
    assert json.loads(project.python(RECORD)) == RECORDED
    assert_guarded(project)
    project.manage("signal_partition", "ahead", "--rows", "2000", ROLE="owner")
    for role in ("owner", "app"):
        assert "(signal_log.W" not in project.manage("check", "--database", "default", ROLE=role)
    project.manage("signal_seal")
    assert json.loads(project.manage("signal_verify", "--json"))["verdict"] == "intact"
