"""Chooses the database that pages of the history read: the log's own, or for a while a copy of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from signal_log.conf import conf

_chosen: Final = ContextVar[str | None]("signal_log_reading", default=None)


def read_from() -> str:
    """The alias of the database that the history is read from here and now."""
    return _chosen.get() or conf.DATABASE


@contextmanager
def reading_from(alias: str) -> Iterator[None]:
    """Read the history from this database until the block ends, in this thread or task."""
    token = _chosen.set(alias)
    try:
        yield
    finally:
        _chosen.reset(token)
