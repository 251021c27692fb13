"""Access control for the log's pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponseBase

from signal_log.permission import may_see_events as may_see_events

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

View = Callable[..., HttpResponseBase]


def for_observers(view: View) -> View:
    """Decorate a page of the log: login required, 403 without the permission, no caching, strict CSP.

    The pages read, so a host's ``ATOMIC_REQUESTS`` does not apply: on SQLite they would wait for every writer.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if not may_see_events(request.user):
            raise PermissionDenied
        response = view(request, *args, **kwargs)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers["Cache-Control"] = "no-store"
        return response

    for alias in connections:
        transaction.non_atomic_requests(using=alias)(guarded)
    return guarded
