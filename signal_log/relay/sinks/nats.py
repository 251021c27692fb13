"""Publishes events to a stream of NATS JetStream, which drops those that it has already, by ``Nats-Msg-Id``.

Messages of different keys are on their way together; of one key the next is sent when the one before it is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import TimeoutError as NotInTime
from contextlib import suppress
from threading import Thread
from typing import Any, Final
from urllib.parse import quote

from signal_log.relay.message import Delivery, Message
from signal_log.relay.settings import Relay
from signal_log.relay.sinks.needed import needed
from signal_log.relay.sinks.sentence import sentence
from signal_log.relay.sinks.tls import context_of

SECONDS: Final = 5.0
"""To connect, and for an acknowledgement."""
TOO_LARGE: Final = 10054
"""JetStream's error: larger than its stream takes."""


class Nats:
    """One subject; its stream has been made by whoever runs the server."""

    most = 200

    def __init__(self, relay: Relay) -> None:
        self._nats = needed("nats", "nats")
        scheme, _, rest = relay.url.partition("://")
        hosts, _, self._subject = rest.partition("/")
        self._options: dict[str, Any] = {
            "name": "signal_log",
            "connect_timeout": SECONDS,
            "max_reconnect_attempts": -1,
            "reconnect_time_wait": 0.5,
            **({"tls": context_of(relay.ca)} if scheme == "tls" or relay.ca else {}),
            **relay.options,
            "servers": [f"{scheme}://{host}" for host in hosts.split(",")],
            "error_cb": self._failed,
        }
        self._problem = ""
        self._client: Any = None
        # A loop that always runs, so that the server's pings are answered while there is nothing to send.
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="signal_log relay to NATS", daemon=True)
        self._thread.start()

    def send(self, batch: Sequence[Message]) -> Delivery:
        """Publish them, and wait until they are stored."""
        delivery = Delivery()
        try:
            self._run(self._publish(batch, delivery), SECONDS * 4)
        except (NotInTime, TimeoutError):
            delivery.problem = f"No acknowledgement within {SECONDS:g} seconds."
        except (OSError, self._nats.errors.Error) as error:
            delivery.problem = sentence("NATS", _told(error) or self._problem)
        return delivery

    def close(self) -> None:
        """Close the connection, and end the loop."""
        if self._client is not None:
            with suppress(NotInTime, OSError, self._nats.errors.Error):
                self._run(self._client.close(), 1)
            self._client = None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(1)
        if not self._thread.is_alive():
            self._loop.close()

    def _run(self, coroutine: Any, seconds: float) -> Any:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(seconds)
        except NotInTime:
            future.cancel()
            raise

    async def _publish(self, batch: Sequence[Message], delivery: Delivery) -> None:
        stream = (await self._connected()).jetstream(timeout=SECONDS)
        for wave in _waves(batch):
            answers = await asyncio.gather(*(self._store(stream, one) for one in wave), return_exceptions=True)
            for message, answer in zip(wave, answers, strict=True):
                if not isinstance(answer, BaseException):
                    delivery.taken.append(message)
                elif why := self._why_never(message, answer):
                    delivery.refused.append((message, why))
                else:
                    delivery.problem = self._why_not(answer)
            if delivery.problem:
                return

    async def _connected(self) -> Any:
        if self._client is None:
            self._client = await self._nats.connect(**self._options, allow_reconnect=True)
        if not self._client.is_connected:
            raise ConnectionError(f"not connected, and tries to be{': ' if self._problem else ''}{self._problem}")
        return self._client

    async def _store(self, stream: Any, message: Message) -> None:
        headers = {
            "Nats-Msg-Id": quote(message.delivery, safe="/.-_~:"),
            "Content-Type": message.content_type,
            "Key": quote(message.key, safe="/.-_~:@+"),
        }
        await stream.publish(self._subject, message.body, timeout=SECONDS, headers=headers)

    def _why_never(self, message: Message, error: BaseException) -> str:
        too_large = isinstance(error, self._nats.errors.MaxPayloadError)
        if too_large or getattr(error, "err_code", None) == TOO_LARGE:
            return f"It is too large: {len(message.body):,} bytes."
        return ""

    def _why_not(self, error: BaseException) -> str:
        if isinstance(error, self._nats.js.errors.NoStreamResponseError):
            return (
                f"No stream of NATS takes the subject {self._subject!r}; make one: nats stream add --subjects "
                f"{self._subject}."
            )
        if isinstance(error, (TimeoutError, self._nats.errors.TimeoutError)):
            return f"No acknowledgement within {SECONDS:g} seconds."
        return sentence("NATS", _told(error))

    async def _failed(self, error: Exception) -> None:
        self._problem = _told(error)


def _waves(batch: Sequence[Message]) -> Iterator[list[Message]]:
    """The messages in order, in parts none of which has two of one key."""
    wave: dict[str, Message] = {}
    for message in batch:
        if message.key in wave:
            yield list(wave.values())
            wave = {}
        wave[message.key] = message
    if wave:
        yield list(wave.values())


def _told(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or getattr(error, "description", None) or str(error)
    return text.removeprefix("nats: ") or type(error).__name__
