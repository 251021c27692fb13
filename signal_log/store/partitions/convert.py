"""Turns the log's table into one with partitions, while others write: the table becomes the first of them.

What takes long takes no lock that a writer waits for: reading the whole table once, so that nobody need read it while
it is attached. Then names are swapped in one transaction of milliseconds. Each step can be interrupted, and all be run
again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from django.db import Error, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.errors import PartitionError
from signal_log.store.partitions.briefly import alone, briefly
from signal_log.store.partitions.layout import BELOW
from signal_log.store.partitions.obstacles import obstacles
from signal_log.store.partitions.statements import (
    attached,
    ends_below,
    guarded,
    made,
    name_of,
    quoted,
    same_rights,
)
from signal_log.store.partitions.table import last_id, run, table_of
from signal_log.store.row import TABLE
from signal_log.store.schema import NO_TRUNCATE, POSTGRESQL_TRIGGERS

ROWS: Final = 5_000_000
"""How many ids a partition has, unless somebody says otherwise."""
FEWEST: Final = 1_000
AHEAD: Final = 3
"""How many partitions are made beside the first."""
NEW: Final = f"{TABLE}_parted"
"""What the table with partitions is called before it is the log."""
FIRST: Final = name_of((1, 2))

_INDEXES: Final = """
    SELECT relname, pg_get_indexdef(pg_index.indexrelid), indisprimary FROM pg_index
    JOIN pg_class ON pg_class.oid = indexrelid WHERE indrelid = to_regclass(%s) ORDER BY relname
"""
_ON: Final = re.compile(r" ON (?:ONLY )?\S+ USING ")


@dataclass(frozen=True, slots=True)
class Log:
    """The table as it is."""

    schema: str
    owner: str
    options: str
    sequence: str
    indexes: tuple[tuple[str, str, bool], ...]
    """Name, definition, and whether it is the primary key's."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All statements, in order."""

    high: int
    prepare: tuple[str, ...]
    """Make the new table with its partitions, beside the log."""
    prove: str
    """Say where the table ends; for a moment nobody may use it."""
    read: str
    """Read it, to see that it is so; nobody waits."""
    lock: str
    swap: tuple[str, ...]


