"""The SQL of the triggers: they write down which row was written past Django, without what may be secret.

What they write is a row of ``PastWrite``, in the transaction of the write; it becomes an event later, for SQL cannot
compute an event's digest. Nothing of it may stop the program that writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.audit.guard.flag import NOT_RECORDED
from signal_log.capture.model.actual_row import RowReader, reader_of
from signal_log.capture.model.plan import Plan
from signal_log.models import PastWrite
from signal_log.vendor import vendor_of

NAME: Final = "signal_log_guard"
"""How the names of all triggers begin; on PostgreSQL also that of their function."""
STAGED: Final = PastWrite._meta.db_table
VERBS: Final = ("insert", "update", "delete")
_COLUMNS: Final = '"label", "verb", "columns", "old", "new", "hidden", "written_at", "transaction", "program"'


@dataclass(frozen=True, slots=True)
class Watched:
    """What a trigger tells of a table: the columns that it writes down, and those of which it tells only that."""

    label: str
    table: str
    shown: tuple[str, ...]
    hidden: tuple[str, ...]


def watched(plan: Plan, connection: BaseDatabaseWrapper) -> Watched:
    """What is told of a model's own table."""
    reader = own_reader(plan, connection)
    secret = may_be_secret(plan)
    shown = tuple(str(c.field.column) for c in reader.columns if c.attname not in secret)
    hidden = tuple(str(c.field.column) for c in reader.columns if c.attname in secret)
    return Watched(plan.label, plan.model._meta.db_table, shown, hidden)


def own_reader(plan: Plan, connection: BaseDatabaseWrapper) -> RowReader:
    """Reads the columns of the model's own table, without those of its parents."""
    return reader_of(plan, connection, own_only=True)


def may_be_secret(plan: Plan) -> frozenset[str]:
    """The columns that may not be written down as they are: masked ones, and those that are masked by what they hold.

    That is JSON, what a row of key and value holds, and the key of a row of any model.
    """
    holding = (column.attname for column in plan.holding)
    generic = (key.attname for key in plan.generic)
    return frozenset((*plan.masked, *plan.nested, *holding, *generic))


def statements(what: Watched, connection: BaseDatabaseWrapper, schema: str) -> list[str]:
    """The statements that make the triggers of a table, instead of those that are there."""
    if vendor_of(connection) == "sqlite":
        return [
            sql
            for name, trigger in sqlite_triggers(what).items()
            for sql in (f"DROP TRIGGER IF EXISTS {_quoted(name)}", trigger)
        ]
    function = function_of(schema)
    condition = f"WHEN ({NOT_RECORDED['postgresql']}) EXECUTE FUNCTION {function}({arguments_text(what)})"
    whose = f"ON {_quoted(what.table)} FOR EACH"
    made = (
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
        f"SET search_path = pg_catalog, pg_temp AS $signal_log${function_body(schema)}$signal_log$"
    )
    return [
        made,
        f"REVOKE ALL ON FUNCTION {function}() FROM PUBLIC",
        f"CREATE OR REPLACE TRIGGER {NAME} AFTER INSERT OR UPDATE OR DELETE {whose} ROW {condition}",
        f"CREATE OR REPLACE TRIGGER {NAME}_truncate AFTER TRUNCATE {whose} STATEMENT {condition}",
    ]


def undoing(what: str, connection: BaseDatabaseWrapper) -> list[str]:
    """The statements that remove the triggers of this table."""
    if vendor_of(connection) == "sqlite":
        return [f"DROP TRIGGER IF EXISTS {_quoted(sqlite_name(verb, what))}" for verb in VERBS]
    return [f"DROP TRIGGER IF EXISTS {name} ON {_quoted(what)}" for name in (NAME, f"{NAME}_truncate")]


# -- PostgreSQL ----------------------------------------------------------------------------------------


def function_of(schema: str) -> str:
    """The function of all triggers, in the schema of the log's tables."""
    return f"{_quoted(schema)}.{NAME}"


def arguments(what: Watched) -> tuple[str, ...]:
    """What a trigger tells the function: the label, and the columns of both kinds."""
    return what.label, json.dumps(what.shown), json.dumps(what.hidden)


def arguments_text(what: Watched) -> str:
    """The same as SQL."""
    return ", ".join(map(_text, arguments(what)))


