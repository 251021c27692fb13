"""Keeps statements of ours that go through the ORM out of the host's query log and ``assertNumQueries``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper


@contextmanager
def unlogged(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Statements on this connection are not logged in the block."""
    own = connection.__dict__
    own["make_debug_cursor"] = connection.make_cursor
    try:
        yield
    finally:
        del own["make_debug_cursor"]
