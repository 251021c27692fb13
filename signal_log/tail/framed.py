"""Sends what was framed once for all sockets, where the server is daphne: by ASGI each would frame it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from signal_log.tail.daphne_socket import daphne_socket
from signal_log.tail.wire import Frame

SendFrame = Callable[[Frame], None]


def framed_sender(send: Any) -> SendFrame | None:
    """A way to write a frame to the socket of this ``send`` at once; None if there is none but ASGI.

    As with daphne's own ``send``, nobody waits for the client, whose window bounds what may be on its way.
    """
    socket = daphne_socket(send)
    if socket is None:
        return None

    def send_frame(frame: Frame) -> None:
        if frame.prepared is None:
            frame.prepared = socket.factory.prepareMessage(frame.text.encode())
        if socket.state == socket.STATE_OPEN:
            socket.sendPreparedMessage(frame.prepared)

    return send_frame
