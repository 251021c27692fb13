"""An export is sent in small pieces, and ends when its reader takes none of them."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

import pytest

from signal_log.show.export import sending
from signal_log.show.export.sending import PIECE, Sending

pytestmark = pytest.mark.filterwarnings("error")


def of(*chunks: bytes) -> Generator[bytes]:
    """The chunks of a file."""
    yield from chunks


async def test_a_large_chunk_goes_out_in_pieces() -> None:
    """So that a slow reader of it is seen to take something; nothing is lost, and nothing empty is sent."""
    chunks = [b"", b"x" * PIECE * 2 + b"y", b"", b"z"]
    pieces = [piece async for piece in Sending(of(*chunks), "x")]
    assert b"".join(pieces) == b"".join(chunks)
    assert [len(piece) for piece in pieces] == [PIECE, PIECE, 1, 1]


async def test_a_reader_who_takes_nothing_ends_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As if the reader had left; the server's log says why."""
    monkeypatch.setattr(sending, "TAKEN_WITHIN", 0)
    never = asyncio.Event()

    async def send() -> None:
        async for _ in Sending(of(b"x", b"y"), "The export (csv) for mira"):
            await never.wait()

    sender = asyncio.create_task(send())
    await asyncio.wait([sender])
    assert sender.cancelled()
    assert "The export (csv) for mira has ended: its reader took nothing" in caplog.text


async def test_what_was_taken_or_closed_is_not_ended_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time begins anew with each piece, and ends with the file; whoever sent it may go on."""
    waits: list[asyncio.TimerHandle] = []
    loop = asyncio.get_running_loop()
    later = loop.call_later
    monkeypatch.setattr(loop, "call_later", lambda *given: waits.append(later(*given)) or waits[-1])
    content = Sending(of(b"x", b"y", b"z"), "x")
    assert await anext(content) == b"x"
    assert await anext(content) == b"y"
    assert [wait.cancelled() for wait in waits] == [True, False]
    content.close()
    waits[1]._run()
    await asyncio.sleep(0)
    whole = [piece async for piece in Sending(of(b"x"), "x")]
    assert whole == [b"x"]
    assert waits[-1].cancelled()
