"""Which database this is, among its copies: a restored or copied one has the same rows, and another place."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.vendor import vendor_of


def place(connection: BaseDatabaseWrapper) -> str:
    """A text that is the same for as long as the database is at its place, and another for a copy of it."""
    told = _on_sqlite(connection) if vendor_of(connection) == "sqlite" else _on_postgresql(connection)
    return sha256(told.encode()).hexdigest()[:16]


def _on_sqlite(connection: Any) -> str:
    """The file's path and number on its disk; of one in memory, its name."""
    path = Path(str(connection.settings_dict["NAME"]))
    try:
        return f"{path.resolve()} {path.stat().st_ino}"
    except OSError:
        return str(path)


def _on_postgresql(connection: BaseDatabaseWrapper) -> str:
    """The cluster's number, which ``initdb`` gives it, and the database's there."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT system_identifier::text, oid::text FROM pg_control_system(), pg_database "
            "WHERE datname = current_database()"
        )
        return " ".join(cursor.fetchone())
