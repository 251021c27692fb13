"""Logs in databases of their own beside this test's, and what the list of all of them says."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from django.db import connection, connections
from django.test import Client, override_settings

from signal_log import pause
from signal_log.models import LogIdentity, SealTree, SignalEvent
from signal_log.show.logs import asking
from tests.shop.models import Item

A, B, C = "a.example", "b.example", "c.example"
ALIASES: Final = {B: "log_b", C: "log_c"}
IN_THREE_DATABASES: Final = pytest.mark.django_db(transaction=True, databases=["default", *ALIASES.values()])
URL: Final = "https://b.example/signals/"
ROLE: Final = "reader_of_logs"


class Elsewhere:
    """A log in a database of its own, which begins as a copy of this test's."""

    def __init__(self, folder: Path, origin: str) -> None:
        self.origin, self.alias = origin, ALIASES[origin]
        self.entry = connections.databases[self.alias]
        if connection.vendor == "sqlite":
            connection.ensure_connection()
            with closing(sqlite3.connect(folder / self.alias)) as copy:
                connection.connection.backup(copy)
            self.entry["NAME"] = str(folder / self.alias)
        else:
            self._copy_rows()
        now = datetime.now(UTC)
        tree = SealTree(generation=0, origin=f"{origin}/0", root=b"", begun_at=now, grown_at=now)
        tree.save(using=self.alias, force_insert=True)
        self.be_log(secrets.token_hex(16))

    def _copy_rows(self) -> None:
        """Sooner than a database is copied."""
        with pause(), connections[self.alias].cursor() as cursor:
            tables = ", ".join(model._meta.db_table for model in (*asking.READ, Item))
            cursor.execute("SET session_replication_role = replica")  # no trigger objects
            cursor.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
            cursor.execute("SET session_replication_role = DEFAULT")
            LogIdentity(pk=1).save(using=self.alias, force_insert=True)
            rows = SignalEvent.objects.using(self.alias).bulk_create(SignalEvent.objects.order_by("pk"))
            if rows:
                cursor.execute("SELECT setval('signal_log_signalevent_id_seq', %s)", [rows[-1].pk])

    @staticmethod
    def server(**how: Any) -> psycopg.Connection:
        """A connection of the owner's to this test's PostgreSQL."""
        own = connections["default"].settings_dict
        where = {"host": own["HOST"], "port": own["PORT"], "user": own["USER"], "password": own["PASSWORD"]}
        return psycopg.connect(**{**where, "dbname": "postgres", "autocommit": True, **how})

    def run(self, statement: str) -> None:
        """Run SQL there as its owner."""
        with connections[self.alias].cursor() as cursor:
            cursor.execute(statement)

    def be_log(self, identity: str) -> None:
        """Be another log than the one it was copied from, or the same again."""
        LogIdentity.objects.using(self.alias).update(value=identity)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """What is changed there is recorded there meanwhile."""
        with override_settings(SIGNAL_LOG={"MODELS": ["shop.*"], "DATABASE": self.alias}):
            yield

    def create(self, *names: str) -> None:
        """Make items there, in its own log."""
        with self.recording():
            for name in names:
                Item.objects.using(self.alias).create(name=name)

    def read_by_role(self) -> None:
        """Have it read by a role with SELECT on the tables that the documentation names."""
        with self.server(dbname=self.entry["NAME"]) as server:
            if not server.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
                server.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD 'for a test'")
            for model in asking.READ:
                server.execute(f"GRANT SELECT ON {model._meta.db_table} TO {ROLE}")
        connections[self.alias].close()
        self.entry |= {"USER": ROLE, "PASSWORD": "for a test"}


Begin = Callable[..., Elsewhere]
"""The fixture `begin`."""


@contextmanager
def shown(*others: Elsewhere, url: str = URL, **more: Any) -> Iterator[None]:
    """These logs are named in LOGS."""
    logs = {one.origin: {"database": one.alias, "url": url} for one in others}
    with override_settings(
        SIGNAL_LOG={"MODELS": ["shop.*"], "SEAL_ORIGIN": A, "LOGS": logs, **more},
    ):
        yield


def told(reader: Client, query: str = "") -> dict[str, Any]:
    answer = reader.get(f"/logs/?format=json&{query}")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = json.loads(answer.content)
    return found


def names(found: dict[str, Any]) -> list[tuple[str, str]]:
    saved = [one for one in found["events"] if (one["sender"], one["signal"]) == ("shop.Item", "post_save")]
    return [(one["log"], one["changes"]["name"][1]) for one in saved]
