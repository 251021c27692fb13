"""Frames of events are framed once for all sockets of daphne, and overtake nothing."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from channels.sessions import InstanceSessionWrapper
from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol

from signal_log.tail.framed import framed_sender
from signal_log.tail.outbox import Outbox
from signal_log.tail.window import Window
from signal_log.tail.wire import Frame

FRAME = b"\x81\x07f\xc3\xa9+ok!"


class Socket(WebSocketProtocol):
    """An open websocket of daphne that notes what is written."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.factory = WebSocketFactory(server)
        self.state = self.STATE_OPEN
        self._perMessageCompress = None

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:  # noqa: N802
        self.written.append(data)

    def __repr__(self) -> str:
        return "a socket"


def daphne() -> Server:
    return Server(None, endpoints=["unix:unused"])


def frame() -> Frame:
    return Frame("fé+ok!", [], [7], 7)


def test_a_frame_is_made_once_for_all_sockets() -> None:
    """Through the wrapper of Channels' sessions too; a socket that has closed is sent nothing."""
    server, made = daphne(), frame()
    sockets = [Socket(server) for _ in range(3)]
    sends: list[Any] = [partial(server.handle_reply, one) for one in sockets]
    sends[1] = InstanceSessionWrapper({"cookies": {}}, sends[1]).send
    sockets[2].state = Socket.STATE_CLOSED
    for send in sends:
        write = framed_sender(send)
        assert write is not None
        write(made)
    assert [one.written for one in sockets] == [[FRAME], [FRAME], []]
    assert sockets[0].written[0] is sockets[1].written[0]


async def _send(message: dict[str, Any]) -> None:
    """Somebody else's."""


@pytest.mark.parametrize(
    "send",
    [_send, partial(_send, {}), partial(daphne().handle_reply), lambda _: daphne().handle_reply(1, {})],
)
def test_what_is_not_daphnes_is_sent_by_asgi(send: Any) -> None:
    """Another server, or a wrapper that may want to see every message."""
    assert framed_sender(send) is None


def test_a_frame_overtakes_nothing() -> None:
    """What waits in the outbox goes first, and after its end there is nothing more."""

    async def scene() -> list[str]:
        sent: list[str] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message.get("text") or str(message["code"]))

        outbox = Outbox(Window())
        outbox.send_frame = lambda made: sent.append(f"at once {made.text}")
        writer = asyncio.create_task(outbox.write(send))
        outbox.put("ready")
        outbox.put_events(frame())
        await asyncio.sleep(0)
        outbox.put_events(frame())
        outbox.close(4401)
        outbox.put_events(frame())
        await asyncio.wait_for(writer, 5)
        return sent

    assert asyncio.run(scene()) == ["ready", "fé+ok!", "at once fé+ok!", "4401"]