def plan(connection: BaseDatabaseWrapper, rows: int) -> Plan:
    """What a conversion would do. Raises ``PartitionError`` where it is not possible."""
    log = _log(connection)
    found = obstacles(connection)
    if found:
        raise PartitionError(
            f"The log cannot be partitioned while there is, on its table: {', '.join(found)}. Drop what stands "
            "in the way, convert, and make it again on the table that then has the name."
        )
    high = -(-(last_id(connection) + rows) // rows) * rows + 1  # not reached while this goes on
    table = quoted(log.schema, TABLE)
    return Plan(
        high,
        tuple(_prepared(log, high, rows)),
        f'ALTER TABLE {table} ADD CONSTRAINT "{BELOW}{high}" {ends_below(high)} NOT VALID',
        f'ALTER TABLE {table} VALIDATE CONSTRAINT "{BELOW}{high}"',
        f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
        tuple(_swapped(log, high)),
    )


def convert(connection: BaseDatabaseWrapper, rows: int, tell: Callable[[str], Any], *, patience: float) -> float:
    """Do it; returns for how many seconds nobody could write. Raises ``PartitionError`` where it is not possible."""
    plan(connection, rows)
    with alone(connection):
        remove_leftovers(connection, patience=patience)
        planned = plan(connection, rows)
        execute: Callable[[Sequence[str]], None] = lambda statements: run(connection, statements)  # noqa: E731
        tell("Making the partitioned table beside the log.")
        with transaction.atomic(using=connection.alias):
            execute(planned.prepare)
        try:
            briefly(connection, "", lambda: execute([planned.prove]), patience=patience)
            tell("Reading the log once, while others write.")
            with transaction.atomic(using=connection.alias):
                execute(["SET LOCAL statement_timeout = 0", planned.read])
            tell("Waiting for a moment in which nobody has the log's table open.")
            held = briefly(connection, planned.lock, lambda: execute(planned.swap), patience=patience)
        except BaseException:
            with suppress(Error, PartitionError):
                remove_leftovers(connection, patience=5)
            raise
        with transaction.atomic(using=connection.alias):
            execute(["SET LOCAL statement_timeout = 0", f"ANALYZE {TABLE}"])
    return held


def remove_leftovers(connection: BaseDatabaseWrapper, *, patience: float) -> bool:
    """Undo what an interrupted conversion has left; whether there was anything."""
    constraints, has_new = leftovers(connection)
    if not constraints and not has_new:
        return False
    schema = _log(connection).schema
    statements = [f'ALTER TABLE {quoted(schema, TABLE)} DROP CONSTRAINT IF EXISTS "{name}"' for name in constraints]
    briefly(connection, "", lambda: run(connection, statements), patience=patience)
    with transaction.atomic(using=connection.alias):
        run(connection, [f"DROP TABLE IF EXISTS {quoted(schema, NEW)}"])
    return True


def leftovers(connection: BaseDatabaseWrapper) -> tuple[list[str], bool]:
    """Of an interrupted conversion: constraints, which refuse events one day, and whether there is the new table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT coalesce(array_agg(conname::text), '{}') FROM pg_constraint"
            " WHERE conrelid = to_regclass(%s) AND starts_with(conname, %s)), to_regclass(%s) IS NOT NULL",
            [TABLE, BELOW, NEW],
        )
        constraints, has_new = cursor.fetchone()
    return list(constraints), has_new


def _log(connection: BaseDatabaseWrapper) -> Log:
    table = table_of(connection)
    if table.is_partitioned:
        raise PartitionError("The log is partitioned already: `signal_partition list` shows it.")
    table.must_be_ours()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [TABLE])
        (sequence,) = cursor.fetchone()
        if sequence is None:
            raise PartitionError("The log's ids come from no sequence of its table. Run: python manage.py migrate")
        cursor.execute(_INDEXES, [TABLE])
        return Log(table.schema, table.owner, table.options, sequence, tuple(cursor.fetchall()))


def _prepared(log: Log, high: int, rows: int) -> Iterator[str]:
    new = quoted(log.schema, NEW)
    yield f"DROP TABLE IF EXISTS {new}"
    yield (
        f"CREATE TABLE {new} (LIKE {quoted(log.schema, TABLE)} INCLUDING ALL EXCLUDING INDEXES) PARTITION BY RANGE (id)"
    )
    yield f"ALTER TABLE {new} OWNER TO {log.owner}"
    for name, definition, is_primary in log.indexes:
        if is_primary:
            yield f'ALTER TABLE {new} ADD CONSTRAINT "{_beside(name)}" PRIMARY KEY (id)'
        else:
            head, rest = _ON.split(definition, maxsplit=1)
            unique = "UNIQUE " if head.startswith("CREATE UNIQUE") else ""
            yield f'CREATE {unique}INDEX "{_beside(name)}" ON {new} USING {rest}'
    for name, definition in POSTGRESQL_TRIGGERS.items():
        yield f"CREATE TRIGGER {name} {definition.replace(f'ON {TABLE} ', f'ON {new} ', 1)}"
    ahead = [(high + at * rows, high + (at + 1) * rows) for at in range(AHEAD)]
    for bounds in (*ahead, None):
        yield from made(log.schema, NEW, name_of(bounds), log.owner, log.options)
        yield attached(log.schema, NEW, name_of(bounds), bounds)


def _swapped(log: Log, high: int) -> Iterator[str]:
    """In one transaction. Of the old table's triggers attaching makes all but the one on TRUNCATE anew."""
    old, new = quoted(log.schema, TABLE), quoted(log.schema, NEW)
    sequence = f"pg_get_serial_sequence('{new}', 'id')"
    yield same_rights(old, new)
    yield same_rights(log.sequence, quoted(log.schema, f"{NEW}_id_seq"), kind="SEQUENCE")
    yield (
        f"SELECT setval({sequence}, last_value, is_called) FROM {log.sequence}"  # noqa: S608  its own quoted name
    )
    yield f"ALTER TABLE {old} ALTER COLUMN id DROP IDENTITY"
    for name in POSTGRESQL_TRIGGERS:
        if name != NO_TRUNCATE:
            yield f"DROP TRIGGER IF EXISTS {name} ON {old}"
    for name, _, _ in log.indexes:
        yield f'ALTER INDEX {quoted(log.schema, name)} RENAME TO "{_old(name)}"'
    yield f'ALTER TABLE {old} RENAME TO "{FIRST}"'
    yield f'ALTER TABLE {new} RENAME TO "{TABLE}"'
    for name, _, _ in log.indexes:
        yield f'ALTER INDEX {quoted(log.schema, _beside(name))} RENAME TO "{name}"'
    yield f'ALTER SEQUENCE "{log.schema}"."{NEW}_id_seq" RENAME TO "{TABLE}_id_seq"'
    yield from guarded(log.schema, FIRST, log.owner)
    yield attached(log.schema, TABLE, FIRST, (1, high))


def _beside(name: str) -> str:
    return f"{name[:56]}_parted"


def _old(name: str) -> str:
    return f"{name[:60]}_p1"
