"""Sends what was framed once for all sockets, where the server is daphne: by ASGI each would frame it again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from channels.sessions import InstanceSessionWrapper

from signal_log.tail.wire import Frame

SendFrame = Callable[[Frame], None]


def framed_sender(send: Any) -> SendFrame | None:
    """A way to write a frame to the socket of this ``send`` at once; None with another server, or a stranger's wrapper.

    As with daphne's own ``send``, nobody waits for the client, whose window bounds what may be on its way.
    """
    if isinstance(wrapper := getattr(send, "__self__", None), InstanceSessionWrapper):
        send = wrapper.real_send  # it changes no message of a websocket
    if "daphne.ws_protocol" not in sys.modules or not isinstance(send, partial):
        return None
    from daphne.server import Server
    from daphne.ws_protocol import WebSocketProtocol

    server = getattr(send.func, "__self__", None)
    socket = send.args[0] if send.args else None
    if not isinstance(server, Server) or not isinstance(socket, WebSocketProtocol):
        return None

    def send_frame(frame: Frame) -> None:
        if frame.prepared is None:
            frame.prepared = socket.factory.prepareMessage(frame.text.encode())
        if socket.state == socket.STATE_OPEN:
            socket.sendPreparedMessage(frame.prepared)

    return send_frame
