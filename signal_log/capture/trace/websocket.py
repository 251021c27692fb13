"""Begins a trace at every message that a Channels consumer handles, of a socket or of the channel layer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import SimpleNamespace
from typing import Any, Final

from django.utils.functional import LazyObject

from signal_log.capture.model.snapshot import shorten
from signal_log.capture.trace.context import remote_addr, request_actor, request_id, request_path, system_actor
from signal_log.capture.trace.trace import Scene, new_trace

# ``runworker`` hands these to consumers; nobody stands behind them.
_CHANNEL: Final = "channel"


def message_scene(scope: Mapping[str, Any], message: Mapping[str, Any]) -> Scene:
    """The scene of one message; the account is looked up when it is asked for, for a consumer may log in."""
    kind = str(message.get("type", ""))
    if scope.get("type") == _CHANNEL:
        path = shorten(str(scope.get("channel", "")), 500)
        return Scene("task", method=shorten(kind, 16), path=lambda: path, actor=system_actor)
    handshake = _Handshake(scope)
    is_http = scope.get("type") == "http"
    return Scene(
        source="http" if is_http else "websocket",
        request_id=request_id(handshake),
        method=shorten(scope.get("method", "") if is_http else kind.removeprefix("websocket."), 16),
        path=lambda: request_path(handshake),
        remote_addr=remote_addr(handshake),
        actor=lambda: request_actor(
            SimpleNamespace(user=_looked_at(scope, "user"), session=_looked_at(scope, "session"))
        ),
    )


class _Handshake:
    """The request that opened a socket, as far as the scene of a request asks for it."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.path = str(scope.get("path", ""))
        route = scope.get("url_route")
        self.resolver_match = SimpleNamespace(kwargs=route.get("kwargs", {})) if route else None
        address, *_ = scope.get("client") or [""]
        self.META = {"REMOTE_ADDR": address or ""}
        for name, value in scope.get("headers", ()):
            if name in _HEADERS:
                meta, text = _HEADERS[name], value.decode("latin-1")
                self.META[meta] = f"{self.META[meta]},{text}" if meta in self.META else text


_HEADERS: Final = {b"x-forwarded-for": "HTTP_X_FORWARDED_FOR", b"x-request-id": "HTTP_X_REQUEST_ID"}


def _looked_at(scope: Mapping[str, Any], name: str) -> Any:
    """What stands there; of a lazy object what it has become, without asking it."""
    value = scope.get(name)
    return value.__dict__.get("_wrapped") if isinstance(value, LazyObject) else value


def dispatch(original: Any) -> Callable[..., Awaitable[None]]:
    """``dispatch`` of Channels' two consumers, which every message of theirs goes through, within a trace.

    Consumers written against ASGI alone (our own dashboard's socket is one) pass none of these.
    """

    async def dispatch(self: Any, message: Mapping[str, Any]) -> None:
        with new_trace(message_scene(getattr(self, "scope", {}), message)):
            await original(self, message)

    return dispatch
