"""What the log's table needs in its database besides what Django makes: triggers; PostgreSQL's function and indexes.

The migrations make it, from frozen SQL. After every ``migrate`` and ``flush`` it is compared with what this version
needs, which costs one query: a test suite may skip the migrations, and SQLite drops the triggers of a table that Django
remakes to change a column.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from django.apps import apps
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import post_migrate

from signal_log.event import MAINTENANCE
from signal_log.models import LogIdentity
from signal_log.store.append_only import SETTING
from signal_log.store.changed import FIELD_NAMES
from signal_log.store.row import NAMES, TABLE
from signal_log.vendor import vendor_of

APPEND: Final = f"{TABLE}_append"
"""PostgreSQL's function that appends events. Its plan is cached for the session, even behind a connection pooler."""
REFUSE: Final = f"{TABLE}_refuse"
REFUSE_ID: Final = f"{TABLE}_refuse_id"
REFUSED: Final = "signal_log: the log is append-only; its rows are neither changed nor deleted"

REFUSED_ID: Final = "signal_log: the log takes no such id; the database gives each event its own"
LARGEST_ID: Final = 2**53 - 1
"""The largest id that an event may have: above it JavaScript and canonical JSON know no integers."""
LARGEST_FIRST_ID: Final = 2**52
"""The largest id in an empty log, which may be that of a fixture; as many are left."""
LARGEST_STEP: Final = 10_000_000
"""How far above the newest id the next may be on SQLite, which goes on from there."""

_OPEN: Final = f"EXISTS (SELECT 1 FROM {TABLE} WHERE id = signal_log_unlocked() AND signal = '{MAINTENANCE}')"  # noqa: S608

SQLITE_TRIGGERS: Final = {
    **{
        f"{TABLE}_no_{verb.lower()}": f"CREATE TRIGGER {TABLE}_no_{verb.lower()} BEFORE {verb} ON {TABLE} "
        f"WHEN NOT {_OPEN} BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
        for verb in ("UPDATE", "DELETE")
    },
    # INSERT OR REPLACE removes the row of this id without asking the trigger that refuses a DELETE. An id that SQLite
    # is yet to give is -1 here.
    f"{TABLE}_no_replace": f"CREATE TRIGGER {TABLE}_no_replace BEFORE INSERT ON {TABLE} "  # noqa: S608
    f"WHEN NEW.id > 0 AND EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id) "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END",
    # The next event's id is one above the largest: after the very largest SQLite takes any that is free, and readers,
    # who go by ids, would see no event any more. AFTER, since only then an id is known that SQLite has given.
    f"{TABLE}_no_such_id": f"CREATE TRIGGER {TABLE}_no_such_id AFTER INSERT ON {TABLE} "  # noqa: S608
    f"WHEN NEW.id NOT BETWEEN 1 AND "
    f"coalesce((SELECT max(id) FROM {TABLE} WHERE id < NEW.id) + {LARGEST_STEP}, {LARGEST_FIRST_ID}) "
    f"OR NEW.id > {LARGEST_ID} BEGIN SELECT RAISE(ABORT, '{REFUSED_ID}'); END",
}

