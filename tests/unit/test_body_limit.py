"""What is posted is refused as soon as it is too large or too slow, and none of it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import pytest
from daphne import http_protocol
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel

from observatory.body_limit import LINGER, limited, request_class

LARGEST = 1000
SECONDS = 60
# Since Python 3.13 it is called "Content Too Large".
TOO_LARGE = f"HTTP/1.1 413 {HTTPStatus(413).phrase}\r\nConnection: close\r\n".encode()
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"


class Wire:
    """One connection to daphne's protocol, without a network and with a clock of its own."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.processed: list[bytes] = []
        wire = self

        class Request(request_class(LARGEST, SECONDS)):  # type: ignore[misc]
            def process(self) -> None:
                wire.processed.append(self.content.read())

        self.transport = StringTransport(peerAddress=IPv4Address("TCP", "192.0.2.7", 4321))
        self.channel = HTTPChannel()
        self.channel.requestFactory = Request
        self.channel.callLater = self.clock.callLater  # type: ignore[method-assign]
        server = SimpleNamespace(protocol_connected=lambda _: None, protocol_disconnected=lambda _: None)
        self.channel.factory = SimpleNamespace(server=server)  # type: ignore[assignment]
        self.channel.makeConnection(self.transport)

    def send(self, *pieces: bytes) -> bytes:
        """Send some pieces, and return all that has been answered so far."""
        for piece in pieces:
            self.channel.dataReceived(piece)
        return self.transport.value()

    def hang_up(self) -> None:
        """Be gone."""
        self.channel.connectionLost(Failure(ConnectionDone()))

    @property
    def request(self) -> Any:
        return self.channel.requests[-1]


def post(length: int | None, *headers: bytes) -> bytes:
    """Return the head of a POST with this Content-Length, or in chunks."""
    size = b"Transfer-Encoding: chunked" if length is None else b"Content-Length: %d" % length
    return b"\r\n".join([b"POST / HTTP/1.1", b"Host: a.example", size, *headers, b"", b""])


def chunk(size: int) -> bytes:
    return b"%x\r\n%s\r\n" % (size, b"x" * size)


@pytest.fixture(autouse=True)
def _limited_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another application of this process has limits of its own, and smaller ones."""
    monkeypatch.setattr(http_protocol, "WebRequest", request_class(1, 1))


def test_as_much_as_is_allowed_arrives_whole() -> None:
    """With a length or in chunks, and the connection goes on to be used."""
    for pieces in ([post(1000), b"x" * 400, b"x" * 600], [post(None), chunk(400), chunk(600), chunk(0)]):
        wire = Wire()
        assert wire.send(*pieces) == b""
        assert wire.processed == [b"x" * 1000]
        assert wire.clock.getDelayedCalls() == []
        wire.hang_up()
    wire = Wire()
    assert wire.send(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n") == b""
    assert wire.processed == [b""]
    assert wire.send(post(10, b"Expect: 100-continue")) == b""  # kept until the first is answered


@pytest.mark.parametrize("expect", [[], [b"Expect: 100-continue"]])
def test_a_length_that_is_too_large_is_refused_before_anything_arrives(expect: list[bytes]) -> None:
    """The answer comes with the headers, without a word to continue, and what follows is thrown away."""
    wire = Wire()
    answer = wire.send(post(200_000_000, *expect))
    assert answer.startswith(TOO_LARGE)
    assert answer.endswith(b"larger than this site takes.\n")
    assert b"100 Continue" not in answer
    assert wire.send(*[b"x" * 10_000] * 10) == answer
    assert wire.request.content.closed
    assert wire.processed == []
    assert not wire.transport.disconnecting, "a client that is still sending could not read the answer"
    wire.clock.advance(LINGER)
    assert wire.transport.disconnected


def test_chunks_are_refused_when_they_become_too_much() -> None:
    """Nobody has said how much it would be, so it is counted; the end of what was refused ends the connection."""
    wire = Wire()
    assert wire.send(post(None), chunk(600), chunk(400)) == b""
    answer = wire.send(chunk(1))
    assert answer.startswith(TOO_LARGE)
    assert wire.request.content.closed
    assert wire.send(chunk(5000), chunk(0)) == answer
    assert wire.transport.disconnecting
    assert wire.processed == []
    wire.hang_up()


@pytest.mark.parametrize("length", [900, None])
def test_what_trickles_in_is_given_up(length: int | None) -> None:
    """A byte a second keeps no connection for longer than a request may take."""
    wire = Wire()
    wire.send(post(length))
    for _ in range(SECONDS - 1):
        wire.clock.advance(1)
        assert wire.send(b"x" if length else chunk(1)) == b""
    wire.clock.advance(1)
    assert wire.transport.value().startswith(TOO_SLOW)
    wire.clock.advance(LINGER)
    assert wire.transport.disconnected


def test_a_client_that_leaves_is_forgotten() -> None:
    """No timer outlives its connection."""
    for length in (900, 2000):
        wire = Wire()
        wire.send(post(length))
        wire.hang_up()
        assert wire.clock.getDelayedCalls() == []


# --- under other servers ------------------------------------------------------------------------


async def served(
    messages: list[dict[str, Any]], headers: list[tuple[bytes, bytes]], monkeypatch: pytest.MonkeyPatch, **limits: Any
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return what the application got and what was answered; after the last message nothing more arrives."""
    monkeypatch.setattr(http_protocol, "WebRequest", http_protocol.WebRequest)  # put back what is replaced
    got: list[dict[str, Any]] = []
    sent: list[dict[str, Any]] = []

    async def application(scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        while not got or got[-1].get("more_body"):
            got.append(await receive())
        if got[-1]["type"] == "http.request":  # as Django: who has gone away gets no answer
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    limits = {"largest": LARGEST, "seconds": SECONDS} | limits
    await limited(application, **limits)({"type": "http", "headers": headers}, receive, send)
    return got, sent


def piece(size: int, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": b"x" * size, "more_body": more}


async def test_an_application_gets_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """All pieces, and after them what the server says."""
    got, sent = await served([piece(400), piece(600, more=False)], [(b"content-length", b"1000")], monkeypatch)
    assert [len(message["body"]) for message in got] == [400, 600]
    assert sent[0]["status"] == 200


async def test_an_application_never_sees_what_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too large by its own account, too large when counted, too slow: the client is gone, and has its answer."""
    got, sent = await served([piece(1)], [(b"content-length", b"1001")], monkeypatch)
    assert (got, sent[0]["status"]) == ([], 413)
    got, sent = await served([piece(600), piece(401)], [], monkeypatch)
    assert [message["type"] for message in got] == ["http.request", "http.disconnect"]
    assert sent[0]["status"] == 413
    got, sent = await served([piece(600)], [], monkeypatch, seconds=0.01)
    assert [message["type"] for message in got] == ["http.request", "http.disconnect"]
    assert sent[0]["status"] == 408
    assert b"too long" in sent[1]["body"]
