"""Derives a trace's context (source, actor and request data) from the request or from the process."""

from __future__ import annotations

import getpass
import ipaddress
import os
import re
import sys
import uuid
from contextvars import ContextVar
from functools import lru_cache, partial
from typing import Any, Final

from django.http import HttpRequest

from signal_log.capture.model.snapshot import clean_truncated
from signal_log.capture.trace.actor import actor_state, request_actor
from signal_log.capture.trace.path import RequestPath
from signal_log.capture.trace.trace import NOBODY, Actor, TraceContext, current_trace
from signal_log.conf import conf
from signal_log.event import MIGRATION

_REQUEST_ID: Final = re.compile(r"[\w.:-]{1,100}")
# These run for a long time or execute arbitrary statements; each outermost operation gets its own trace.
_TRANSPARENT: Final = {"shell": "shell", "shell_plus": "shell", "test": "test", "migrate": MIGRATION}

source_override: ContextVar[str] = ContextVar("signal_log_source", default="")


def default_context() -> TraceContext:
    """The context outside requests: a command, the shell, a test or a migration, run by an OS user."""
    return _context_of(source_override.get() or ("test" if _is_in_test() else process_source()))


def _is_in_test() -> bool:
    return "pytest" in sys.modules and "PYTEST_CURRENT_TEST" in os.environ  # the environment is slow to ask


@lru_cache(maxsize=64)
def _context_of(source: str) -> TraceContext:
    return TraceContext(source=source, actor=system_actor)


@lru_cache(maxsize=1)
def process_source() -> str:
    """The source of this process, from its command line."""
    program = os.path.basename(sys.argv[0]) if sys.argv else ""
    if program in ("", "-c", "-") or hasattr(sys, "ps1"):
        return "shell"
    if program in ("manage.py", "django-admin", "__main__.py") and len(sys.argv) > 1:
        return command_source(sys.argv[1])
    return command_source(program.removesuffix(".py"))


def command_source(name: str) -> str:
    """The source of a management command's events."""
    return _TRANSPARENT.get(name) or clean_truncated(f"command:{name}", 100)


@lru_cache(maxsize=1)
def system_actor() -> Actor:
    """The OS user that runs this process; the prefix ``os:`` distinguishes it from user accounts."""
    try:
        return Actor("", clean_truncated(f"os:{getpass.getuser()}", 200))
    except (OSError, KeyError, ImportError):
        return NOBODY


def current_actor() -> Actor:
    """The current actor: the request's user, ``anonymous``, ``unknown`` or, outside requests, the OS user."""
    trace = current_trace.get()
    return (trace.context if trace is not None else default_context()).actor()


def request_context(request: HttpRequest) -> TraceContext:
    """The context of an HTTP request; its actor is resolved lazily."""
    return TraceContext(
        source="http",
        request_id=request_id(request),
        method=clean_truncated(request.method or "", 16),
        path=RequestPath(request),
        remote_addr=remote_addr(request),
        actor=lambda: request_actor(request),
        actor_state=partial(actor_state, request.__dict__),
    )


def remote_addr(request: Any) -> str:
    """The client's address; ``X-Forwarded-For`` counts only as far as ``TRUSTED_PROXIES`` proxies wrote it."""
    direct = request.META.get("REMOTE_ADDR", "")
    proxies: int = conf.TRUSTED_PROXIES
    if proxies:
        hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
        if hops:
            direct = hops[-min(proxies, len(hops))]
    try:
        # Without the zone of a link-local address: it is any text, longer than an address and refused by PostgreSQL.
        return str(ipaddress.ip_address(direct.partition("%")[0]))
    except ValueError:
        return ""


def request_id(request: Any) -> str:
    """The value of ``X-Request-ID``, if a proxy of ours wrote it and it looks like an id; else an id of our own.

    Somebody who could choose it could have what they did stand among another's events.
    """
    given = request.META.get("HTTP_X_REQUEST_ID", "") if conf.TRUSTED_PROXIES else ""
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
