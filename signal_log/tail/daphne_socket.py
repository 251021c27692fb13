"""Finds daphne's own websocket behind an ASGI ``send``, for what ASGI has no word for."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from channels.sessions import InstanceSessionWrapper

if TYPE_CHECKING:
    from daphne.ws_protocol import WebSocketProtocol

CLOSED_WITHIN: Final = 10.0
"""Seconds in which a client has to answer a close."""


def daphne_socket(send: Any) -> WebSocketProtocol | None:
    """The socket of this ``send``; None with another server, or a stranger's wrapper."""
    if isinstance(wrapper := getattr(send, "__self__", None), InstanceSessionWrapper):
        send = wrapper.real_send  # it changes no message of a websocket
    if "daphne.ws_protocol" not in sys.modules or not isinstance(send, partial):
        return None
    from daphne.server import Server
    from daphne.ws_protocol import WebSocketProtocol

    server = getattr(send.func, "__self__", None)
    socket = send.args[0] if send.args else None
    return socket if isinstance(server, Server) and isinstance(socket, WebSocketProtocol) else None


def give_time_to_close(send: Any) -> None:
    """Let a client answer a close for longer than the second that daphne has it.

    After that the connection is reset. A busy client that sends something then never reads why it was closed.
    """
    if (socket := daphne_socket(send)) is not None:
        socket.closeHandshakeTimeout = CLOSED_WITHIN
