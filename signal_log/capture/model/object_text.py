"""An object's text without a query: calls ``str()`` with database access blocked."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final

from django.db import models

from signal_log.capture.model.plan import Plan
from signal_log.capture.model.snapshot import clean, truncated

MAX_CHARS: Final = 200

_rendering: ContextVar[bool] = ContextVar("signal_log_asking_for_text", default=False)


class _QueryRefusedError(Exception):
    """``__str__`` tried to query the database."""


def cursor(original: Any) -> Any:
    """Wrap a connection's ``_cursor``, the one route to any statement, to refuse cursors while ``__str__`` runs.

    A query then fails before any of it reaches the database or a query log.
    """

    def _cursor(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _rendering.get():
            raise _QueryRefusedError
        return original(self, *args, **kwargs)

    return _cursor


def repr_of(plan: Plan, instance: models.Model) -> str:
    """``str(instance)``, or ``Model object (pk)`` if that queries or raises; masked if it contains a secret."""
    try:
        if type(instance).__str__ is models.Model.__str__:
            text = f"{plan.model.__name__} object ({plan.key(instance) or None})"
        else:
            token = _rendering.set(True)
            try:
                text = str(instance)
            finally:
                _rendering.reset(token)
    except Exception:  # noqa: BLE001  a host's __str__ may raise anything
        text = f"{plan.model.__name__} object ({plan.key(instance)})"
    return truncated(plan.without_secrets(clean(text), instance), MAX_CHARS)
