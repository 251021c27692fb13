"""Looks at the test's database from outside Django, where only what is committed can be seen."""

from __future__ import annotations

import sqlite3
from typing import Any

import psycopg
from django.db import connection

from tests.shop.models import Careful, Category, Gadget, Note, Part, Thing
from tests.tail import database_url

STORED = (Category, Note, Thing, Gadget, Part, Careful, Thing.friends.through)
TABLES = [model._meta.db_table for model in STORED]
NUMBERED = [model._meta.db_table for model in STORED if model is not Gadget]
PATIENCE = 0.1
"""Seconds that another thread waits for a lock which this one may hold."""


class Outside:
    """A connection to the same database that Django knows nothing of."""

    def __init__(self) -> None:
        self._raw: Any
        if connection.vendor == "sqlite":
            name = connection.settings_dict["NAME"]
            self._raw = sqlite3.connect(name, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        else:
            options = f"-c lock_timeout={int(PATIENCE * 1000)}"
            self._raw = psycopg.connect(database_url(), autocommit=True, options=options)
        self.close = self._raw.close

    def ask(self, sql: str) -> list[tuple]:
        """Return the rows that are committed now, or do what a statement says."""
        cursor = self._raw.execute(sql)
        return cursor.fetchall() if cursor.description else []

    def everything(self) -> dict[str, list[tuple]]:
        """Return the rows of every table."""
        return {name: sorted(self.ask(f'SELECT * FROM "{name}"'), key=repr) for name in TABLES}  # noqa: S608  our own

    def empty(self) -> None:
        """Empty the tables and number their rows from one again."""
        for name in reversed(TABLES):
            self._raw.execute(f'DELETE FROM "{name}"')  # noqa: S608  our own names
        if connection.vendor == "sqlite":
            self._raw.execute("DELETE FROM sqlite_sequence WHERE name LIKE 'shop_%'")
        else:
            starting = ", ".join(f"setval(pg_get_serial_sequence('{name}', 'id'), 1, false)" for name in NUMBERED)
            self._raw.execute(f"SELECT {starting}")
