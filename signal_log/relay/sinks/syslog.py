"""Sends events as RFC 5424 messages over TCP or TLS, with their lengths before them (RFC 6587, octet counting).

Syslog has no acknowledgement. So each batch has a connection of its own, of which our side is closed when all is
written: a receiver that has read to the end closes its own, and one that was killed before resets the connection. Only
the first counts as taken.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from signal_log.relay.message import Delivery, Message
from signal_log.relay.settings import Relay
from signal_log.relay.sinks.tls import context_of, why_unreached

SECONDS: Final = 10.0
"""To connect, for each write, and for the receiver to have read all."""
PRIORITY: Final = 13 * 8 + 6
"""Facility *log audit*, severity *informational*."""
NAME: Final = "signal_log"
BOM: Final = b"\xef\xbb\xbf"
"""Says that the text is UTF-8."""
PORT: Final = 6514


class Syslog:
    """One receiver."""

    most = 200

    def __init__(self, relay: Relay) -> None:
        parts = urlsplit(relay.url)
        self._host, self._port = str(parts.hostname), parts.port or PORT
        self._context = context_of(relay.ca) if parts.scheme == "tls" else None
        self._from = socket.gethostname()

    def send(self, batch: Sequence[Message]) -> Delivery:
        """Write them, and wait until the receiver has read them all."""
        content = b"".join(framed(message, self._from) for message in batch)
        try:
            self._write(content)
        except OSError as error:
            return Delivery(problem=why_unreached(error, SECONDS))
        return Delivery(taken=list(batch))

    def _write(self, content: bytes) -> None:
        line = socket.create_connection((self._host, self._port), SECONDS)
        try:
            if self._context is not None:
                line = self._context.wrap_socket(line, server_hostname=self._host)
            line.sendall(content)
            if isinstance(line, ssl.SSLSocket):
                line = _unwrapped(line)
            line.shutdown(socket.SHUT_WR)
            while line.recv(4096):
                pass
        finally:
            line.close()

    def close(self) -> None:
        """Nothing: no connection is kept."""


def framed(message: Message, host: str) -> bytes:
    """A message with its length before it; its MSGID is the signal, and the id of the event stands in its text."""
    kind = "".join(c if c.isascii() and c.isprintable() and c != " " else "_" for c in message.signal)[-32:] or "-"
    sender = "".join(c for c in host if c.isascii() and c.isprintable() and c != " ")[:255] or "-"
    head = f"<{PRIORITY}>1 {message.occurred_at} {sender} {NAME} {os.getpid()} {kind} - "
    text = head.encode() + BOM + message.body
    return str(len(text)).encode() + b" " + text


def _unwrapped(secured: ssl.SSLSocket) -> socket.socket:
    """Say that no more comes, and wait until the receiver has said so too, or has closed the connection."""
    try:
        return secured.unwrap()
    except ssl.SSLEOFError:  # it has read to the end, and is not so polite
        return secured
