"""For daphne, around the HTTP application: a slow reader is waited for, a broken download is cut.

Daphne takes whatever is sent at once and keeps in memory what the reader has not fetched yet: of an export,
gigabytes. And an application that fails when its response has begun leaves the reader waiting for ever. Other servers
do both by themselves; under them this does nothing.

    application = ProtocolTypeRouter({"http": paced(get_asgi_application()), ...})
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Send], Awaitable[None]]


def paced(application: Application) -> Application:
    """The application, at the pace of its readers."""

    async def at_the_readers_pace(scope: Any, receive: Any, send: Send) -> None:
        request = _request_of_daphne(send)
        if scope["type"] != "http" or request is None:
            return await application(scope, receive, send)
        response = _Response(request, send)
        try:
            await application(scope, receive, response.send)
        except Exception:
            if not response.begun:
                raise  # daphne answers with an error page
            logger.exception("The response to %s failed on its way; its connection is cut.", scope.get("path"))
        finally:
            response.over()
        return None

    return at_the_readers_pace


def _request_of_daphne(send: Send) -> Any:
    """Twisted's request, which daphne gives its ``send`` along; None under other servers."""
    given = getattr(send, "args", ())
    return given[0] if given and hasattr(given[0], "registerProducer") else None


class _Response:
    """One response; to Twisted a producer, which is told when the buffers are full and when they are empty again."""

    def __init__(self, request: Any, send: Send) -> None:
        self.begun = False
        self._request = request
        self._send = send
        self._flowing: asyncio.Event | None = None  # while there is more to come
        self._whole = False

    async def send(self, message: Message) -> None:
        """Hand on a message when there is room for it."""
        more = message.get("more_body", False)
        if message["type"] == "http.response.start":
            self.begun = True
        elif message["type"] == "http.response.body":
            if more and self._flowing is None:
                self._flowing = asyncio.Event()
                self._flowing.set()
                self._request.registerProducer(self, True)
            if self._flowing is not None:
                await self._flowing.wait()
            if not more:
                self._release()
                self._whole = True
        await self._send(message)

    def over(self) -> None:
        """The application has returned: a response that is not whole must not look so."""
        self._release()
        if self.begun and not self._whole and self._connected:
            self._request.loseConnection()

    def pauseProducing(self) -> None:  # noqa: N802  Twisted's name
        """The buffers are full."""
        if self._flowing is not None:
            self._flowing.clear()

    def resumeProducing(self) -> None:  # noqa: N802  Twisted's name
        """They are empty."""
        if self._flowing is not None:
            self._flowing.set()

    def stopProducing(self) -> None:  # noqa: N802  Twisted's name
        """The reader has left; what is still sent goes nowhere, and daphne tells the application."""
        self.resumeProducing()

    @property
    def _connected(self) -> bool:
        return self._request.channel is not None

    def _release(self) -> None:
        if self._flowing is not None:
            self._flowing = None
            if self._connected:
                self._request.unregisterProducer()
