"""Removes what the database keeps of rows as they were before: freed pages, dead rows, the write-ahead log."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from django.db import OperationalError, connections

from signal_log import clock
from signal_log.conf import conf
from signal_log.vendor import vendor_of

NOTHING_OLD_LEFT = (
    "The database's file was rewritten: neither it nor its write-ahead log has rows any more as they were before."
)
ALL_REWRITTEN = (
    "The tables were rewritten, and have no rows any more as they were before. PostgreSQL's write-ahead log has them "
    "until it is recycled (two checkpoints, or `wal_keep_size`), archived WAL, replicas' WAL and backups until they "
    "expire."
)
REUSED_LATER = (
    "The old rows are gone for every query, but their bytes stay in the tables' files until they are overwritten: "
    "--full rewrites the tables, which nobody can use meanwhile. Archived WAL and backups keep them until they expire."
)
STILL_SEEN = (
    "The tables were rewritten, but a transaction that began before can still see rows as they were, so their bytes "
    "are kept. When it has ended (pg_stat_activity shows it, by its `backend_xmin`, or in another database of the "
    "server by its `backend_xid`), as the tables' owner: {again};"
)
IN_USE = (
    "Other connections read the database, so its file could not be cleaned. When they are closed, in "
    "`manage.py dbshell`: PRAGMA secure_delete = ON; VACUUM; PRAGMA wal_checkpoint(TRUNCATE);"
)
PATIENCE: Final = 10.0
"""Seconds for which others' transactions are waited for: an ANALYZE of PostgreSQL's own may be among them."""
LOOK_EVERY: Final = 0.05
_NUMBER = "SELECT pg_current_xact_id()::text"
# A new snapshot, VACUUM's own too, is as old as the oldest writer in any database of the server.
_HAS_OLDER = """
    SELECT pg_snapshot_xmin(pg_current_snapshot()) < %(now)s::xid8 OR EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND age(backend_xmin) > age(%(now)s::xid8::xid)
    )
"""


def vacuum(tables: Sequence[str], *, full: bool) -> tuple[bool, str]:
    """Clean the database that the log is in; whether that succeeded, and what is left, in a sentence.

    Not in a transaction: neither database vacuums in one.
    """
    connection = connections[conf.DATABASE]
    with connection.cursor() as cursor:
        if vendor_of(connection) == "sqlite":
            return _sqlite(cursor)
        seen = full and _is_still_seen(cursor, PATIENCE)
        how = "FULL, ANALYZE" if full else "ANALYZE"
        for table in tables:
            cursor.execute(f"VACUUM ({how}) {connection.ops.quote_name(table)}")
    if seen:
        return False, STILL_SEEN.format(again=f"VACUUM ({how}) {', '.join(tables)}")
    return True, ALL_REWRITTEN if full else REUSED_LATER


def _is_still_seen(cursor: Any, seconds: float) -> bool:
    """Whether somebody's snapshot is older than this moment, also so many seconds later: VACUUM keeps what it shows."""
    deadline = clock.monotonic() + seconds
    cursor.execute(_NUMBER)
    (now,) = cursor.fetchone()
    while True:
        cursor.execute(_HAS_OLDER, {"now": now})
        if not cursor.fetchone()[0]:
            return False
        if clock.monotonic() >= deadline:
            return True
        time.sleep(LOOK_EVERY)


def _sqlite(cursor: Any) -> tuple[bool, str]:
    try:
        cursor.execute("PRAGMA secure_delete = ON")
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        busy, *_ = cursor.fetchone()
    except OperationalError:
        return False, IN_USE
    return (False, IN_USE) if busy else (True, NOTHING_OLD_LEFT)
