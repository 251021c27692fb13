"""The text of an object without a query: ``str()`` with the databases closed to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.plan import Plan
from signal_log.capture.snapshot import clean, shorten

LONGEST: Final = 200
CURSORS: Final = ("cursor", "chunked_cursor")


class _QueryRefusedError(Exception):
    """``__str__`` wanted to ask the database."""


def _refuse(*args: Any, **kwargs: Any) -> NoReturn:
    raise _QueryRefusedError


@contextmanager
def _databases_closed() -> Iterator[None]:
    """No cursor can be had, so that a query fails before anything of it reaches a database or a query log."""
    opened = [(connection, connection.__dict__.get(name), name) for connection in _connected() for name in CURSORS]
    for connection, _, name in opened:
        connection.__dict__[name] = _refuse
    try:
        yield
    finally:
        for connection, own, name in opened:
            if own is None:
                del connection.__dict__[name]
            else:
                connection.__dict__[name] = own


def _connected() -> list[BaseDatabaseWrapper]:
    return list(connections.all(initialized_only=True))


def repr_of(plan: Plan, instance: models.Model) -> str:
    """``str(instance)``; ``Model object (pk)`` where that would query or raises; masked if it shows a secret."""
    try:
        if type(instance).__str__ is models.Model.__str__:
            text = f"{plan.model.__name__} object ({plan.key(instance) or None})"
        else:
            with _databases_closed():
                text = clean(str(instance))
    except Exception:  # noqa: BLE001  a host's __str__ may raise anything
        text = f"{plan.model.__name__} object ({plan.key(instance)})"
    return shorten(plan.without_secrets(text, instance), LONGEST)
