"""System checks of the databases: of a kind that the recorder knows, and set up for several writers."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from django.core import checks
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

from signal_log.capture.trace.context import default_context
from signal_log.conf import accepted, conf
from signal_log.event import MIGRATION
from signal_log.models import SignalEvent
from signal_log.show.replica import holds_another_log
from signal_log.store.hidden_rows import what_hides_rows
from signal_log.store.schema import idle_triggers
from signal_log.store.tables import not_migrated
from signal_log.vendor import vendor_of

SUPPORTED: Final = ("sqlite", "postgresql")
RETURNING: Final = (3, 35)
"""The first SQLite with ``RETURNING``."""
_WAL: Final = re.compile(r"journal_mode\s*=\s*['\"(]?\s*wal", re.IGNORECASE)


def check_vendors(**_: Any) -> list[checks.CheckMessage]:
    """The databases are of kinds that the recorder knows."""
    if not accepted("DATABASE") or conf.DATABASE not in connections:
        return []
    found: list[checks.CheckMessage] = []
    vendors = {alias: vendor_of(connections[alias]) for alias in connections}
    vendor = vendors[conf.DATABASE]
    if vendor not in SUPPORTED:
        found.append(
            checks.Error(
                f"The log's database {conf.DATABASE!r} is {vendor}; supported are SQLite and PostgreSQL.",
                hint='Point SIGNAL_LOG["DATABASE"] at a database of one of these kinds.',
                id="signal_log.E004",
            )
        )
    if vendor == "postgresql" and not _is_psycopg3():
        found.append(
            checks.Error(
                "The log is written to PostgreSQL with COPY by psycopg 3, and this project uses psycopg 2.",
                hint="pip install 'psycopg[binary]'; Django prefers it when both are installed.",
                id="signal_log.E005",
            )
        )
    others = sorted(alias for alias, kind in vendors.items() if kind not in SUPPORTED and alias != conf.DATABASE)
    found += [
        checks.Warning(
            f"The database {alias!r} is {vendors[alias]}: of changes there the log shows what the instances believed.",
            hint="What the log promises is tested on SQLite and PostgreSQL only. If no observed model is there, add "
            "signal_log.W004 to SILENCED_SYSTEM_CHECKS.",
            id="signal_log.W004",
        )
        for alias in others
    ]
    if "sqlite" in vendors.values() and sqlite3.sqlite_version_info < RETURNING:
        found.append(
            checks.Error(
                f"SQLite here is {sqlite3.sqlite_version}, which has no RETURNING: what rows hold cannot be recorded.",
                hint=f"Use a Python whose sqlite3 is at least {'.'.join(map(str, RETURNING))}.",
                id="signal_log.E008",
            )
        )
    return found


def check_sqlite(**_: Any) -> list[checks.CheckMessage]:
    """SQLite is set up for several writers, which the defaults turn away with "database is locked"."""
    if not accepted("DATABASE") or conf.DATABASE not in connections:
        return []
    connection = connections[conf.DATABASE]
    if vendor_of(connection) != "sqlite" or _in_memory(connection):
        return []
    given = connection.settings_dict.get("OPTIONS", {})
    lacking = [
        name
        for name, is_set in (
            ("IMMEDIATE", str(given.get("transaction_mode", "")).upper() in ("IMMEDIATE", "EXCLUSIVE")),
            ("WAL", _WAL.search(str(given.get("init_command", ""))) is not None),
        )
        if not is_set
    ]
    if not lacking:
        return []
    return [
        checks.Warning(
            f"The log's database {conf.DATABASE!r} is SQLite without {' and '.join(lacking)}: two writers at "
            'once fail with "database is locked", or wait long.',
            hint=f"""In DATABASES[{conf.DATABASE!r}]:
    "OPTIONS": {{
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;",
    }},""",
            id="signal_log.W008",
        )
    ]


def _in_memory(connection: BaseDatabaseWrapper) -> bool:
    name = str(connection.settings_dict["NAME"])
    return name == ":memory:" or "mode=memory" in name


def check_sequence(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Ids are allocated one at a time; otherwise readers cannot tell a late event from one that will never arrive."""
    if not accepted("DATABASE") or conf.DATABASE not in connections or conf.DATABASE not in (databases or ()):
        return []
    if vendor_of(connections[conf.DATABASE]) != "postgresql":
        return []
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.execute(
            "SELECT seqcache FROM pg_sequence JOIN pg_depend ON objid = seqrelid WHERE refobjid = to_regclass(%s)",
            [SignalEvent._meta.db_table],
        )
        row = cursor.fetchone()
    if row is None or row[0] == 1:
        return []
    return [
        checks.Error(
            f"The sequence of {SignalEvent._meta.db_table}.id hands out ids in blocks of {row[0]}.",
            hint=f"ALTER SEQUENCE {SignalEvent._meta.db_table}_id_seq CACHE 1; live pages would miss events.",
            id="signal_log.E006",
        )
    ]


