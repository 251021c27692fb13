"""Baseline (b): bare daphne; a frame is encoded once and sent to all, without database and permissions."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson

from tests.benchmarks.live.payload import event

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]

sends: set[Send] = set()
background: set[asyncio.Task[None]] = set()


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Send everything to each socket; its first message may be an order to publish."""
    await receive()
    await send({"type": "websocket.accept"})
    if scope["path"] == "/publish/":
        order = json.loads((await receive())["text"])
        await publish(**order)
        await send({"type": "websocket.close"})
        return
    sends.add(send)
    while (await receive())["type"] != "websocket.disconnect":
        pass
    sends.discard(send)


async def publish(rate: float, batch: int, seconds: float, report: str) -> None:
    """Publish events at this rate, this many per frame, and write down what was sent when."""
    ids: list[int] = []
    committed: list[float] = []
    began = time.monotonic()
    turns = max(1, round(rate * seconds / batch))
    for turn in range(turns):
        await asyncio.sleep(max(0.0, began + turn * batch / rate - time.monotonic()))
        numbers = range(turn * batch + 1, (turn + 1) * batch + 1)
        now = time.monotonic()
        ids += numbers
        committed += [now] * batch
        frame = {"type": "websocket.send", "text": orjson.dumps([event(number) for number in numbers]).decode()}
        for send in list(sends):
            await send(frame)
    done = {"ids": ids, "committed": committed, "began": began, "ended": time.monotonic()}
    Path(report).write_text(json.dumps(done))  # noqa: ASYNC240  nothing else is going on
