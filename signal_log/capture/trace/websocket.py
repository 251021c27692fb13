"""Starts a trace for every message that a Channels consumer handles, from a socket or the channel layer."""

from __future__ import annotations

import sys
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import partial
from types import SimpleNamespace
from typing import Any, Final

from channels.db import database_sync_to_async

from signal_log.capture.model.snapshot import clean_truncated
from signal_log.capture.trace.actor import actor_state, request_actor
from signal_log.capture.trace.context import remote_addr, request_id, system_actor
from signal_log.capture.trace.membership import join
from signal_log.capture.trace.path import RequestPath
from signal_log.capture.trace.session_token import HEADER, Named, named_in
from signal_log.capture.trace.trace import TraceContext, new_trace, write_kept

# The scope type that ``runworker`` passes to consumers; no user is associated with it.
_CHANNEL: Final = "channel"
_REQUEST_ID: Final = "signal_log.request_id"
_SESSIONS: Final = "signal_log.sessions"


def message_context(scope: Mapping[str, Any], message: Mapping[str, Any]) -> TraceContext:
    """The context of one message; the actor is resolved lazily, because a consumer may log a user in."""
    kind = str(message.get("type", ""))
    if scope.get("type") == _CHANNEL:
        path = clean_truncated(str(scope.get("channel", "")), 500)
        return TraceContext("task", method=clean_truncated(kind, 16), path=lambda: path, actor=system_actor)
    handshake = _Handshake(scope)
    is_http = scope.get("type") == "http"
    return TraceContext(
        source="http" if is_http else "websocket",
        request_id=_request_id(scope, handshake),
        method=clean_truncated(scope.get("method", "") if is_http else kind.removeprefix("websocket."), 16),
        path=RequestPath(handshake),
        remote_addr=remote_addr(handshake),
        actor=lambda: request_actor(
            SimpleNamespace(**{name: scope[name] for name in ("user", "session") if name in scope})
        ),
        actor_state=partial(actor_state, scope),
    )


class _Handshake:
    """The request that opened a socket, with the attributes that a request's context needs."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.path = str(scope.get("path", ""))
        route = scope.get("url_route")
        self.resolver_match = SimpleNamespace(**{"args": (), "kwargs": {}, **route}) if route else None
        address, *_ = scope.get("client") or [""]
        self.META = {"REMOTE_ADDR": address or ""}
        for name, value in scope.get("headers", ()):
            if name in _HEADERS:
                meta, text = _HEADERS[name], value.decode("latin-1")
                self.META[meta] = f"{self.META[meta]},{text}" if meta in self.META else text


def _request_id(scope: Mapping[str, Any], handshake: _Handshake) -> str:
    """The id of the request that opened the socket: the same for all its messages, also if it is one of our own."""
    if not isinstance(scope, MutableMapping):
        return request_id(handshake)
    if _REQUEST_ID not in scope:
        scope[_REQUEST_ID] = request_id(handshake)
    return str(scope[_REQUEST_ID])


def _sessions(scope: Mapping[str, Any]) -> tuple[Named, ...]:
    """The recorded sessions that the handshake named: once for all messages of a socket, until its token expires."""
    if not isinstance(scope, MutableMapping):
        return ()
    if _SESSIONS not in scope:
        names = {b"cookie": "HTTP_COOKIE", b"x-signal-session": HEADER}
        headers = {names[name]: value.decode("latin-1") for name, value in scope.get("headers", ()) if name in names}
        scope[_SESSIONS] = headers if named_in(headers) else {}
    headers = scope[_SESSIONS]
    return named_in(headers) if headers else ()


_HEADERS: Final = {b"x-forwarded-for": "HTTP_X_FORWARDED_FOR", b"x-request-id": "HTTP_X_REQUEST_ID"}


def dispatch(original: Any) -> Callable[..., Awaitable[None]]:
    """Wrap the ``dispatch`` of Channels' two consumer classes, which handles every message, in a trace.

    Consumers written directly against ASGI (such as our own dashboard's) bypass it.
    """

    async def dispatch(self: Any, message: Mapping[str, Any]) -> None:
        trace = None
        try:
            scope = getattr(self, "scope", {})
            with new_trace(message_context(scope, message)) as trace:
                join(trace, _sessions(scope))
                await original(self, message)
        finally:
            if trace is not None and trace.gathered.events and sys.exc_info()[0] is not CancelledError:
                await database_sync_to_async(write_kept)()

    return dispatch
