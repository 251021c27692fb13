"""Intercepts the connection methods that decide a transaction's outcome.

The methods are replaced on the class (see ``patches``); a connection that holds no events takes Django's own path.
Savepoints are seen as statements (``by_sql``).
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.transaction.held import HELD

INTERCEPTED: Final = ("commit", "rollback", "close")


def intercepted(name: str, original: Any) -> Any:
    """Wrap one of these methods: if the connection holds events, ``Held`` runs it and orders the writes."""

    def method(self: BaseDatabaseWrapper, *args: Any, **kwargs: Any) -> Any:
        held = self.__dict__.get(HELD)
        if held is None:
            return original(self, *args, **kwargs)
        return getattr(held, name)(partial(original, self), *args, **kwargs)

    return method
