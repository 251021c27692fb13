"""Tells what a connection holds of the fate of its transaction: the methods of Django's connections that decide it.

They are replaced on the class (``patches``); a connection that holds no events goes Django's own way.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.transaction.held import HELD

DECISIVE: Final = ("commit", "rollback", "savepoint", "savepoint_rollback", "close")


def told(name: str, original: Any) -> Any:
    """The method; a connection that holds events has them do it, in their own order."""

    def method(self: BaseDatabaseWrapper, *args: Any, **kwargs: Any) -> Any:
        held = self.__dict__.get(HELD)
        if held is None:
            return original(self, *args, **kwargs)
        return getattr(held, name)(partial(original, self), *args, **kwargs)

    return method
