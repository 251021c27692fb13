"""Error pages: a database outage is shown as a 503 page that reloads itself."""

from __future__ import annotations

import logging
import sys
from typing import Final

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import get_script_prefix
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import escape_leading_slashes
from django.views.defaults import server_error as djangos_server_error

logger = logging.getLogger(__name__)

RETRY_AFTER: Final = 5
# Databases also raise OperationalError for a missing table or a statement too long, which waiting does not fix.
NOT_AN_OUTAGE: Final = (
    "no such table", "no such column", "no such function", "syntax error",
    "expression tree is too large", "too many sql variables", "parser stack overflow", "stack depth limit exceeded",
)  # fmt: skip


def is_outage(error: BaseException | None) -> bool:
    """Whether an error, or one of its causes, means that the database is unreachable."""
    while error is not None:
        if isinstance(error, (OperationalError, InterfaceError)):
            return not any(text in str(error).lower() for text in NOT_AN_OUTAGE)
        error = error.__cause__
    return False


def database_down(request: HttpRequest) -> HttpResponse:
    """A 503 page that needs no database; after a GET or HEAD it reloads itself."""
    safe = request.method in ("GET", "HEAD")
    context = {
        "recovers": safe,
        "retry_after": RETRY_AFTER,
        # Never "//other.example/", which is a page of another site.
        "again": escape_leading_slashes(request.get_full_path()) if safe else get_script_prefix(),
    }
    return HttpResponse(
        render_to_string("503.html", context),
        status=503,
        headers={"Retry-After": str(RETRY_AFTER), "Cache-Control": "no-store"},
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: 503 if the database is unreachable, else 500."""
    return database_down(request) if is_outage(sys.exc_info()[1]) else djangos_server_error(request)


class DatabaseDownMiddleware(MiddlewareMixin):
    """Turns a database outage in a view into the 503 page, in DEBUG too."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The 503 page for an outage; None for any other error."""
        if not is_outage(error):
            return None
        logger.error("The database is unreachable: %s %s", request.method, request.path, exc_info=error)
        return database_down(request)
