"""What is known of the transaction on a connection: whether there is one, whether it is lost, whose test it is in."""

from __future__ import annotations

from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper

_IN_ERROR: Final = 3  # libpq's PQTRANS_INERROR


def in_transaction(connection: BaseDatabaseWrapper) -> bool:
    """Whether a COMMIT or ROLLBACK is still to come."""
    if connection.in_atomic_block:
        return True
    return not (connection.get_autocommit() if connection.connection is None else connection.autocommit)


def is_doomed(connection: BaseDatabaseWrapper) -> bool:
    """Whether PostgreSQL will roll back at COMMIT, for a statement failed and the host went on."""
    raw = connection.connection
    return connection.vendor == "postgresql" and raw is not None and raw.info.transaction_status == _IN_ERROR


def test_blocks(connection: BaseDatabaseWrapper) -> int:
    """How many of the open atomic blocks are a ``TestCase``'s own; their rollback is no event."""
    return sum(getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)
