"""The session that records a browser: its cookie is given to one account, and read."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from signal_log.capture.model.keys import key_text
from signal_log.capture.trace.actor import request_actor
from signal_log.capture.trace.session_token import COOKIE, named_by_cookie
from signal_log.models import DebugSession
from signal_log.telemetry import recorded


def give_cookie(request: HttpRequest, response: HttpResponse, session: DebugSession) -> None:
    """Have this browser recorded while it is used by who uses it now."""
    login = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    user: Any = request.user
    account = request_actor(request).pk or key_text(user)
    response.set_cookie(
        COOKIE, recorded.token(session, account=account, login=login), max_age=recorded.LASTS, httponly=True,
        samesite="Lax", path=settings.SESSION_COOKIE_PATH, domain=settings.SESSION_COOKIE_DOMAIN,
        secure=request.is_secure() or settings.SESSION_COOKIE_SECURE,
    )  # fmt: skip


def session_here(request: Any) -> int:
    """The number of the session that records this browser for who uses it now; 0 if none does."""
    cookies = getattr(request, "META", {}).get("HTTP_COOKIE", "")
    if COOKIE not in cookies:
        return 0
    actor = request_actor(request).pk
    return next((named.session for named in named_by_cookie(cookies) if named.is_of(actor)), 0)
