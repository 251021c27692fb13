"""Whether the log's tables are in their database, for a page or a command that has just failed there."""

from __future__ import annotations

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, Error, connections

from signal_log.conf import conf


def not_migrated() -> str:
    """What to do if a table or a column of the log is missing; empty if all are there, or nobody can tell."""
    alias = conf.DATABASE
    try:
        missing = _missing(alias)
    except Error:  # the database is down, or its transaction is lost
        return ""
    if not missing:
        return ""
    database = "" if alias == DEFAULT_DB_ALIAS else f" --database {alias}"
    return f"The log's database {alias!r} lacks {missing}. Run: python manage.py migrate signal_log{database}"


def _missing(alias: str) -> str:
    """The first table or column that is missing, in words."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        for model in apps.get_app_config("signal_log").get_models():
            table = model._meta.db_table
            if table not in tables:
                return f"the table {table}"
            there = {column.name for column in connection.introspection.get_table_description(cursor, table)}
            for field in model._meta.local_concrete_fields:
                if field.column not in there:
                    return f"the column {field.column} of the table {table}"
    return ""