FUNCTION_BODIES: Final = {
    # Not the session's setting opens the log, but an event that this very transaction has written to this very table:
    # a temporary one of the same name would be found first. Of a partitioned table it is in another partition than the
    # row, so the table that both are partitions of is compared. A flush by DELETE leaves that event, until it is the
    # only one. STABLE, so that what a statement has done before it comes to a row changes nothing of this.
    REFUSE: rf"""
        DECLARE
            door text := current_setting('{SETTING}', true);
            opening bigint := substring(door FROM '/(\d{{1,18}})$');
        BEGIN
            IF NOT EXISTS (
                SELECT FROM {TABLE} AS event WHERE event.id = opening
                AND coalesce(pg_partition_root(event.tableoid)::oid, event.tableoid)
                    = coalesce(pg_partition_root(TG_RELID)::oid, TG_RELID)
                AND event.signal = '{MAINTENANCE}' AND event.source = 'command:' || split_part(door, '/', 1)
                AND event.labels ->> 'transaction' = pg_current_xact_id()::text
            ) OR (OLD.id = opening AND NOT (door LIKE 'flush/%' AND TG_OP = 'DELETE')) THEN
                RAISE EXCEPTION '{REFUSED}' USING ERRCODE = 'insufficient_privilege';
            END IF;
            IF TG_OP = 'UPDATE' THEN RETURN NEW; END IF;
            IF OLD.id = opening AND EXISTS (SELECT FROM {TABLE} WHERE id <> opening) THEN RETURN NULL; END IF;
            RETURN OLD;
        END
    """,  # noqa: S608
    REFUSE_ID: f"BEGIN RAISE EXCEPTION '{REFUSED_ID}' USING ERRCODE = 'insufficient_privilege'; END",
    APPEND: f"""
        BEGIN
            INSERT INTO {TABLE} ( {NAMES} ) SELECT {NAMES} FROM json_populate_recordset(null::{TABLE}, events);
        END
    """,  # noqa: S608  our own names
}
FUNCTIONS: Final = {
    REFUSE: f"{REFUSE}() RETURNS trigger STABLE",
    REFUSE_ID: f"{REFUSE_ID}() RETURNS trigger",
    APPEND: f"{APPEND}(events json) RETURNS void",
}
NO_TRUNCATE: Final = f"{TABLE}_no_truncate"
POSTGRESQL_TRIGGERS: Final = {
    f"{TABLE}_no_change": f"BEFORE DELETE OR UPDATE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION {REFUSE}()",
    f"{TABLE}_no_such_id": f"BEFORE INSERT ON {TABLE} FOR EACH ROW "
    f"WHEN (new.id < 1 OR new.id > '{LARGEST_ID}'::bigint) EXECUTE FUNCTION {REFUSE_ID}()",
    NO_TRUNCATE: f"BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT EXECUTE FUNCTION {REFUSE}()",
}
_ENABLED: Final = ("O", "A")  # as made, or ALWAYS; not D for disabled, nor R for replicas alone
_OF_PARTITIONS: Final = """
    SELECT json_agg(json_build_array(quote_ident(nspname) || '.' || quote_ident(relname), (
        SELECT coalesce(json_object_agg(tgname, tgenabled), '{}') FROM pg_trigger WHERE tgrelid = pg_class.oid
    )) ORDER BY relname)
    FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE inhparent = to_regclass(%s)
"""
_BRIN: Final = "WITH (pages_per_range = 32, autosummarize = on)"
BY_TIME: Final = (
    # Events come nearly in time order, which is what BRIN is for. Both columns, so that either can rule out a block.
    "DROP INDEX IF EXISTS signal_log_time",
    f"CREATE INDEX signal_log_time ON {TABLE} USING brin (occurred_at, id) {_BRIN}",
)

_AT_ONCE: Final = "WITH (fastupdate = off)"
"""What gathers in a pending list costs more in the end, and all of it whoever fills the list."""
BY_FIELD: Final = (
    "DROP INDEX IF EXISTS signal_log_field",
    f"CREATE INDEX signal_log_field ON {TABLE} USING gin ({FIELD_NAMES.format(changes='changes')}) {_AT_ONCE}",
)


def watch_migrations() -> None:
    """Call ``after_migrate`` before anything else that listens: content types and permissions may be observed too."""
    first = next(config for config in apps.get_app_configs() if config.models_module is not None)
    post_migrate.connect(after_migrate, sender=first, dispatch_uid="signal_log.schema")
    with post_migrate.lock:
        post_migrate.receivers.insert(0, post_migrate.receivers.pop())


def after_migrate(using: str, **_: Any) -> None:
    """Complete the log's table and give the log its identity, if this database has it; receives ``post_migrate``."""
    connection = connections[using]
    needed = missing(connection)
    if needed is None:
        return
    if needed:
        with transaction.atomic(using), connection.cursor() as cursor:
            for statement in needed:
                cursor.execute(statement)
    log_identity(using)


def log_identity(using: str) -> str:
    """The random text that identifies this log; made here unless it was made before, by whomever."""
    identity, _ = LogIdentity.objects.using(using).get_or_create(pk=1, defaults={"value": secrets.token_hex(16)})
    return identity.value


def missing(connection: BaseDatabaseWrapper) -> list[str] | None:
    """The statements that complete the log's table; None if it is not in this database."""
    find = {"sqlite": _missing_on_sqlite, "postgresql": _missing_on_postgresql}.get(vendor_of(connection))
    return None if find is None else find(connection)


def idle_triggers(connection: BaseDatabaseWrapper) -> list[str]:
    """The names of the triggers that are missing or disabled, so that the log can be changed; sorted."""
    with connection.cursor() as cursor:
        if TABLE not in connection.introspection.table_names(cursor):
            return []
        if vendor_of(connection) == "sqlite":
            needed: Iterable[str] = SQLITE_TRIGGERS
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [TABLE])
        else:
            needed = POSTGRESQL_TRIGGERS
            cursor.execute(_OF_PARTITIONS, [TABLE])
            partitions = cursor.fetchone()[0] or []
            cursor.execute(
                "SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass(%s) AND tgenabled = ANY(%s)",
                [TABLE, list(_ENABLED)],
            )
            there = {name for (name,) in cursor.fetchall()}
            return [*sorted({*needed} - there), *(f"{name} on {table}" for table, name, _ in _idle(partitions))]
        return sorted({*needed} - {name for (name,) in cursor.fetchall()})


