"""The state of a connection's transaction: whether it is open, doomed, or a test case's own."""

from __future__ import annotations

from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.vendor import vendor_of

_IDLE: Final = 0  # libpq's PQTRANS_IDLE
_IN_ERROR: Final = 3  # libpq's PQTRANS_INERROR


def in_transaction(connection: BaseDatabaseWrapper) -> bool:
    """Whether a COMMIT or ROLLBACK is still to come."""
    if connection.in_atomic_block:
        return True
    return not (connection.get_autocommit() if connection.connection is None else connection.autocommit)


def is_open(connection: BaseDatabaseWrapper) -> bool:
    """Whether the database has a transaction open on this connection, be it the host's or ours."""
    raw = connection.connection
    if raw is None:
        return False
    return bool(raw.in_transaction if vendor_of(connection) == "sqlite" else raw.info.transaction_status != _IDLE)


def is_doomed(connection: BaseDatabaseWrapper) -> bool:
    """Whether PostgreSQL will roll back at COMMIT, because a statement failed and the host carried on."""
    raw = connection.connection
    return vendor_of(connection) == "postgresql" and raw is not None and raw.info.transaction_status == _IN_ERROR


def test_blocks(connection: BaseDatabaseWrapper) -> int:
    """How many of the open atomic blocks belong to a ``TestCase``; their rollback is not recorded."""
    return sum(getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)
