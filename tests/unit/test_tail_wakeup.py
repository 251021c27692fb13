"""The bell of one hub: each ring is heard, and only one that finds the hub asleep reaches for its loop."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from signal_log.tail.wakeup import Bell


def test_a_ring_during_a_read_is_heard_after_it() -> None:
    """Between ``heard`` and the next sleep nothing is lost, and it costs the ringer no call."""

    async def scene() -> list[Any]:
        bell, calls = Bell(), []
        loop = asyncio.get_running_loop()
        original = loop.call_soon_threadsafe
        loop.call_soon_threadsafe = lambda *call: (calls.append(call), original(*call))[1]  # type: ignore[method-assign, assignment]
        bell.heard()
        for _ in range(100):
            bell.ring()
        during = len(calls)
        found = await bell.within(0)
        bell.heard()
        return [during, found, await bell.within(0.01)]

    assert asyncio.run(scene()) == [0, True, False]


def test_a_ring_from_another_thread_wakes_it_again_and_again() -> None:
    """A thread that rings without pause while the hub reads and sleeps: each sleep ends by a ring, not by its time."""

    async def scene() -> int:
        bell, over = Bell(), threading.Event()

        def ring() -> None:
            while not over.is_set():
                bell.ring()

        thread = threading.Thread(target=ring)
        thread.start()
        heard = 0
        for _ in range(200):
            bell.heard()
            await asyncio.sleep(0)
            heard += await bell.within(5)
        over.set()
        thread.join()
        return heard

    assert asyncio.run(scene()) == 200
