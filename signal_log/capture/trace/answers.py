"""Where others look at an answer before it goes out, within its request's trace; what they then do may query."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest

Look = Callable[[HttpRequest, Any], Callable[[], None] | None]
"""Asked of each answer: returns what is to be done about it, if anything. Runs no query and never raises."""

_looks: Final[list[Look]] = []


def look_with(*looks: Look) -> None:
    """Ask these of each answer from now on, and no others."""
    _looks[:] = looks


def due(request: HttpRequest, response: Any) -> list[Callable[[], None]]:
    """What is to be done about this answer, in a thread in which queries can be made."""
    return [work for look in _looks if (work := look(request, response)) is not None]
