"""The thread that asks the log's database: what happens to a question when its hub stops."""

import asyncio
import threading

import pytest

from signal_log.tail import thread
from signal_log.tail.thread import LogThread


class Log:
    """A log that runs two statements for one question and waits in the second until it is cancelled."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.cancelled = threading.Event()
        self.closed = threading.Event()
        self.interrupts = 0

    def interrupt(self) -> None:
        self.interrupts += 1
        if self.interrupts > 1:  # the first one arrives between the two statements
            self.cancelled.set()

    def close(self) -> None:
        self.closed.set()


def wait(log: Log) -> bool:
    """Wait as for a lock, at most as long as a test may hang."""
    log.asked.set()
    return log.cancelled.wait(10)


async def test_a_cancel_without_effect_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that nobody waits for is cancelled until its thread is free, and the connection is closed."""
    monkeypatch.setattr(thread, "INTERRUPT_EVERY", 0.01)
    log, asking = Log(), LogThread("test")
    asking.log = log  # type: ignore[assignment]
    answer = asyncio.ensure_future(asking.ask(wait))  # type: ignore[arg-type]
    await asyncio.to_thread(log.asked.wait, 5)
    asking.close()
    assert await asyncio.wait_for(answer, 5) is True
    assert await asyncio.to_thread(log.closed.wait, 5)
    interrupts = log.interrupts
    await asyncio.sleep(0.05)
    assert log.interrupts <= interrupts + 1, "it goes on cancelling a thread that is free"
