"""Sends events by HTTPS, signed: one request after the other on one connection, so that they arrive in their order."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from threading import Event, Timer
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from signal_log import clock
from signal_log.relay.message import Delivery, Message
from signal_log.relay.settings import Relay
from signal_log.relay.sinks.quoted import quoted
from signal_log.relay.sinks.signature import signed
from signal_log.relay.sinks.tls import context_of, why_unreached

SECONDS: Final = 10.0
"""For one request, from its first byte to the answer's last, however slowly that drips."""
AT_ONCE: Final = 100
"""Messages of a turn, unless one request has more."""
TURN_SECONDS: Final = 5.0
"""After so many seconds a turn ends, so that what was taken is written down."""
MOST_ANSWERED: Final = 64 * 1024
LATER: Final = (408, 425, 429)
"""Answers below 500 that mean *not now* rather than *never*."""
CLOUDEVENT: Final = "application/cloudevents+json"
CLOUDEVENTS: Final = "application/cloudevents-batch+json"
PORTS: Final = {"http": 80, "https": 443}


class _Answer(NamedTuple):
    status: int = 0
    """0 if there was none."""
    wait: float = 0.0
    """For how long not to ask again."""
    problem: str = ""
    """What to say of it."""
    said: str = ""
    """The beginning of its body, as far as it may be shown, where it is for good."""

    @property
    def is_for_good(self) -> bool:
        return 400 <= self.status < 500 and self.status not in LATER


class Webhook:
    """Posts messages to one address, one in a request or a few in a JSON array."""

    def __init__(self, relay: Relay, over: Event) -> None:
        self.most = max(AT_ONCE, relay.batch)
        self._relay = relay
        self._over = over
        self._parts = urlsplit(relay.url)
        self._context = context_of(relay.ca) if self._parts.scheme == "https" else None
        self._connection: _Connection | None = None

    def send(self, batch: Sequence[Message]) -> Delivery:
        """Post them until one is not taken; what is refused for good is gone past."""
        delivery = Delivery()
        until = clock.monotonic() + TURN_SECONDS
        for at in range(0, len(batch), self._relay.batch):
            if at and (self._over.is_set() or clock.monotonic() >= until):
                break
            self._post(batch[at : at + self._relay.batch], delivery)
            if delivery.problem:
                break
        return delivery

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post(self, messages: Sequence[Message], delivery: Delivery) -> None:
        answer = self._request(messages)
        if 200 <= answer.status < 300:
            delivery.taken += messages
        elif answer.is_for_good:
            if len(messages) > 1:  # find out which of them it is
                half = len(messages) // 2
                for part in (messages[:half], messages[half:]):
                    if not delivery.problem:
                        self._post(part, delivery)
            else:
                delivery.refused.append((messages[0], f"{answer.problem}\n{answer.said}".rstrip()))
        else:
            delivery.problem, delivery.wait = answer.problem, answer.wait

    def _request(self, messages: Sequence[Message]) -> _Answer:
        body, kind = _body(messages, in_array=self._relay.batch > 1)
        uid = messages[0].delivery if len(messages) == 1 else f"{messages[0].delivery}-{messages[-1].id}"
        headers = {
            "Content-Type": kind,
            "User-Agent": "signal_log",
            **self._relay.headers,
            **signed(self._relay.secrets, uid, clock.time_ns() // 1_000_000_000, body),
        }
        is_kept = self._connection is not None and self._connection.is_open
        try:
            return self._ask(body, headers)
        except (OSError, http.client.HTTPException) as error:
            is_late = self._connection is not None and self._connection.is_late
            self.close()
            if not is_kept or is_late:
                return _Answer(problem=why_unreached(TimeoutError() if is_late else error, SECONDS))
        # A connection that was kept may have been closed meanwhile; that says nothing of the receiver.
        try:
            return self._ask(body, headers)
        except (OSError, http.client.HTTPException) as error:
            is_late = self._connection is not None and self._connection.is_late
            self.close()
            return _Answer(problem=why_unreached(TimeoutError() if is_late else error, SECONDS))

    def _ask(self, body: bytes, headers: dict[str, str]) -> _Answer:
        connection = self._connection = self._connection or _Connection(self._parts, self._context)
        with connection.within(SECONDS):
            connection.request("POST", _target(self._parts), body, headers)
            answer = connection.getresponse()
            content = answer.read(MOST_ANSWERED + 1)
        if connection.is_late:
            raise TimeoutError
        if len(content) > MOST_ANSWERED:
            self.close()
        wait = _seconds(answer.headers.get("Retry-After"))
        found = _Answer(answer.status, wait, _sentence(answer.status))
        if not found.is_for_good:
            return found
        ours = (*self._relay.secrets, *self._relay.headers.values())
        return found._replace(said=quoted(content, answer.headers.get_content_charset(), ours))


class _Connection(http.client.HTTPConnection):
    """A connection that is kept for the next request, and cut when one takes too long."""

    def __init__(self, parts: SplitResult, context: ssl.SSLContext | None) -> None:
        super().__init__(str(parts.hostname), parts.port or PORTS[parts.scheme], timeout=SECONDS)
        self.is_late = False
        self._context = context

    @property
    def is_open(self) -> bool:
        return self.sock is not None

    def connect(self) -> None:
        """Connect, with a certificate that is trusted where the address asks for one."""
        super().connect()
        if self._context is not None:
            # The handshake comes after the assignment: it, too, can be cut.
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
            self.sock.do_handshake()

    def within(self, seconds: float) -> _Deadline:
        """Cut it if what is done with it takes longer."""
        return _Deadline(seconds, self._cut)

    def _cut(self) -> None:
        self.is_late = True
        if (sock := self.sock) is not None:
            try:
                # Not SSLSocket's own, which takes the session away below the thread that reads.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                return


class _Deadline:
    """Does something unless the block ends in time."""

    def __init__(self, seconds: float, late: object) -> None:
        self._timer = Timer(seconds, late)  # type: ignore[arg-type]
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def _body(messages: Sequence[Message], *, in_array: bool) -> tuple[bytes, str]:
    if not in_array:
        return messages[0].body, messages[0].content_type
    kind = CLOUDEVENTS if messages[0].content_type == CLOUDEVENT else messages[0].content_type
    return b"[" + b",".join(message.body for message in messages) + b"]", kind


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _sentence(status: int) -> str:
    if 300 <= status < 400:
        return f"It answered {status}, to send us to another address; that is never followed."
    return f"It answered {status}."


def _seconds(given: str | None) -> float:
    """What ``Retry-After`` says: a number of seconds, or a date."""
    if not given:
        return 0.0
    if given.isascii() and given.strip().isdigit():
        return float(given)
    try:
        return max(0.0, (parsedate_to_datetime(given) - clock.now()).total_seconds())
    except (TypeError, ValueError):
        return 0.0
