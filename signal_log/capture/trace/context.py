"""Where we are and who is at work: the scene of a trace, from the request or from the process."""

from __future__ import annotations

import getpass
import ipaddress
import os
import re
import sys
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Final

from django.http import HttpRequest

from signal_log.capture.model.snapshot import is_secret_name, shorten
from signal_log.capture.trace.trace import NOBODY, Actor, Scene, current_trace
from signal_log.conf import SECRET_NAMES, conf
from signal_log.event import MASK, MIGRATION

ANONYMOUS: Final = Actor("", "anonymous")
_REQUEST_ID: Final = re.compile(r"[\w.:-]{1,100}")
# These run for long or run other people's statements; each outermost operation is a trace of its own.
_TRANSPARENT: Final = {"shell": "shell", "shell_plus": "shell", "test": "test", "migrate": MIGRATION}

source_override: ContextVar[str] = ContextVar("signal_log_source", default="")


def default_scene() -> Scene:
    """The scene outside any request: a command, the shell, a test or a migration, run by a login of the machine."""
    return _scene(source_override.get() or ("test" if "PYTEST_CURRENT_TEST" in os.environ else process_source()))


@lru_cache(maxsize=64)
def _scene(source: str) -> Scene:
    return Scene(source=source, actor=system_actor)


@lru_cache(maxsize=1)
def process_source() -> str:
    """What this process was started for, from its command line."""
    program = os.path.basename(sys.argv[0]) if sys.argv else ""
    if program in ("", "-c") or hasattr(sys, "ps1"):
        return "shell"
    if program in ("manage.py", "django-admin", "__main__.py") and len(sys.argv) > 1:
        return command_source(sys.argv[1])
    return command_source(program.removesuffix(".py"))


def command_source(name: str) -> str:
    """The source of a management command's events."""
    return _TRANSPARENT.get(name) or shorten(f"command:{name}", 100)


@lru_cache(maxsize=1)
def system_actor() -> Actor:
    """The login of the machine that runs this process; ``os:`` keeps it apart from the accounts."""
    try:
        return Actor("", shorten(f"os:{getpass.getuser()}", 200))
    except (OSError, KeyError, ImportError):
        return NOBODY


def current_actor() -> Actor:
    """Who is at work here: the request's account, ``anonymous``, or the machine's login outside requests."""
    trace = current_trace.get()
    return (trace.scene if trace is not None else default_scene()).actor()


def request_scene(request: HttpRequest) -> Scene:
    """The scene of an HTTP request; its actor is looked up when it is asked for, not now."""
    return Scene(
        source="http",
        request_id=request_id(request),
        method=shorten(request.method or "", 16),
        path=lambda: request_path(request),
        remote_addr=remote_addr(request),
        actor=lambda: request_actor(request),
    )


def request_actor(request: Any) -> Actor:
    """The account of a request, as far as it is known without a query of ours.

    The account counts once the application has looked at ``request.user`` (lazily, by ``auser`` or by
    setting it, as token authentication does); before that the session's key, if the session is loaded.
    """
    user = _known_user(request)
    if user is not None:
        if not getattr(user, "is_authenticated", False):
            return ANONYMOUS
        pk = user.__dict__.get(user._meta.pk.attname) if hasattr(user, "_meta") else getattr(user, "pk", "")
        return Actor(shorten("" if pk is None else str(pk), 255), shorten(str(user.get_username()), 200))
    session = getattr(getattr(request, "session", None), "_session_cache", None)
    return Actor(shorten(str(session["_auth_user_id"]), 255)) if session and "_auth_user_id" in session else ANONYMOUS


def _known_user(request: Any) -> Any:
    """The user set by hand (a log-in does that), or the lazy one if somebody has looked at it; else None."""
    user = request.__dict__.get("user")
    if user is not None and "_wrapped" in getattr(user, "__dict__", ()):
        user = user.__dict__["_wrapped"]
    if hasattr(user, "is_authenticated"):
        return user
    return getattr(request, "_cached_user", None) or getattr(request, "_acached_user", None)


def request_path(request: Any) -> str:
    """The path without the query string; parts that the URL pattern names as secrets are masked."""
    path = request.path
    match = request.resolver_match
    for name, value in (match.kwargs if match else {}).items():
        if is_secret_name(name, SECRET_NAMES) and str(value):
            path = path.replace(str(value), MASK)
    return shorten(path, 500)


def remote_addr(request: Any) -> str:
    """The client's address; of ``X-Forwarded-For`` only what ``TRUSTED_PROXIES`` proxies have written."""
    direct = request.META.get("REMOTE_ADDR", "")
    proxies: int = conf.TRUSTED_PROXIES
    if proxies:
        hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
        if hops:
            direct = hops[-min(proxies, len(hops))]
    try:
        return str(ipaddress.ip_address(direct))
    except ValueError:
        return ""


def request_id(request: Any) -> str:
    """What the request calls itself (``X-Request-ID``), if that looks like an id."""
    given = request.META.get("HTTP_X_REQUEST_ID", "")
    return given if _REQUEST_ID.fullmatch(given) else ""