def check_tables(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """The log's tables are there, in a project that has been migrated; ``migrate`` itself is about to make them."""
    if not accepted("DATABASE") or conf.DATABASE not in connections or conf.DATABASE not in (databases or ()):
        return []
    if default_context().source == MIGRATION or not _is_migrated(connections[conf.DATABASE]):
        return []
    what, _dot, command = not_migrated(after_error=False).rpartition(". Run: ")
    if not what:
        return []
    return [checks.Warning(f"{what}.", hint=command, id="signal_log.W022")]


def _is_migrated(connection: BaseDatabaseWrapper) -> bool:
    """Whether any migration has been applied; false where this role may not know."""
    try:
        with transaction.atomic(using=connection.alias):
            return bool(MigrationRecorder(connection).applied_migrations())
    except DatabaseError:
        return False


def check_replica(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """What pages are read from is a copy of the log, and no other one."""
    alias = conf.READ_DATABASE if accepted("READ_DATABASE") and accepted("DATABASE") else None
    if alias is None or alias not in (databases or ()) or conf.DATABASE not in connections:
        return []
    try:
        if not holds_another_log(alias):
            return []
    except DatabaseError:  # pages say so, and are read from the log
        return []
    return [
        checks.Warning(
            f"SIGNAL_LOG['READ_DATABASE'] is {alias!r}, which holds another log than {conf.DATABASE!r}. "
            "Pages are read from the log itself.",
            hint="It must be a replica of the log's database. A log of its own is named in LOGS.",
            id="signal_log.W027",
        )
    ]


def check_triggers(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """The database refuses changes of the log: nobody has dropped or disabled its triggers."""
    if not accepted("DATABASE") or conf.DATABASE not in connections or conf.DATABASE not in (databases or ()):
        return []
    connection = connections[conf.DATABASE]
    if vendor_of(connection) not in SUPPORTED:
        return []
    hidden: list[checks.CheckMessage] = [
        checks.Warning(
            f"Rows of the log may be hidden from its readers: {what}.",
            hint="Find out who has done that, and run: python manage.py signal_verify",
            id="signal_log.W014",
        )
        for what in what_hides_rows(connection)
    ]
    idle = idle_triggers(connection)
    if not idle:
        return hidden
    command = "python manage.py migrate signal_log"
    return [
        *hidden,
        checks.Warning(
            f"Rows of {SignalEvent._meta.db_table} can be changed or removed without a trace, and may have been: "
            f"these triggers are missing or disabled: {', '.join(idle)}.",
            hint=command if conf.DATABASE == DEFAULT_DB_ALIAS else f"{command} --database {conf.DATABASE}",
            id="signal_log.W014",
        ),
    ]


def _is_psycopg3() -> bool:
    """Whether Django uses psycopg 3; called only if the database is PostgreSQL."""
    from django.db.backends.postgresql.psycopg_any import is_psycopg3

    return bool(is_psycopg3)