def _missing_on_sqlite(connection: BaseDatabaseWrapper) -> list[str] | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE tbl_name = %s", [TABLE])
        found = dict(cursor.fetchall())
    if TABLE not in found:
        return None
    needed = []
    for name, statement in SQLITE_TRIGGERS.items():
        if _words(found.get(name)) != _words(statement):
            needed += [f"DROP TRIGGER IF EXISTS {name}", statement]
    return needed


def _missing_on_postgresql(connection: BaseDatabaseWrapper) -> list[str] | None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT to_regclass(%s) IS NOT NULL,
                (SELECT json_object_agg(proname, prosrc) FROM pg_proc
                    WHERE oid IN (to_regprocedure(%s), to_regprocedure(%s), to_regprocedure(%s))),
                (SELECT json_object_agg(tgname, ARRAY[pg_get_triggerdef(oid, true), tgenabled::text]) FROM pg_trigger
                    WHERE tgrelid = to_regclass(%s) AND NOT tgisinternal),
                (SELECT json_object_agg(relname, amname) FROM pg_class JOIN pg_am ON pg_am.oid = relam
                    WHERE pg_class.oid IN (to_regclass('signal_log_time'), to_regclass('signal_log_field'))),
                (SELECT json_agg(DISTINCT ARRAY[attname, grantee::regrole::text])
                    FROM pg_attribute, LATERAL (
                        SELECT DISTINCT grantee FROM pg_attribute AS other, aclexplode(other.attacl)
                        WHERE other.attrelid = pg_attribute.attrelid AND privilege_type = 'INSERT' AND grantee <> 0
                    ) AS grants
                    WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped AND attname <> 'id'
                    AND NOT has_column_privilege(grantee, attrelid, attnum, 'INSERT')),
                ("""  # noqa: S608  our own
            + _OF_PARTITIONS
            + ")",
            [TABLE, f"{APPEND}(json)", f"{REFUSE}()", f"{REFUSE_ID}()", TABLE, TABLE, TABLE],
        )
        exists, functions, triggers, indexes, grants, partitions = cursor.fetchone()
    if not exists:
        return None
    # A role that may give all columns but the id (deploy/roles.sql) may give a column that was added, too.
    granted = [f'GRANT INSERT ("{column}") ON {TABLE} TO {role}' for column, role in grants or ()]
    needed = list(_needed_on_postgresql(functions or {}, triggers or {}, indexes or {}))
    return [*needed, *_needed_on_partitions(partitions or []), *granted]


def _needed_on_postgresql(
    functions: dict[str, str], triggers: dict[str, list[str]], indexes: dict[str, str]
) -> Iterator[str]:
    for name, head in FUNCTIONS.items():
        body = FUNCTION_BODIES[name]
        if _words(functions.get(name)) != _words(body):
            yield f"CREATE OR REPLACE FUNCTION {head} LANGUAGE plpgsql AS $${body}$$"
    for name, definition in POSTGRESQL_TRIGGERS.items():
        statement = f"CREATE TRIGGER {name} {definition}"
        found, enabled = triggers.get(name, ("", ""))
        if found != statement:
            yield statement.replace("CREATE", "CREATE OR REPLACE", 1)
        elif enabled not in _ENABLED:
            yield f"ALTER TABLE {TABLE} ENABLE TRIGGER {name}"
    if indexes.get("signal_log_time") != "brin":
        yield from BY_TIME
    if indexes.get("signal_log_field") != "gin":
        yield from BY_FIELD


def _needed_on_partitions(partitions: Sequence[tuple[str, dict[str, str]]]) -> Iterator[str]:
    """Row triggers come with the table's; one on TRUNCATE is each partition's own, and any can be disabled on one."""
    for table, name, is_there in _idle(partitions):
        if is_there:
            yield f"ALTER TABLE {table} ENABLE TRIGGER {name}"
        elif name == NO_TRUNCATE:
            yield (f"CREATE TRIGGER {name} BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {REFUSE}()")


def _idle(partitions: Sequence[tuple[str, dict[str, str]]]) -> Iterator[tuple[str, str, bool]]:
    """The triggers of each partition that do nothing, and whether they are there, disabled."""
    for table, found in partitions:
        for name in POSTGRESQL_TRIGGERS:
            if found.get(name) not in _ENABLED:
                yield table, name, name in found


def _words(statement: str | None) -> list[str] | None:
    """A statement without its line breaks."""
    return None if statement is None else statement.split()
