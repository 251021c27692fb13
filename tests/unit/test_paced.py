"""Under daphne a response is sent at its reader's pace, and one that fails half-way is cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from signal_log.show.paced import paced

HTTP = {"type": "http", "path": "/x/"}


class Request:
    """The parts of a Twisted request and its channel that are used here."""

    def __init__(self) -> None:
        self.channel: Any = self
        self.producer: Any = None
        self.cut = False
        self.aborted = False
        self.sent: list[dict[str, Any]] = []

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: N802
        assert streaming
        assert self.producer is None
        self.producer = producer

    def unregisterProducer(self) -> None:  # noqa: N802
        self.producer = None

    def loseConnection(self) -> None:  # noqa: N802
        self.cut = True

    def forceAbortClient(self) -> None:  # noqa: N802
        self.aborted = True


async def handle_reply(request: Request, message: dict[str, Any]) -> None:
    """Accept everything at once, as daphne does."""
    request.sent.append(message)
    await asyncio.sleep(0)


def body(*, more: bool = True) -> dict[str, Any]:
    """Return one chunk of a response body."""
    return {"type": "http.response.body", "body": b"x", "more_body": more}


async def three_pieces(scope: Any, receive: Any, send: Any) -> None:
    """An application that streams three chunks."""
    await send({"type": "http.response.start", "status": 200})
    await send(body())
    await send(body())
    await send(body(more=False))


async def until(reached: Callable[[], bool]) -> None:
    """Let the application run until the condition holds."""
    for _ in range(100):
        if not reached():
            await asyncio.sleep(0)
    assert reached()


async def test_a_full_buffer_is_waited_for() -> None:
    """Nothing is sent between pause and resume, and nothing is lost."""
    request = Request()
    running = asyncio.create_task(paced(three_pieces)(HTTP, None, partial(handle_reply, request)))
    await until(lambda: len(request.sent) == 2)
    request.producer.pauseProducing()
    await asyncio.sleep(0.02)
    assert len(request.sent) == 2
    request.producer.resumeProducing()
    await running
    assert len(request.sent) == 4
    assert request.producer is None
    assert not request.cut


@pytest.mark.parametrize("error", [ValueError("half way"), None])
async def test_a_response_that_is_not_whole_is_cut(error: Exception | None, caplog: pytest.LogCaptureFixture) -> None:
    """An incomplete response is cut off, whether its application fails or just returns; daphne never sees the error."""

    async def half(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send(body())
        if error:
            raise error

    request = Request()
    await paced(half)(HTTP, None, partial(handle_reply, request))
    assert request.cut
    assert request.producer is None
    assert ("half way" in caplog.text) == (error is not None)


async def test_the_connection_of_a_reader_who_takes_nothing_is_not_waited_for() -> None:
    """Closing it would wait until what was sent is taken."""
    request = Request()
    running = asyncio.create_task(paced(three_pieces)(HTTP, None, partial(handle_reply, request)))
    await until(lambda: request.producer is not None)
    request.producer.pauseProducing()
    running.cancel()
    await asyncio.wait([running])
    assert request.aborted
    assert not request.cut
    assert request.producer is None


async def test_an_error_before_the_response_is_daphnes_own() -> None:
    """An error before the response begins is left to daphne, which answers with its error page."""

    async def fails(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("at once")

    request = Request()
    with pytest.raises(ValueError, match="at once"):
        await paced(fails)(HTTP, None, partial(handle_reply, request))
    assert not request.cut


async def test_a_reader_who_left_is_left_alone() -> None:
    """When the reader has left and Twisted has no channel any more, whoever waits for room continues at once."""
    request = Request()
    running = asyncio.create_task(paced(three_pieces)(HTTP, None, partial(handle_reply, request)))
    await until(lambda: request.producer is not None)
    request.producer.pauseProducing()
    await asyncio.sleep(0)
    request.channel = None
    request.producer.stopProducing()
    await running
    assert not request.cut


async def test_the_answer_to_a_head_has_no_body() -> None:
    """Of several chunks daphne would send all but the first, which the next answer of the connection begins with."""
    request = Request()
    await paced(three_pieces)({**HTTP, "method": "HEAD"}, None, partial(handle_reply, request))
    assert [one.get("body") for one in request.sent] == [None, b"", b"", b""]
    assert [one.get("more_body") for one in request.sent] == [None, True, True, False]
    request = Request()
    await paced(three_pieces)({**HTTP, "method": "GET"}, None, partial(handle_reply, request))
    assert [one.get("body") for one in request.sent] == [None, b"x", b"x", b"x"]


async def test_other_servers_and_sockets_are_passed_through() -> None:
    """With other servers, and for sockets, the application gets their own `send`."""
    seen = []

    async def note(scope: Any, receive: Any, send: Any) -> None:
        seen.append(send)

    async def send(message: Any) -> None:
        pass

    daphnes = partial(handle_reply, Request())
    await paced(note)(HTTP, None, send)
    await paced(note)({"type": "websocket"}, None, daphnes)
    assert seen == [send, daphnes]
