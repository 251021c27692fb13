"""The database that ``DATABASE_URL`` names, and what is wrong with it in one sentence."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from pathlib import Path
from typing import Any, Final

import environ
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError

SCHEMES: Final = ("sqlite:///", "postgres://", "postgresql://")
ACCEPTED: Final = "sqlite:////folder/file.sqlite3 or postgres://user:password@host:5432/name"
SECONDS: float = 2
"""How long a server may take to answer before it counts as down."""
KNOWN: Final = 10
"""For how many seconds a command does not ask again."""


def named_by(url: str, variable: str = "DATABASE_URL") -> dict[str, Any]:
    """The entry of DATABASES for an address; what cannot be one is refused, and not shown: it may hold a password."""
    try:
        if not url.startswith(SCHEMES):
            raise ValueError(url)
        database: dict[str, Any] = environ.Env.db_url_config(url)
    except ValueError:
        raise ImproperlyConfigured(
            f"{variable} is no address that can be read: use {ACCEPTED}, with special characters of the password as "
            "%xx, or unset it for SQLite in var/."
        ) from None
    folder = Path(database["NAME"]).absolute().parent
    if url.startswith("sqlite") and database["NAME"] != ":memory:" and not folder.is_dir():
        raise ImproperlyConfigured(f"{variable} names a file in {folder}, which is no folder: make it first.")
    return database


def read_beside(database: dict[str, Any]) -> dict[str, Any]:
    """The entry of a database that pages read beside their own: they wait for a server that is down three seconds."""
    if not database["ENGINE"].endswith("sqlite3"):
        database["OPTIONS"] = {"connect_timeout": 3} | database.get("OPTIONS", {})
    return database | {"TEST": {"MIRROR": "default"}}


def databases_of_logs(logs: dict[str, Any], variable: str = "LOGS") -> tuple[dict[str, Any], dict[str, Any]]:
    """Entries of DATABASES for logs whose ``database`` is an address, and the logs with the aliases of these."""
    databases, named = {}, {}
    for number, (origin, log) in enumerate(logs.items(), 1):
        named[origin] = log
        if isinstance(log, dict) and isinstance(log.get("database"), str):  # anything else a system check names
            found = read_beside(named_by(log["database"], variable))
            if found["ENGINE"].endswith("sqlite3"):
                found["NAME"] = f"file:{found['NAME']}?mode=ro"
            databases[f"log{number}"] = found
            named[origin] = log | {"database": f"log{number}"}
    return databases, named


def problem(connection: Any) -> str:
    """Why the database of a connection of Django's cannot be used, or an empty text; known within two seconds."""
    where = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite" and where == ":memory:":
        return "DATABASE_URL names a database in memory, of which each thread would see another: name a file."
    if connection.vendor == "postgresql":
        host, port = (connection.settings_dict[key] for key in ("HOST", "PORT"))
        where = f"{where} at {host or 'the local socket'}{f':{port}' if port else ''}"
    found = [f"no answer within {SECONDS} s"]
    attempt = threading.Thread(target=lambda: found.append(_refusal(connection)), daemon=True)
    attempt.start()
    attempt.join(SECONDS)  # a name server, or the second address of a host, may take longer than the driver's timeout
    return f"{connection.display_name} cannot open the database {where}: {found[-1]}." if found[-1] else ""


def hurry(connection: Any) -> str:
    """What is wrong with a server, if anything is; a command that needs it then fails at once, not after its own wait.

    A command may need no database, so this stops none, and one that stays, such as runserver, tries again after a
    while. Wrong settings are reported by Django, which knows which commands work without any.
    """
    try:
        found = problem(connection) if connection.vendor == "postgresql" else ""
    except ImproperlyConfigured:
        return ""
    if found:
        connection.settings_dict["OPTIONS"].pop("pool", None)
        connection.settings_dict["OPTIONS"]["connect_timeout"] = math.ceil(SECONDS)  # libpq knows no shorter one
        _refuse_for_a_while(connection, found)
    return found


def _refuse_for_a_while(connection: Any, found: str) -> None:
    connect, until = connection.get_new_connection, time.monotonic() + KNOWN

    def get_new_connection(parameters: dict[str, Any]) -> Any:
        if time.monotonic() < until:
            raise OperationalError(found)
        return connect(parameters)

    connection.get_new_connection = get_new_connection


def _refusal(connection: Any) -> str:
    """What the driver says when it opens the database, or an empty text."""
    parameters = connection.get_connection_params()
    if connection.vendor == "postgresql":
        parameters["connect_timeout"] = math.ceil(SECONDS)
    try:
        with contextlib.closing(connection.Database.connect(**parameters)) as opened:
            opened.execute("SELECT 1" if connection.vendor == "postgresql" else "PRAGMA schema_version")
    except connection.Database.Error as error:
        return str(error).partition("\n")[0].strip()
    return ""
