"""Reads a row's values from the database before a save, only where they have not been loaded already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.model.plan import Plan, Values


def actual_row(plan: Plan, pk: Any, using: str) -> Values:
    """The values of the row with this key; empty if there is no such row or the key is invalid."""
    connection = connections[using]
    try:
        with unlogged(connection):
            row = plan.model._base_manager.using(using).filter(pk=pk).values(*plan.attnames).first()
    except (ValueError, TypeError, ValidationError):
        return {}  # the save itself will raise the error
    except DatabaseError:
        if connection.vendor == "postgresql" and connection.in_atomic_block:
            raise  # the transaction is broken, so the save could only fail with a less helpful error
        return {}
    return row or {}


@contextmanager
def unlogged(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Keep our own statements out of the host's query log and ``assertNumQueries``."""
    own = connection.__dict__
    own["make_debug_cursor"] = connection.make_cursor
    try:
        yield
    finally:
        del own["make_debug_cursor"]
