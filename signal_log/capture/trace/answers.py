"""Where others look at an answer before it goes out, within its request's trace, or add to a page before it is made."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest

from signal_log.capture.model.error_text import error_text
from signal_log.interruption import let_interruption_pass

logger = logging.getLogger("signal_log")

Look = Callable[[HttpRequest, Any], Callable[[], None] | None]
"""Asked of each answer: returns what is to be done about it, if anything. Runs no query and never raises."""

Dress = Callable[[HttpRequest, Any], None]
"""Adds to a page before it is rendered. Runs no query."""

_dresses: Final[list[Dress]] = []
_looks: Final[list[Look]] = []


def look_with(*looks: Look) -> None:
    """Ask these of each answer from now on, and no others."""
    _looks[:] = looks


def dress_with(*dresses: Dress) -> None:
    """Let these add to each page from now on, and no others."""
    _dresses[:] = dresses


def dressed(request: HttpRequest, response: Any) -> Any:
    """The page, with what others add to it; what fails there leaves it as the host made it."""
    for dress in _dresses:
        try:
            dress(request, response)
        except Exception as error:  # noqa: BLE001  never the host's problem
            let_interruption_pass(error)
            logger.error("signal_log could not add to a page, and showed it as it was: %s", error_text(error))
    return response


def due(request: HttpRequest, response: Any) -> list[Callable[[], None]]:
    """What is to be done about this answer, in a thread in which queries can be made."""
    return [work for look in _looks if (work := look(request, response)) is not None]
