"""What in the database could keep rows of the log's tables from those who read them, and its verification from it."""

from __future__ import annotations

from typing import Final

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.models import SealCheckpoint, SealTile, SealTree, SignalEvent
from signal_log.store.partitions.layout import taken_out
from signal_log.vendor import vendor_of

_SEALED: Final = (SignalEvent, SealTree, SealTile, SealCheckpoint)

_POSTGRESQL: Final = """
    SELECT pg_class.relname, relkind NOT IN ('r', 'p'), relrowsecurity OR relforcerowsecurity,
        EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid),
        EXISTS (SELECT FROM pg_rewrite WHERE ev_class = pg_class.oid),
        relkind = 'r' AND EXISTS (SELECT FROM pg_inherits WHERE inhparent = pg_class.oid OR inhrelid = pg_class.oid)
    FROM unnest(%s::text[]) AS named JOIN pg_class ON pg_class.oid = to_regclass(named) ORDER BY 1
"""
_WHAT: Final = (
    "is no table", "has row level security", "has policies of row level security", "has rules",
    "inherits from another table, or is inherited from",
)  # fmt: skip


def what_hides_rows(connection: BaseDatabaseWrapper) -> list[str]:
    """What stands between the log's tables and their readers, a sentence's part each: views, rules, policies, indexes
    that leave rows out, partitions that are none any more. Of triggers none does.
    """
    tables = sorted(model._meta.db_table for model in apps.get_app_config("signal_log").get_models())
    with connection.cursor() as cursor:
        if vendor_of(connection) == "postgresql":
            cursor.execute(_POSTGRESQL, [tables])
            hidden = [f"{name} {what}" for name, *found in cursor.fetchall()
                      for what, is_so in zip(_WHAT, found, strict=True) if is_so]  # fmt: skip
            return [*hidden, *taken_out(connection)]
        if vendor_of(connection) != "sqlite":
            return []
        marks = ", ".join(["%s"] * len(tables))
        cursor.execute(f"SELECT name FROM sqlite_master WHERE type <> 'table' AND name IN ({marks})", tables)  # noqa: S608
        hidden = [f"{name} is no table" for (name,) in cursor.fetchall()]
        needed = {
            index.name for model in apps.get_app_config("signal_log").get_models() for index in model._meta.indexes
            if index.condition is not None
        }  # fmt: skip
        for table in tables:
            cursor.execute("SELECT name FROM pragma_index_list(%s) WHERE partial", [table])
            hidden += [f"{table} has an index that leaves rows out, {name}"
                       for (name,) in cursor.fetchall() if name not in needed]  # fmt: skip
        return hidden


def damaged_indexes(connection: BaseDatabaseWrapper) -> list[str]:
    """What SQLite finds wrong with the log's own tables: rows that an index lacks are in no filter's result.

    It reads all of them.
    """
    if vendor_of(connection) != "sqlite":
        return []
    found = []
    with connection.cursor() as cursor:
        for model in _SEALED:
            table = model._meta.db_table
            cursor.execute(f"PRAGMA integrity_check('{table}')")
            found += [f"{table}: {text}" for (text,) in cursor.fetchmany(10) if text != "ok"]
    return found
