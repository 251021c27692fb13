"""An export is sent in small pieces, and ends when its reader takes none of them, or too few."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Generator
from threading import Event

import pytest

from signal_log import clock
from signal_log.show.export import reader
from signal_log.show.export.reader import PIECE, Reader
from signal_log.show.export.sending import Sending
from signal_log.show.export.sending_wsgi import ReaderTooSlowError, sent

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
    monkeypatch.setattr(reader, "TAKEN_WITHIN", 0)
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


class Clock:
    """One that stands still until it is set."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that readers are measured by."""
    still = Clock()
    monkeypatch.setattr(clock, "monotonic", still)
    return still


def taken_of(still: Clock, seconds: float, most: int = 100_000, *, at_first: int = 0) -> int:
    """How many pieces a reader may take, each after so many seconds, between which nothing is given for an hour.

    ``at_first`` it takes some at once.
    """
    one = Reader()
    for _ in range(at_first):
        one.give()
        one.has_taken()
    for number in range(most):
        still.now += 3_600
        one.give()
        still.now += seconds
        if one.left() <= 0:
            return number
        one.has_taken()
    return most


def test_a_reader_who_is_slow_all_the_time_ends_it(still: Clock) -> None:
    """64 KB a minute keep no place, but the slowest line that is allowed does for as long as it takes."""
    assert taken_of(still, 59) == 5
    assert taken_of(still, 2.5) == 599
    assert taken_of(still, 2) == 100_000
    assert taken_of(still, 59, at_first=1_000) == 5


def test_a_reader_catches_up(still: Clock) -> None:
    """A pause is forgiven by what is taken after it."""
    one = Reader()
    for seconds in [59, *[0.1] * 30] * 20:
        one.give()
        still.now += seconds
        assert one.left() > 0
        one.has_taken()
    assert one.left() == reader.TAKEN_WITHIN
    one.give()
    still.now += reader.TAKEN_WITHIN
    assert one.fault() == "its reader took nothing for 60 seconds"


def test_under_wsgi_a_place_is_given_to_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While the server's thread still waits for the reader; the file then ends where it is."""
    monkeypatch.setattr(reader, "TAKEN_WITHIN", 0)
    given_back = Event()
    content = sent(of(b"x", b"y"), "The export (csv) for mira", given_back.set)
    assert next(content) == b"x"
    assert given_back.wait(60)
    with pytest.raises(ReaderTooSlowError):
        next(content)
    assert caplog.text.count("The export (csv) for mira has ended: its reader took nothing") == 1


def test_under_wsgi_a_slow_reader_ends_it_without_threads(
    still: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a server lets no thread of ours run, it is found out when the next piece is asked for."""
    monkeypatch.setattr("signal_log.show.export.sending_wsgi.Thread.start", lambda thread: None)
    given_back = Event()
    content = sent(of(b"x" * PIECE * 9), "The export (csv) for mira", given_back.set)
    for _ in range(6):
        assert (len(next(content)), given_back.is_set()) == (PIECE, False)
        still.now += 59
    with pytest.raises(ReaderTooSlowError):
        next(content)
    assert given_back.is_set()
    assert "takes less than 32 KB a second, and was 300 seconds behind that" in caplog.text


def test_under_wsgi_nothing_is_watched_any_longer_than_it_is_read(caplog: pytest.LogCaptureFixture) -> None:
    """A file that was sent, closed, or forgotten with a piece not taken is not ended later."""
    given_back = Event()
    assert b"".join(sent(of(b"", b"x" * PIECE * 2 + b"y"), "x", given_back.set)) == b"x" * PIECE * 2 + b"y"
    for end in (lambda content: content.close(), lambda content: None):
        content = sent(of(b"x", b"y"), "x", given_back.set)
        (watch,) = [next(content) and content.gi_frame.f_locals["watch"]]
        assert not watch._ended.is_set()
        end(content)
        del content
        gc.collect()
        assert watch._ended.is_set()
    assert not given_back.is_set()
