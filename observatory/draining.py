"""A daphne that, told to stop, accepts nothing new, finishes the requests that are open, and then goes.

daphne itself cancels them within half a second, some after their commit: the visitor is told that it failed.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterator
from typing import Any, Final

import daphne.cli
from daphne.http_protocol import WebRequest
from daphne.server import Server
from django.conf import settings
from twisted.internet import defer
from twisted.internet import reactor as twisted_reactor

LONGEST: Final = 10.0
"""Seconds that open requests are given; ``stop_grace_period`` in docker-compose.yml is longer."""
IDLE_BEHIND_PROXY: Final = 1.5
"""Seconds that an idle connection stays open for a request that the proxy has just sent on it. The proxy closes idle
connections sooner, after the ``keepalive`` of deploy/Caddyfile, so that neither ever meets a closed one."""
POLL: Final = 0.02

reactor: Any = twisted_reactor  # Twisted declares the interface of none in particular
logger = logging.getLogger(__name__)


class DrainingServer(Server):
    """daphne's server with another end. Websockets are closed at once, by ``signal_log.tail.shutdown``."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.draining = False
        self._hurry = False
        self._ports: list[Any] = []

    def listen_success(self, port: Any) -> None:
        """Called with each port once it listens."""
        super().listen_success(port)
        self._ports.append(port)

    def kill_all_applications(self) -> Any:
        """Called before a shutdown, which waits for what is returned: drain, then cancel the rest, as daphne does."""
        drained = defer.Deferred.fromFuture(asyncio.ensure_future(self._drain(), loop=_loop()))
        drained.addCallback(lambda _: self._cancel_what_is_left())
        return drained

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Pass on what the application answers; while draining, the client is told to use another connection next."""
        if self.draining and message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            if protocol.channel is not None:
                protocol.channel.persistent = False
        await super().handle_reply(protocol, message)

    async def _drain(self) -> None:
        self.draining = True
        if self.signal_handlers:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._stop_at_once)
        for port in self._ports:
            port.numberAccepts = 1024
            port.doRead()  # whoever has connected already is served
            port.stopListening()
        began = _loop().time()
        idle_until = began + (IDLE_BEHIND_PROXY if settings.BEHIND_PROXY else 0)
        while not self._hurry and _loop().time() < began + LONGEST:
            open_channels = list(_channels())
            for channel in open_channels:
                if not channel.requests and _loop().time() >= idle_until:
                    channel.loseConnection()  # sends what is not sent yet
            if not open_channels and not self._unfinished():
                return
            await asyncio.sleep(POLL)
        logger.warning("Stopping with %d requests unfinished.", len(self._unfinished()))

    def _stop_at_once(self, *_: Any) -> None:
        """A second signal: somebody does not want to wait."""
        self._hurry = True

    def _unfinished(self) -> list[Any]:
        """The requests whose application is still running."""
        return [
            protocol
            for protocol, details in self.connections.items()
            if isinstance(protocol, WebRequest) and not _done(details)
        ]

    def _cancel_what_is_left(self) -> Any:
        running = [details["application_instance"] for details in self.connections.values() if not _done(details)]
        for application in running:
            application.cancel()
        return defer.Deferred.fromFuture(asyncio.ensure_future(_settled(running), loop=_loop()))


def _done(details: dict[str, Any]) -> bool:
    application = details.get("application_instance")
    return application is None or application.done()


async def _settled(running: list[asyncio.Future[Any]]) -> None:
    await asyncio.gather(*running, return_exceptions=True)


def _loop() -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop = reactor._asyncioEventloop
    return loop


def _channels() -> Iterator[Any]:
    """The open HTTP connections; websockets have left theirs."""
    for transport in {*reactor.getReaders(), *reactor.getWriters()}:
        protocol = getattr(transport, "protocol", None)
        channel = getattr(protocol, "_channel", None)
        if channel is not None:
            yield channel


def drain_before_stopping() -> None:
    """Have the command ``daphne`` serve with it; the command loads the application before it makes its server."""
    daphne.cli.CommandLineInterface.server_class = DrainingServer
