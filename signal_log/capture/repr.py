"""The text of an object without a query: ``str()`` with the databases closed to it."""

from __future__ import annotations

from typing import Any, Final, NoReturn

from django.db import connections, models

from signal_log.capture.plan import Plan
from signal_log.capture.snapshot import clean, shorten

LONGEST: Final = 200


class _QueryRefusedError(Exception):
    """``__str__`` wanted to ask the database."""


def _refuse(*args: Any) -> NoReturn:
    raise _QueryRefusedError


def repr_of(plan: Plan, instance: models.Model) -> str:
    """``str(instance)``; ``Model object (pk)`` where that would query or raises; masked if it shows a secret."""
    opened = connections.all(initialized_only=True)
    for connection in opened:
        connection.execute_wrappers.append(_refuse)
    try:
        text = clean(str(instance))
    except Exception:  # noqa: BLE001  a host's __str__ may raise anything
        text = f"{plan.model.__name__} object ({plan.key(instance)})"
    finally:
        for connection in opened:
            connection.execute_wrappers.remove(_refuse)
    return shorten(plan.without_secrets(text, instance), LONGEST)
