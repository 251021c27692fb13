"""How a trace ended, by its status: an HTTP status, an exit code, a task's state or an exception's class."""

from __future__ import annotations

from typing import Final

_REQUESTS: Final = ("http", "websocket")
_WELL: Final = ("SUCCESS", "SUCCESSFUL", "RETRY", "IGNORED", "REVOKED")
"""States of tasks, by Celery and by Django, that are no failure."""


def ended_badly(source: str, status: str) -> bool:
    """Whether it failed; unknown, as of a shell's statements, is not."""
    if status.isascii() and status.isdigit():
        number = int(status[:9])
        return number >= 500 if source in _REQUESTS else number != 0
    return bool(status) and status not in _WELL
