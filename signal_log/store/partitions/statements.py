"""The SQL that makes a partition as the log needs each: guarded, and nobody's but the owner's.

It is a copy of the table's columns and constraints, attached afterwards: that waits for no open writer, as
``CREATE TABLE … PARTITION OF`` does. Row triggers and indexes come with attaching; a trigger on TRUNCATE does not,
which empties a partition without asking the trigger of its parent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from signal_log.store.partitions.layout import DEFAULT, NUMBERED
from signal_log.store.row import TABLE
from signal_log.store.schema import NO_TRUNCATE, REFUSE

Bounds = tuple[int, int] | None
"""The first id, and the first above; None for the default partition."""

LIKE: Final = "INCLUDING CONSTRAINTS INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING STORAGE INCLUDING COMPRESSION"


def quoted(schema: str, name: str) -> str:
    """The name of a table or an index in SQL."""
    return f'"{schema}"."{name}"'


def name_of(bounds: Bounds) -> str:
    """What the partition of a range is called."""
    return DEFAULT if bounds is None else f"{NUMBERED}{bounds[0]}"


def made(schema: str, like: str, name: str, owner: str, options: str = "") -> Iterator[str]:
    """A table that can be attached; ``like`` is the log's, ``options`` its storage parameters."""
    table = quoted(schema, name)
    yield f"CREATE TABLE {table} (LIKE {quoted(schema, like)} {LIKE}){f' WITH ({options})' if options else ''}"
    yield from guarded(schema, name, owner)


def guarded(schema: str, name: str, owner: str) -> Iterator[str]:
    """What attaching does not bring: the trigger on TRUNCATE, the owner, and rights for nobody else."""
    table = quoted(schema, name)
    yield (
        f"CREATE OR REPLACE TRIGGER {NO_TRUNCATE} BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {quoted(schema, REFUSE)}()"
    )
    yield f"ALTER TABLE {table} OWNER TO {owner}"
    yield only_the_owners(table)


def attached(schema: str, parent: str, name: str, bounds: Bounds) -> str:
    """Attach a table as the partition of a range.

    The lowest has all ids below its end. So what is asked of ids below another's needs no default partition, whose ids
    are in no order with the others'.
    """
    if bounds is None:
        values = "DEFAULT"
    else:
        values = f"FOR VALUES FROM ({bounds[0] if bounds[0] > 1 else 'MINVALUE'}) TO ({bounds[1]})"
    return f"ALTER TABLE {quoted(schema, parent)} ATTACH PARTITION {quoted(schema, name)} {values}"


def detached(schema: str, name: str) -> str:
    """Take a partition out of the log."""
    return f"ALTER TABLE {quoted(schema, TABLE)} DETACH PARTITION {quoted(schema, name)}"


def ends_below(high: int, low: int = 1) -> str:
    """What a table's constraint says so that attaching it need not read it."""
    return f"CHECK (id >= {low} AND id < {high})" if low > 1 else f"CHECK (id < {high})"


def only_the_owners(table: str) -> str:
    """Take away what default privileges, or its time as the whole log, have given to others: they use the log."""
    return f"""DO $$
DECLARE other text;
BEGIN
    FOR other IN
        SELECT DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END FROM (
            SELECT grantee, relowner FROM pg_class, aclexplode(relacl) WHERE pg_class.oid = '{table}'::regclass
            UNION SELECT grantee, relowner FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid,
                aclexplode(attacl) WHERE attrelid = '{table}'::regclass
        ) AS given WHERE grantee <> relowner
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %s', '{table}', other);
    END LOOP;
END
$$"""  # noqa: S608  our own names


def same_rights(old: str, new: str, *, kind: str = "TABLE") -> str:
    """Give everybody the rights in a table, its columns or a sequence that they have in another, and no others."""
    return f"""DO $$
DECLARE given record;
BEGIN
    FOR given IN
        SELECT DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS who
        FROM pg_class, aclexplode(relacl) WHERE pg_class.oid = '{new}'::regclass AND grantee <> relowner
    LOOP
        EXECUTE format('REVOKE ALL ON {kind} %s FROM %s', '{new}', given.who);
    END LOOP;
    FOR given IN
        SELECT privilege_type AS what, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS who,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS more
        FROM pg_class, aclexplode(relacl) WHERE pg_class.oid = '{old}'::regclass AND grantee <> relowner
        UNION ALL
        SELECT format('%s (%I)', privilege_type, attname),
            CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid, aclexplode(attacl)
        WHERE attrelid = '{old}'::regclass AND grantee <> relowner AND NOT attisdropped
    LOOP
        EXECUTE format('GRANT %s ON {kind} %s TO %s%s', given.what, '{new}', given.who, given.more);
    END LOOP;
END
$$"""  # noqa: S608  our own names
