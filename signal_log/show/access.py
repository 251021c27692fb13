"""Access control for the log's pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import PermissionDenied, TooManyFieldsSent
from django.db import DatabaseError, connections, transaction
from django.http import HttpRequest, HttpResponseBadRequest, HttpResponseBase, HttpResponseForbidden, QueryDict
from django.shortcuts import render, resolve_url
from django.urls import NoReverseMatch, Resolver404, get_script_prefix, resolve, reverse

from signal_log.permission import may_see_events
from signal_log.show.formats import unoffered
from signal_log.store.tables import not_migrated

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

NO_ACCOUNTS: Final = (
    "These pages are for accounts with a permission, and requests of this project have none. They need "
    '"django.contrib.auth" in INSTALLED_APPS, and its AuthenticationMiddleware in MIDDLEWARE.\n'
)

View = Callable[..., HttpResponseBase]


def for_observers(view: View) -> View:
    """Decorate a page of the log: login required, 403 without the permission, no caching, strict CSP.

    A format that the page does not offer (``formats``) is refused.

    The pages read, so a host's ``ATOMIC_REQUESTS`` does not apply: on SQLite they would wait for every writer.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if _has_too_many_fields(request):
            return HttpResponseBadRequest(
                "The address has too many fields.\n", content_type="text/plain; charset=utf-8"
            )
        if getattr(request, "user", None) is None:
            return HttpResponseForbidden(NO_ACCOUNTS, content_type="text/plain; charset=utf-8")
        if not request.user.is_authenticated:
            from django.contrib.auth.views import redirect_to_login  # has models, and the app may be missing

            return redirect_to_login(request.get_full_path(), login_url())
        if not may_see_events(request.user):
            raise PermissionDenied
        response = unoffered(view, request) or answered(view, request, *args, **kwargs)
        if not getattr(response, "keeps_policy", False):  # a page of the host's own
            response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers["Cache-Control"] = "no-store"
        return response

    for alias in connections:
        transaction.non_atomic_requests(using=alias)(guarded)
    return guarded


def _has_too_many_fields(request: HttpRequest) -> bool:
    """Whether Django refuses to read the address; it would raise again wherever the error is reported."""
    try:
        request.GET  # noqa: B018  Django counts when it is read
    except TooManyFieldsSent:
        request.GET = QueryDict()
        return True
    return False


def answered(view: View, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """The view's answer, or a page with the command that makes the log's tables, where they are missing."""
    try:
        return view(request, *args, **kwargs)
    except DatabaseError:
        advice = not_migrated()
        if not advice:
            raise
        return render(request, "signal_log/not_migrated.html", {"advice": advice}, status=503)


def login_url() -> str:
    """``LOGIN_URL``, or the admin's log-in if there is no such page: Django's default is none of a new project's."""
    wanted = wanted_login()
    if wanted:
        return wanted
    try:
        return reverse("admin:login")
    except NoReverseMatch:
        return str(settings.LOGIN_URL)


def wanted_login() -> str:
    """The address of ``LOGIN_URL``; empty if no page has it."""
    try:
        wanted = resolve_url(settings.LOGIN_URL)
    except NoReverseMatch:
        return ""
    return wanted if _leads_somewhere(wanted) else ""


def _leads_somewhere(address: str) -> bool:
    """Whether an address is of another site, or is answered by a view of this one."""
    parts = urlsplit(address)
    if parts.netloc:
        return True
    try:
        resolve("/" + parts.path.removeprefix(get_script_prefix()).removeprefix("/"))
    except Resolver404:
        return False
    return True
