"""Runs the SQL files of this folder, which are frozen: a migration must not run code of the app that changes later."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import router
from django.db.migrations.operations.base import Operation


class RunFile(Operation):
    """Run ``NAME.VENDOR.sql`` on the log's database, and ``NAME.VENDOR.undo.sql`` to undo it, where they exist."""

    reversible = True

    def __init__(self, name: str) -> None:
        self.name = name

    def state_forwards(self, app_label: str, state: Any) -> None:
        """The models stay as they are."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Run the file."""
        self._run("sql", app_label, schema_editor, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Run the file that undoes it."""
        self._run("undo.sql", app_label, schema_editor, from_state)

    def describe(self) -> str:
        """Shown by ``migrate --plan``."""
        return f"Run the SQL in {self.name}"

    def _run(self, suffix: str, app_label: str, schema_editor: Any, state: Any) -> None:
        connection = schema_editor.connection
        file = Path(__file__).with_name(f"{self.name}.{connection.vendor}.{suffix}")
        log = state.apps.get_model(app_label, "SignalEvent")
        if file.exists() and router.allow_migrate_model(connection.alias, log):
            text = file.read_text(encoding="utf-8")
            for statement in single_statements(text) if connection.vendor == "sqlite" else [text]:
                schema_editor.execute(statement, params=None)


def single_statements(text: str) -> Iterator[str]:
    """The statements of a file, of which SQLite runs only one at a time; each ends at the end of a line."""
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement.strip().removesuffix(";")
            statement = ""
