"""Which pages may open the websocket: those of this site, by scheme, host and port, as Django asks of posted forms.

Channels' ``AllowedHostsOriginValidator`` compares the host alone, so that any other server of the same machine, on
another port or without TLS, could open a socket with the session of somebody who visits it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from io import BytesIO
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.utils.http import is_same_domain

Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[Any]]
Origin = tuple[str, str, int]

_PORTS: Final = {"http": 80, "https": 443}


def same_origin(application: Application) -> Application:
    """The application, for websockets that a page of this site opens; others are refused with 403.

    So are clients that do not say where they come from: no browser is among them.
    """

    async def guarded(scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> Any:
        if is_from_here(scope):
            return await application(scope, receive, send)
        if (await receive())["type"] == "websocket.connect":
            await send({"type": "websocket.close"})
        return None

    return guarded


def is_from_here(scope: Scope) -> bool:
    """Whether the page that opens the socket is of this site, or of one in ``CSRF_TRUSTED_ORIGINS``."""
    given = [value.decode("latin-1") for name, value in scope.get("headers", ()) if name == b"origin"]
    origin = parsed(given[0]) if len(given) == 1 else None
    if origin is None:
        return False
    return origin == own_origin(scope) or any(_is_of(origin, parsed(one)) for one in settings.CSRF_TRUSTED_ORIGINS)


def own_origin(scope: Scope) -> Origin | None:
    """The site's own origin, as Django takes it from the handshake; None if ``ALLOWED_HOSTS`` lacks its host."""
    scheme = "https" if scope.get("scheme") in ("wss", "https") else "http"
    handshake = ASGIRequest({**scope, "method": "GET", "scheme": scheme, "query_string": b""}, BytesIO())
    try:
        return parsed(f"{handshake.scheme}://{handshake.get_host()}")  # as the settings for proxies say
    except DisallowedHost:
        return None


def _is_of(origin: Origin, trusted: Origin | None) -> bool:
    if trusted is None or not trusted[1].startswith("*."):
        return origin == trusted
    return (origin[0], origin[2]) == (trusted[0], trusted[2]) and is_same_domain(origin[1], trusted[1][1:])


def parsed(origin: str) -> Origin | None:
    """Scheme, host and port, the default one if none is given; None if it is no origin."""
    try:
        parts = urlsplit(origin)
        port = parts.port or _PORTS[parts.scheme]
    except (KeyError, ValueError):
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None
