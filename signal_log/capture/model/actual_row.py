"""The row as it stands before a save, asked of the database: only where nobody has loaded it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.model.plan import Plan, Values


def old_row(plan: Plan, pk: Any, using: str) -> Values:
    """The values of the row with this key, empty where there is none or the key is none of the database's."""
    connection = connections[using]
    try:
        with unlogged(connection):
            row = plan.model._base_manager.using(using).filter(pk=pk).values(*plan.attnames).first()
    except (ValueError, TypeError, ValidationError):
        return {}  # the save itself will say what is wrong
    except DatabaseError:
        if connection.vendor == "postgresql" and connection.in_atomic_block:
            raise  # the transaction is spoilt: the save could say no more than that
        return {}
    return row or {}


@contextmanager
def unlogged(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """The statement is ours: it is neither in the host's query log nor in its ``assertNumQueries``."""
    own = connection.__dict__
    own["make_debug_cursor"] = connection.make_cursor
    try:
        yield
    finally:
        del own["make_debug_cursor"]
