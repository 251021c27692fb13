"""Tells that this process serves: what begins with the first request or websocket is called then, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.signals import request_started

_UID = "signal_log.served"
_begin: Callable[[], None] | None = None


def at_first(begin: Callable[[], None]) -> None:
    """Call this at the next request or websocket; instead of what was to be called before, if that never was."""
    global _begin  # noqa: PLW0603  one for the process
    _begin = begin
    request_started.connect(_request, dispatch_uid=_UID)


def never() -> None:
    """Call nothing."""
    global _begin  # noqa: PLW0603
    _begin = None
    request_started.disconnect(_request, dispatch_uid=_UID)


def serves() -> None:
    """Say that somebody is being served now."""
    begin = _begin
    if begin is not None:
        never()
        begin()


def _request(sender: Any, **_: Any) -> None:
    if not getattr(sender, "__module__", "").startswith("django.test"):  # its client is nobody
        serves()
