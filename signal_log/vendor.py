"""Which database a connection is really of, also while a host's test pretends that it is another."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper


def vendor_of(connection: BaseDatabaseWrapper) -> str:
    """The vendor of the connection's class: tests set another on the connection, to try what their code does there."""
    real: BaseDatabaseWrapper = connection.ops.connection  # the connection may be Django's proxy for it
    return type(real).vendor
