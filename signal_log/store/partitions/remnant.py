"""Replaces a partition by what stays of it, where nearly all of it is pruned.

What stays joins what stayed of the partition below, if that was pruned so before: the oldest ids are one small
partition, and no range is missing. Its rows are copied as they are, so they still give their digests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.store.partitions.briefly import briefly
from signal_log.store.partitions.layout import KEPT, Partition, layout
from signal_log.store.partitions.statements import attached, detached, made, quoted
from signal_log.store.partitions.table import run, table_of
from signal_log.store.row import TABLE


def rest(
    connection: BaseDatabaseWrapper, whole: Partition, going: Iterable[tuple[int, int]], most: int
) -> tuple[int, list[int] | None]:
    """How many rows of these are there, and the ids of those that stay; None if these are more than ``most``.

    Until the transaction ends nobody changes the partition.
    """
    ids = ",".join(f"[{first},{last}]" for first, last in going)
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {whole.quoted} IN SHARE MODE")
        cursor.execute(
            f"SELECT count(*) FILTER (WHERE is_going), count(*) FILTER (WHERE NOT is_going) FROM ("  # noqa: S608
            f"SELECT id <@ %s::int8multirange AS is_going FROM {whole.quoted}) AS rows",
            [f"{{{ids}}}"],
        )
        there, staying = cursor.fetchone()
        if staying > most:
            return there, None
        cursor.execute(
            f"SELECT id FROM {whole.quoted} WHERE NOT id <@ %s::int8multirange ORDER BY id",  # noqa: S608
            [f"{{{ids}}}"],
        )
        return there, [number for (number,) in cursor.fetchall()]


def replace(connection: BaseDatabaseWrapper, whole: Partition, staying: Sequence[int], *, patience: float) -> float:
    """Put a partition of these rows in the place of another; returns for how many seconds nobody could write.

    Within a transaction, in which nobody else changes the partition. Raises ``PartitionError`` where others have the
    log's table open for longer than ``patience``.
    """
    log = table_of(connection)
    schema, owner = log.schema, log.owner
    parts = layout(connection)
    below = next((one for one in (parts.ranges if parts else ()) if one.high == whole.low and one.is_kept), None)
    low = below.low if below else whole.low
    name = f"{KEPT}{low}_{whole.high}"
    table = quoted(schema, name)
    gone = [one for one in (below, whole) if one is not None]
    run(connection, list(made(schema, TABLE, name, owner)))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
            [table],
        )
        (columns,) = cursor.fetchone()
        copied = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM"
        if below:
            cursor.execute(f"LOCK TABLE {below.quoted} IN SHARE MODE")
            cursor.execute(f"{copied} {below.quoted}")
        cursor.execute(f"{copied} {whole.quoted} WHERE id = ANY (%s)", [list(staying)])
    swap = [
        *(detached(schema, one.name) for one in gone),
        attached(schema, TABLE, name, (low, whole.high)),
        *(f"DROP TABLE {one.quoted}" for one in gone),
    ]
    lock = f"LOCK TABLE {quoted(schema, TABLE)} IN ACCESS EXCLUSIVE MODE"
    return briefly(connection, lock, lambda: run(connection, swap), patience=patience)
