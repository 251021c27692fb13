"""A wakeup loses no call, and only a call that finds the hub asleep touches its event loop."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from signal_log.tail.wakeup import Wakeup


def test_a_call_during_a_read_is_noticed_after_it() -> None:
    """A call between ``clear`` and ``wait`` is not lost, and does not touch the event loop."""

    async def scene() -> list[Any]:
        wakeup, calls = Wakeup(), []
        loop = asyncio.get_running_loop()
        original = loop.call_soon_threadsafe
        loop.call_soon_threadsafe = lambda *call: (calls.append(call), original(*call))[1]  # type: ignore[method-assign, assignment]
        wakeup.clear()
        for _ in range(100):
            wakeup.wake()
        during = len(calls)
        found = await wakeup.wait(0)
        wakeup.clear()
        return [during, found, await wakeup.wait(0.01)]

    assert asyncio.run(scene()) == [0, True, False]


def test_calls_from_another_thread_wake_it_again_and_again() -> None:
    """With a thread that calls all the time, every sleep of the hub ends by a call, never by its timeout."""

    async def scene() -> int:
        wakeup, over = Wakeup(), threading.Event()

        def call() -> None:
            while not over.is_set():
                wakeup.wake()

        thread = threading.Thread(target=call)
        thread.start()
        woken = 0
        for _ in range(200):
            wakeup.clear()
            await asyncio.sleep(0)
            woken += await wakeup.wait(5)
        over.set()
        thread.join()
        return woken

    assert asyncio.run(scene()) == 200
