"""Wraps the HTTP application under daphne: back-pressure for slow clients, failed downloads closed, HEAD without body.

Daphne accepts everything that is sent and buffers in memory what the client has not read yet, which for an export can
be gigabytes; if an application fails after its response has begun, the client waits forever; and of the answer to a
HEAD it leaves out the first 64 KB only, so that a kept connection goes on with the rest. Other servers handle all
three; under them this does nothing.

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
    """The application, with back-pressure."""

    async def application_with_back_pressure(scope: Any, receive: Any, send: Send) -> None:
        request = _request_of_daphne(send)
        if scope["type"] != "http" or request is None:
            return await application(scope, receive, send)
        response = _Response(request, send, has_body=scope.get("method") != "HEAD")
        try:
            await application(scope, receive, response.send)
        except Exception as error:
            if not response.begun:
                raise  # daphne answers with an error page
            # This module is imported before Django is set up.
            from signal_log.capture.model.error_text import traceback_text
            from signal_log.capture.trace.path import shown_path

            path, why = shown_path(scope.get("path", "")), traceback_text(error)
            logger.error("The response to %s failed after it had begun; closing its connection.\n%s", path, why)
        finally:
            response.finish()
        return None

    return application_with_back_pressure


def _request_of_daphne(send: Send) -> Any:
    """Twisted's request, which daphne binds to its ``send``; None under other servers."""
    given = getattr(send, "args", ())
    return given[0] if given and hasattr(given[0], "registerProducer") else None


class _Response:
    """One response, registered as a Twisted producer, which is paused and resumed as the buffers fill and drain."""

    def __init__(self, request: Any, send: Send, *, has_body: bool) -> None:
        self.begun = False
        self._has_body = has_body
        self._request = request
        self._send = send
        self._flowing: asyncio.Event | None = None  # set up while more of the body is to come
        self._complete = False

    async def send(self, message: Message) -> None:
        """Pass a message on once there is room for it."""
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
                self._complete = True
            if not self._has_body:
                message = {**message, "body": b""}
        await self._send(message)

    def finish(self) -> None:
        """After the application has returned, close the connection of an incomplete response.

        A reader who takes nothing would never take the rest either, and a connection is closed when it is taken.
        """
        stuck = self._flowing is not None and not self._flowing.is_set()
        self._release()
        if self.begun and not self._complete and self._connected:
            close = self._request.channel.forceAbortClient if stuck else self._request.loseConnection
            close()

    def pauseProducing(self) -> None:  # noqa: N802  Twisted's name
        """The buffers are full."""
        if self._flowing is not None:
            self._flowing.clear()

    def resumeProducing(self) -> None:  # noqa: N802  Twisted's name
        """The buffers have drained."""
        if self._flowing is not None:
            self._flowing.set()

    def stopProducing(self) -> None:  # noqa: N802  Twisted's name
        """The client has disconnected: further output is discarded, and daphne notifies the application."""
        self.resumeProducing()

    @property
    def _connected(self) -> bool:
        return self._request.channel is not None

    def _release(self) -> None:
        if self._flowing is not None:
            self._flowing = None
            if self._connected:
                self._request.unregisterProducer()
