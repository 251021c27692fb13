"""A minimal websocket client, so that 500 of them in one process are not the bottleneck."""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from collections.abc import Callable
from typing import Final

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
NO_MASK: Final = bytes(4)
"""Clients must mask their frames; nothing says that the mask must change a bit."""


class Socket(asyncio.Protocol):
    """One connection: passes on each text, answers pings, reports when it has ended."""

    def __init__(
        self, request: bytes, opened: Callable[[], None], text: Callable[[bytes], None], closed: Callable[[], None]
    ) -> None:
        self._request = request
        self._opened = opened
        self._text = text
        self._closed = closed
        self._buffer = b""
        self._upgraded = False
        self.transport: asyncio.Transport | None = None
        self.code: int | None = None
        """Of the server's close frame, once it has sent one."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Request the upgrade."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._request)

    def connection_lost(self, problem: Exception | None) -> None:
        """Report the end, whatever its reason."""
        self.transport = None
        self._closed()

    def data_received(self, data: bytes) -> None:
        """Take complete frames from the buffer; the server sends each text as one frame."""
        data = self._buffer + data if self._buffer else data
        at = 0 if self._upgraded else self._upgrade(data)
        if at < 0:
            self._buffer = data
            return
        while self.transport is not None and (found := frame(data, at)) is not None:
            kind, begin, at = found
            if kind == TEXT:
                self._text(data[begin:at])
            elif kind == PING:
                self._write(PONG, data[begin:at])
            elif kind == CLOSE:
                self.code = int.from_bytes(data[begin : begin + 2], "big") if at > begin else None
                self.transport.close()
        self._buffer = data[at:]

    def _upgrade(self, data: bytes) -> int:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return -1
        if not data.startswith(b"HTTP/1.1 101") and self.transport is not None:
            self.transport.close()
            return -1
        self._upgraded = True
        self._opened()
        return end + 4

    def send(self, text: bytes) -> None:
        """Send a text."""
        self._write(TEXT, text)

    def _write(self, kind: int, content: bytes) -> None:
        size = len(content)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size)
        if self.transport is not None:
            self.transport.write(bytes([0x80 | kind]) + length + NO_MASK + content)

    def cut(self) -> None:
        """Cut the connection like a broken network, without a close frame."""
        if self.transport is not None:
            self.transport.abort()

    def stop_reading(self) -> None:
        """Stop reading, like a frozen browser."""
        if self.transport is not None:
            self.transport.pause_reading()


def frame(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Return kind, beginning and end of the frame that begins here, or None while it is incomplete."""
    if len(data) < at + 2:
        return None
    size, begin = data[at + 1] & 0x7F, at + 2
    if size >= 126:
        width = 2 if size == 126 else 8
        if len(data) < begin + width:
            return None
        size, begin = int.from_bytes(data[begin : begin + width], "big"), begin + width
    return None if len(data) < begin + size else (data[at] & 0x0F, begin, begin + size)


def handshake(port: int, path: str, cookie: str, host: str = "127.0.0.1") -> bytes:
    """Return the request that opens a websocket, as from a page of the same site."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        f"Origin: http://{host}:{port}",
        *([f"Cookie: {cookie}"] if cookie else []),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
