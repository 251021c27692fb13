"""Whether the log's tables are in their database, for a page or a command that has just failed there."""

from __future__ import annotations

from collections.abc import Iterable

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from signal_log.conf import conf
from signal_log.vendor import vendor_of


def not_migrated(*, after_error: bool = True) -> str:
    """What to do if a table or a column of the log is missing; empty if all are there, or nobody can tell.

    ``after_error`` says that a statement has failed, after which PostgreSQL answers no more in this transaction.
    """
    alias = conf.DATABASE
    connection = connections[alias]
    lost = after_error and connection.in_atomic_block and vendor_of(connection) == "postgresql"
    asked = connection.copy() if lost else connection
    try:
        missing = lacking(asked, apps.get_app_config("signal_log").get_models())
    except Error:  # the database is down
        return ""
    finally:
        if lost:
            asked.close()
    if not missing:
        return ""
    database = "" if alias == DEFAULT_DB_ALIAS else f" --database {alias}"
    return f"The log's database {alias!r} lacks {missing}. Run: python manage.py migrate signal_log{database}"


def lacking(connection: BaseDatabaseWrapper, models: Iterable[type[Model]]) -> str:
    """The first table or column of these models that is missing, in words; empty if all are there."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        for model in models:
            table = model._meta.db_table
            if table not in tables:
                return f"the table {table}"
            there = {column.name for column in connection.introspection.get_table_description(cursor, table)}
            for field in model._meta.local_concrete_fields:
                if field.column not in there:
                    return f"the column {field.column} of the table {table}"
    return ""
