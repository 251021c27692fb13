"""The state of a connection's transaction: whether it is open, doomed, or a test case's own."""

from __future__ import annotations

from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

WINDOW: Final = "signal_log_window"
"""Where a connection keeps the transaction that is ours; see ``window``."""
_IDLE: Final = 0  # libpq's PQTRANS_IDLE
_IN_BLOCK: Final = 2  # PQTRANS_INTRANS; a pipeline is always "active"
_IN_ERROR: Final = 3  # libpq's PQTRANS_INERROR


def in_transaction(connection: BaseDatabaseWrapper) -> bool:
    """Whether a COMMIT or ROLLBACK is still to come."""
    if connection.in_atomic_block:
        return True
    return not (connection.get_autocommit() if connection.connection is None else connection.autocommit)


def may_begin(connection: BaseDatabaseWrapper) -> bool:
    """Whether a transaction of ours may begin here: not in one that the host began, be it by SQL of its own.

    On a connection that threads share, another's statements would end up in it, and in a pipeline the host's next ones.
    """
    return not (
        in_transaction(connection)
        or is_open(connection)
        or connection.allow_thread_sharing
        or in_pipeline(connection.connection)
    )


def in_pipeline(raw: Any) -> bool:
    """Whether the driver's connection is in psycopg's pipeline mode, in which a message holds one statement."""
    return bool(getattr(getattr(raw, "pgconn", None), "pipeline_status", _IDLE))


def begun_by_sql(connection: BaseDatabaseWrapper) -> bool:
    """Whether the host has a transaction open that it began by SQL of its own, which Django knows nothing of."""
    if in_transaction(connection) or WINDOW in connection.__dict__ or connection.allow_thread_sharing:
        return False
    return is_open(connection) and _postgresql_status(connection.connection) in (None, _IN_BLOCK, _IN_ERROR)


def is_open(connection: BaseDatabaseWrapper) -> bool:
    """Whether the database has a transaction open on this connection, be it the host's or ours."""
    raw = connection.connection
    told = getattr(raw, "in_transaction", None)
    if told is not None:  # SQLite's driver
        return bool(told)
    status = _postgresql_status(raw)
    return status is not None and status != _IDLE


def is_doomed(connection: BaseDatabaseWrapper) -> bool:
    """Whether PostgreSQL will roll back at COMMIT, because a statement failed and the host carried on."""
    return _postgresql_status(connection.connection) == _IN_ERROR


def _postgresql_status(raw: Any) -> int | None:
    """What libpq knows of the connection's transaction; None for a driver that is not psycopg."""
    server = getattr(raw, "pgconn", None)
    return None if server is None else int(server.transaction_status)


def test_blocks(connection: BaseDatabaseWrapper) -> int:
    """How many of the open atomic blocks belong to a ``TestCase``; their rollback is not recorded."""
    return sum(getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)
