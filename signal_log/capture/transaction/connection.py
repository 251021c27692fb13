"""Tells what a connection holds of the fate of its transaction: the methods of Django's connections that decide it.

They are wrapped on the class while the app is ready; a connection that holds no events goes Django's own way.
"""

from __future__ import annotations

from functools import partial, wraps
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.model import object_text as text
from signal_log.capture.transaction.held import HELD

DECISIVE: Final = ("commit", "rollback", "savepoint", "savepoint_rollback", "close")
_UNWRAPPED: Final[dict[str, Any]] = {}


def wrap() -> None:
    """Wrap them all, and where cursors come from."""
    if _UNWRAPPED:
        return
    for name in DECISIVE:
        _replace(name, partial(_told, name))
    _replace("_cursor", text.cursor)


def unwrap() -> None:
    """Undo ``wrap``."""
    while _UNWRAPPED:
        name, original = _UNWRAPPED.popitem()
        setattr(BaseDatabaseWrapper, name, original)


def _replace(name: str, wrapper: Any) -> None:
    original = _UNWRAPPED[name] = BaseDatabaseWrapper.__dict__[name]
    setattr(BaseDatabaseWrapper, name, wraps(original)(wrapper(original)))


def _told(name: str, original: Any) -> Any:
    """The method; a connection that holds events has them do it, in their own order."""

    def method(self: BaseDatabaseWrapper, *args: Any, **kwargs: Any) -> Any:
        held = self.__dict__.get(HELD)
        if held is None:
            return original(self, *args, **kwargs)
        return getattr(held, name)(partial(original, self), *args, **kwargs)

    return method
