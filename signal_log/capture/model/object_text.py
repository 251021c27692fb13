"""The text of an object without a query: ``str()`` with the databases closed to it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final

from django.db import models

from signal_log.capture.model.plan import Plan
from signal_log.capture.model.snapshot import abridged, clean

LONGEST: Final = 200

_asking: ContextVar[bool] = ContextVar("signal_log_asking_for_text", default=False)


class _QueryRefusedError(Exception):
    """``__str__`` wanted to ask the database."""


def cursor(original: Any) -> Any:
    """A connection's ``_cursor``, the one way to any statement: none can be had while an object is asked for its text.

    So a query fails before anything of it reaches a database or a query log.
    """

    def _cursor(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _asking.get():
            raise _QueryRefusedError
        return original(self, *args, **kwargs)

    return _cursor


def repr_of(plan: Plan, instance: models.Model) -> str:
    """``str(instance)``; ``Model object (pk)`` where that would query or raises; masked if it shows a secret."""
    try:
        if type(instance).__str__ is models.Model.__str__:
            text = f"{plan.model.__name__} object ({plan.key(instance) or None})"
        else:
            token = _asking.set(True)
            try:
                text = str(instance)
            finally:
                _asking.reset(token)
    except Exception:  # noqa: BLE001  a host's __str__ may raise anything
        text = f"{plan.model.__name__} object ({plan.key(instance)})"
    return abridged(plan.without_secrets(clean(text), instance), LONGEST)
