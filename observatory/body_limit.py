"""Refuses what is posted as soon as it is too large or too slow, before it fills the memory: nothing here is uploaded.

    application = ProtocolTypeRouter({"http": paced(limited(get_asgi_application(), largest=…, seconds=…)), ...})

The ASGI application is enough where a server hands on what arrives. Daphne calls an application when it has all of a
request, and then holds it in memory; so there the limits are also kept where the request arrives.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, Final

from daphne import http_protocol

logger = logging.getLogger(__name__)

LINGER: Final = 5.0
"""Seconds for which what still arrives is thrown away: who gets a reset while sending never reads the answer."""

TOO_LARGE: Final = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
TOO_SLOW: Final = HTTPStatus.REQUEST_TIMEOUT
WORDS: Final = {
    TOO_LARGE: "This request is larger than this site takes.\n",
    TOO_SLOW: "This request took too long to arrive.\n",
}

UNLIMITED: Final[Any] = http_protocol.WebRequest
"""Daphne's own class, of which `limited` puts another in its place."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]


def limited(application: Application, *, largest: int, seconds: float) -> Application:
    """The application, with requests of at most ``largest`` bytes that arrive within some seconds."""
    http_protocol.WebRequest = request_class(largest, seconds)

    async def application_with_limits(scope: Any, receive: Receive, send: Send) -> None:
        if _declared(scope["headers"]) > largest:
            await _refuse(send, TOO_LARGE)
            return
        body = _Body(receive, largest, seconds)
        await application(scope, body.receive, send)
        if body.refused is not None:
            await _refuse(send, body.refused)

    return application_with_limits


class _Body:
    """The body of one request; one that is refused reads as if the client had gone away."""

    def __init__(self, receive: Receive, largest: int, seconds: float) -> None:
        self.refused: HTTPStatus | None = None
        self._receive = receive
        self._left = largest
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._whole = False

    async def receive(self) -> Message:
        """The next message of the server."""
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            return self._gone(TOO_SLOW)
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            return self._gone(TOO_LARGE)
        self._whole = not message.get("more_body", False)
        return message

    def _gone(self, status: HTTPStatus) -> Message:
        self.refused = status
        self._whole = True
        return {"type": "http.disconnect"}


def _declared(headers: Any) -> int:
    lengths = [int(value) for name, value in headers if name == b"content-length" and value.isdigit()]
    return max(lengths, default=0)


async def _refuse(send: Send, status: HTTPStatus) -> None:
    words = WORDS[status].encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": words})


def request_class(largest: int, seconds: float) -> Any:
    """Daphne's class of requests with the limits; its methods are called while a request arrives."""

    class LimitedRequest(UNLIMITED):
        refused = False
        received = 0
        timer: Any = None

        def gotLength(self, length: int | None) -> None:  # noqa: N802  Twisted's name
            """The headers have arrived; ``length`` is None if they do not tell how much follows."""
            too_large = (length or 0) > largest
            super().gotLength(0 if too_large else length)
            if too_large:
                self.refuse(TOO_LARGE)
            elif length != 0:
                self.timer = self.channel.callLater(seconds, self.refuse, TOO_SLOW)

        def handleContentChunk(self, data: bytes) -> None:  # noqa: N802  Twisted's name
            """A piece of the body has arrived."""
            if self.refused:
                return
            self.received += len(data)
            if self.received > largest:
                self.refuse(TOO_LARGE)
            else:
                super().handleContentChunk(data)

        def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802  Twisted's name
            """All has arrived."""
            if self.refused:
                self.channel.loseConnection()
            else:
                self.stop_timer()
                super().requestReceived(command, path, version)

        def connectionLost(self, reason: Any) -> None:  # noqa: N802  Twisted's name
            """The client is gone."""
            self.stop_timer()
            super().connectionLost(reason)

        def refuse(self, status: HTTPStatus) -> None:
            """Answer now, keep nothing, and close the connection soon."""
            logger.warning(
                "Refused a request of %s: %s", getattr(self.getClientAddress(), "host", "?"), WORDS[status].strip()
            )
            self.refused = True
            self.stop_timer()
            self.content.close()
            self.requestHeaders.removeHeader(b"expect")  # or it would be told to continue
            words = WORDS[status].encode()
            self.channel.transport.write(
                b"HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (status, status.phrase.encode(), len(words), words)
            )
            self.timer = self.channel.callLater(LINGER, self.channel.forceAbortClient)

        def stop_timer(self) -> None:
            """Forget the timer."""
            if self.timer is not None and self.timer.active():
                self.timer.cancel()
            self.timer = None

    return LimitedRequest