def function_body(schema: str) -> str:
    """Of the function's owner: who writes needs no right on our table. A failure is a warning, and the write goes on.

    Columns are named, not left out, so that one that a migration adds is told of only when it is known to be no secret.
    """
    return f"""
DECLARE
    shown CONSTANT text[] := ARRAY(SELECT jsonb_array_elements_text(TG_ARGV[1]::jsonb));
    secret CONSTANT text[] := ARRAY(SELECT jsonb_array_elements_text(TG_ARGV[2]::jsonb));
    before jsonb; after jsonb;
BEGIN
    IF TG_OP IN ('UPDATE', 'DELETE') THEN before := to_jsonb(OLD); END IF;
    IF TG_OP IN ('UPDATE', 'INSERT') THEN after := to_jsonb(NEW); END IF;
    IF TG_OP = 'UPDATE' AND before = after THEN RETURN NULL; END IF;
    INSERT INTO {_quoted(schema)}.{STAGED} ({_COLUMNS}) VALUES (
        TG_ARGV[0], lower(TG_OP), '',
        coalesce((SELECT jsonb_object_agg(key, value) FROM jsonb_each(before) WHERE key = ANY (shown))::text, ''),
        coalesce((SELECT jsonb_object_agg(key, value) FROM jsonb_each(after) WHERE key = ANY (shown))::text, ''),
        coalesce((
            SELECT jsonb_object_agg(name, jsonb_build_array(
                coalesce(before -> name, 'null') <> 'null', coalesce(after -> name, 'null') <> 'null'))
            FROM unnest(secret) AS name
            WHERE coalesce(before -> name, 'null') <> coalesce(after -> name, 'null')
        )::text, ''),
        to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        pg_current_xact_id()::text,
        jsonb_build_object('role', session_user, 'application', current_setting('application_name', true),
            'address', host(inet_client_addr()), 'process', pg_backend_pid())::text
    );
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'signal_log: a write past Django could not be noted: %', SQLERRM;
    RETURN NULL;
END
"""  # noqa: S608  our own names


# -- SQLite --------------------------------------------------------------------------------------------


def sqlite_name(verb: str, table: str) -> str:
    """A trigger's name, which all tables of the database share."""
    return f"{NAME}_{verb}_{table}"


def sqlite_triggers(what: Watched) -> dict[str, str]:
    """The triggers by name. They use nothing that some build of SQLite lacks, so that every program can go on writing.

    Their text is as SQLite keeps it.
    """
    made = {}
    for verb in VERBS:
        name = sqlite_name(verb, what.table)
        when = f"AFTER {verb.upper()} ON {_quoted(what.table)} WHEN {' AND '.join(_conditions(verb, what))}"
        written = f"INSERT INTO {STAGED} ({_COLUMNS}) VALUES ({', '.join(_values(verb, what))})"  # noqa: S608  our own
        made[name] = f"CREATE TRIGGER {_quoted(name)} {when} BEGIN {written}; END"
    return made


def _conditions(verb: str, what: Watched) -> Iterator[str]:
    yield NOT_RECORDED["sqlite"]
    if verb == "update":
        both = [f"OLD.{_quoted(name)} IS NOT NEW.{_quoted(name)}" for name in (*what.shown, *what.hidden)]
        yield f"({' OR '.join(both)})"


def _values(verb: str, what: Watched) -> Iterator[str]:
    yield from (_text(what.label), _text(verb), _text(json.dumps(what.shown)))
    yield _literals("OLD", what.shown) if verb != "insert" else "''"
    yield _literals("NEW", what.shown) if verb != "delete" else "''"
    yield _presence(verb, what.hidden)
    yield from ("strftime('%Y-%m-%dT%H:%M:%fZ', 'now')", "''", "''")


def _literals(row: str, names: Sequence[str]) -> str:
    """A text by its bytes: ``quote()`` ends at a NUL, and text that is not UTF-8 could not be read back."""
    return " || ',' || ".join(map(_literal, [f"{row}.{_quoted(name)}" for name in names])) or "''"


def _literal(value: str) -> str:
    return f"CASE typeof({value}) WHEN 'text' THEN 'T''' || hex({value}) || '''' ELSE quote({value}) END"


def _presence(verb: str, names: Sequence[str]) -> str:
    """JSON of which hidden columns changed, and whether they were and are not null."""
    found = []
    for name in names:
        old, new = f"OLD.{_quoted(name)}", f"NEW.{_quoted(name)}"
        was = "0" if verb == "insert" else f"({old} IS NOT NULL)"
        now = "0" if verb == "delete" else f"({new} IS NOT NULL)"
        changed = f"{old} IS NOT {new}" if verb == "update" else f"{was} OR {now}"
        head = _text(f",{json.dumps(name)}:[")
        found.append(f"CASE WHEN {changed} THEN {head} || {was} || ',' || {now} || ']' ELSE '' END")
    return f"'{{' || substr({' || '.join(found)}, 2) || '}}'" if found else "''"


def _quoted(name: str) -> str:
    return '"' + name.strip('"').replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
