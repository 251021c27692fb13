"""A system check of the databases: names the observed models whose rows the recorder cannot read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.db import connections, models, router

from signal_log.capture.model.registry import chosen_models
from signal_log.conf import conf, problems
from signal_log.show.logs.named import others
from signal_log.vendor import vendor_of

# By table: no right to read it, a view or a foreign table, and policies that hide rows from this role.
_UNREADABLE = """
    SELECT name, CASE
        WHEN NOT has_table_privilege(class.oid, 'SELECT') THEN 'this role has no SELECT on it'
        WHEN class.relkind NOT IN ('r', 'p') THEN 'it is not a table of this database'
        WHEN row_security_active(class.oid) THEN 'row-level security may hide its rows'
    END AS why
    FROM unnest(%s::text[]) AS name JOIN pg_class AS class ON class.oid = to_regclass(name)
"""


def check_rows(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Rows can be read; otherwise events hold what instances believed, and ``overwrote`` is null."""
    if problems():
        return []
    found: list[checks.CheckMessage] = []
    only_read = {conf.READ_DATABASE, *(log.alias for log in others())}
    for alias in databases or ():
        connection = connections[alias]
        if alias in only_read or vendor_of(connection) != "postgresql":
            continue
        labels = {connection.ops.quote_name(model._meta.db_table): model._meta.label for model in _models(alias)}
        with connection.cursor() as cursor:
            cursor.execute(_UNREADABLE, [list(labels)])
            found += [_warning(labels[table], alias, why) for table, why in cursor.fetchall() if why is not None]
    return found


def _models(alias: str) -> list[type[models.Model]]:
    return [
        model
        for model in chosen_models()
        if not model._meta.proxy and not model._meta.auto_created and router.allow_migrate_model(alias, model)
    ]


def _warning(label: str, alias: str, why: str) -> checks.CheckMessage:
    return checks.Warning(
        f"The rows of {label} in {alias!r} cannot always be read: {why}. Its events then show what the instances "
        "believed, not what the rows held.",
        hint="Grant SELECT on the table to Django's role, or add signal_log.W005 to SILENCED_SYSTEM_CHECKS.",
        id="signal_log.W005",
    )
