"""A project whose database has the roles of deploy/roles.sql, for tests of what each may do."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.integration.host_project import HostProject
from tests.servers.postgres import psql
from tests.tail import database_url

ROOT = Path(__file__).resolve().parents[2]
PASSWORDS = {"OWNER_PASSWORD": "of the owner's", "APP_PASSWORD": "of the application's"}
BY_ROLE = """
import os
role = os.environ.get("ROLE", "app")
DATABASES["default"] |= {"USER": f"observatory_{role}", "PASSWORD": os.environ[f"{role.upper()}_PASSWORD"]}
INSTALLED_APPS += ["django.contrib.sessions"]
SIGNAL_LOG = {"MODELS": ["*"], "EXCLUDE": ["sessions.*"], "TRACE_DAYS": 1}
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


def made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> HostProject:
    """A project on a database that the roles were made for; its owner has still to migrate it."""
    for name, password in PASSWORDS.items():
        monkeypatch.setenv(name, password)
    project = HostProject(folder, settings=BY_ROLE)
    run(project.databases["default"]["NAME"])
    return project


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
