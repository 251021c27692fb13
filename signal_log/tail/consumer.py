"""The ASGI application of one websocket: authenticates, and carries frames between client and hub.

It is written against ASGI itself: a Channels consumer would join the channel layer per socket, which fails
while the layer is down, and would switch threads before each message.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from channels.db import database_sync_to_async
from django.db import Error

from signal_log.capture.model.error_text import error_text
from signal_log.tail import served, wire
from signal_log.tail.admissions import session_of
from signal_log.tail.client import Client
from signal_log.tail.daphne_socket import give_time_to_close
from signal_log.tail.framed import framed_sender
from signal_log.tail.guard import Identity, admit
from signal_log.tail.hub import Hub, hub_of_this_loop

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CLOSE_TIMEOUT: Final = 2.0


async def event_socket(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Serve one websocket from its handshake to its end."""
    if (await receive())["type"] != "websocket.connect":
        return
    served.serves()
    # Accepted first, whoever it is: before that a browser sees no close code, only 1006.
    await send({"type": "websocket.accept"})
    give_time_to_close(send)
    try:
        admitted = await _admitted(scope)
    except Error as problem:
        logger.warning("A websocket could not be authenticated: %s", error_text(problem))
        await send({"type": "websocket.send", "text": wire.error("database_unavailable", "Try again soon.")})
        await send({"type": "websocket.close", "code": wire.TRY_AGAIN_LATER})
        return
    except asyncio.CancelledError:
        await _close_restarting(send)
        raise
    if isinstance(admitted, int):
        await send({"type": "websocket.close", "code": admitted})
        return
    await _serve(hub_of_this_loop(), admitted, receive, send)


async def _admitted(scope: MutableMapping[str, Any]) -> Identity | int:
    """Who opens the socket, or the close code to refuse it with: as the host's middleware says, or by the session."""
    if "user" in scope:
        found: Identity | int = await database_sync_to_async(admit)(scope)
        return found
    session = session_of(scope)
    if session is None:
        return wire.NOT_LOGGED_IN
    return await hub_of_this_loop().connections.admissions.ask(session)


async def _serve(hub: Hub, identity: Identity, receive: Receive, send: Send) -> None:
    client = hub.connect(identity)
    client.outbox.send_frame = framed_sender(send)
    closing = client.outbox.closing
    writer = asyncio.create_task(client.outbox.write(send))
    reader = asyncio.create_task(_receive_loop(client, receive))
    try:
        ends: set[asyncio.Future[Any]] = {writer, reader, closing}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if closing.done():
            await asyncio.wait({writer}, timeout=CLOSE_TIMEOUT)
    except asyncio.CancelledError:
        # A server that is told to stop may cancel us, and would then drop the connection without a close frame.
        writer.cancel()
        await _close_restarting(send)
        raise
    finally:
        hub.disconnect(client)
        for task in (writer, reader):
            task.cancel()
        await asyncio.gather(writer, reader, return_exceptions=True)


async def _receive_loop(client: Client, receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        client.receive(message.get("text"), message.get("bytes"))


async def _close_restarting(send: Send) -> None:
    try:
        await asyncio.wait_for(send({"type": "websocket.close", "code": wire.RESTARTING}), CLOSE_TIMEOUT)
    except Exception as problem:  # noqa: BLE001  the client may be gone; daphne refuses the code (see shutdown.py)
        logger.debug("A client was not told of the restart: %s", problem)
