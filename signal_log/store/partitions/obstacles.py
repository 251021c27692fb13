"""What keeps a log from being partitioned: what others have attached to its table would be left behind with it."""

from __future__ import annotations

from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.store.row import TABLE
from signal_log.store.schema import POSTGRESQL_TRIGGERS

_FOUND: Final = """
    WITH log AS (SELECT * FROM pg_class WHERE oid = to_regclass(%s))
    SELECT 'the view ' || ev_class::regclass FROM pg_depend JOIN pg_rewrite ON pg_rewrite.oid = objid, log
        WHERE classid = 'pg_rewrite'::regclass AND refobjid = log.oid AND ev_class <> log.oid
    UNION SELECT 'the foreign key ' || quote_ident(conname) || ' of ' || conrelid::regclass FROM pg_constraint, log
        WHERE confrelid = log.oid
    UNION SELECT 'the foreign key ' || quote_ident(conname) FROM pg_constraint, log
        WHERE conrelid = log.oid AND contype = 'f'
    UNION SELECT 'the trigger ' || quote_ident(tgname) FROM pg_trigger, log
        WHERE tgrelid = log.oid AND NOT tgisinternal AND NOT tgname = ANY (%s)
    UNION SELECT 'the rule ' || quote_ident(rulename) FROM pg_rewrite, log WHERE ev_class = log.oid
    UNION SELECT 'the policy ' || quote_ident(polname) FROM pg_policy, log WHERE polrelid = log.oid
    UNION SELECT 'row level security' FROM log WHERE relrowsecurity OR relforcerowsecurity
    UNION SELECT 'inheritance' FROM pg_inherits, log WHERE inhrelid = log.oid OR inhparent = log.oid
    UNION SELECT 'the publication ' || quote_ident(pubname) FROM pg_publication_rel JOIN pg_publication
        ON pg_publication.oid = prpubid, log WHERE prrelid = log.oid
    UNION SELECT 'the unique index ' || indexrelid::regclass FROM pg_index JOIN pg_attribute AS id
        ON attrelid = indrelid AND attname = 'id', log
        WHERE indrelid = log.oid AND (indisunique OR indisexclusion) AND NOT id.attnum = ANY (indkey::int2[])
    UNION SELECT 'the invalid index ' || indexrelid::regclass FROM pg_index, log
        WHERE indrelid = log.oid AND NOT indisvalid
    ORDER BY 1
"""


def obstacles(connection: BaseDatabaseWrapper) -> list[str]:
    """Everything that would be lost or break, in words."""
    with connection.cursor() as cursor:
        cursor.execute(_FOUND, [TABLE, list(POSTGRESQL_TRIGGERS)])
        return [what for (what,) in cursor.fetchall()]
