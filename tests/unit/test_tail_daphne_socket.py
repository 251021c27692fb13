"""Under daphne a client has the time to answer a close, so that it learns why before its connection is reset."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol

from signal_log.tail import wire
from signal_log.tail.consumer import event_socket
from signal_log.tail.daphne_socket import CLOSED_WITHIN


class Socket(WebSocketProtocol):
    """An open websocket of daphne that notes how long it waits for the answer to a close."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.waits: list[float] = []
        self.factory = WebSocketFactory(server)
        self.factory._batched_timer = SimpleNamespace(call_later=lambda seconds, _: self.waits.append(seconds))
        self.closeHandshakeTimeout = self.factory.closeHandshakeTimeout
        self.websocket_version = 13
        self.state = self.STATE_OPEN

    def sendFrame(self, opcode: int, payload: bytes = b"", *_: Any, **__: Any) -> None:  # noqa: N802  autobahn's name
        self.sent = opcode, payload

    def serverAccept(self, subprotocol: str | None = None) -> None:  # noqa: N802  daphne's name
        """It is open already."""

    def __repr__(self) -> str:
        return "a socket"


async def test_a_close_waits_for_the_client() -> None:
    """For ten seconds instead of one, also where nobody was logged in."""
    server = Server(None, endpoints=["unix:unused"])
    socket = Socket(server)
    server.connections = {socket: {}}

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    await event_socket({"type": "websocket", "headers": []}, receive, partial(server.handle_reply, socket))
    assert socket.sent == (8, wire.NOT_LOGGED_IN.to_bytes(2, "big"))
    assert socket.waits == [CLOSED_WITHIN] == [10]


async def test_other_servers_close_as_they_do() -> None:
    """They are told by ASGI alone."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await event_socket({"type": "websocket", "headers": []}, receive, send)
    assert sent == [{"type": "websocket.accept"}, {"type": "websocket.close", "code": wire.NOT_LOGGED_IN}]
