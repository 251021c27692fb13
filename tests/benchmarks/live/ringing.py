"""The project plus an address that measures its doorbell from a thread of the same process."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from statistics import quantiles
from typing import Any, Final
from urllib.parse import parse_qsl

from django.conf import settings

from asgi import application as project
from signal_log.tail import doorbell

settings.SIGNAL_LOG["SOCKETS_PER_ACCOUNT"] = 10_000  # all dashboards of the benchmark are one person's

COMMIT_NS: Final = 200_000
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answer ``/ring/?count=1000&pause=0.005`` with the microseconds of this many rings, this far apart."""
    if scope.get("path") != "/ring/":
        await project(scope, receive, send)
        return
    order = dict(parse_qsl(scope["query_string"].decode()))
    measured = await asyncio.to_thread(measure, int(order["count"]), float(order["pause"]))
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(measured).encode()})


def measure(count: int, pause: float) -> dict[str, float]:
    """Time each ring by itself, as a writer's thread sees it, and an empty function for comparison."""
    for _ in range(10):
        doorbell.ring()
    nothing = percentiles(timed(count, pause, lambda: None))
    return percentiles(timed(count, pause, doorbell.ring)) | {"nothing_p50": nothing["p50"]}


def timed(count: int, pause: float, call: Callable[[], None]) -> list[int]:
    """Return the nanoseconds of each call."""
    clock = time.perf_counter_ns
    taken = []
    for _ in range(count):
        if pause:
            time.sleep(pause)
            awake = clock()
            while clock() - awake < COMMIT_NS:  # a writer comes from its COMMIT, with warm caches
                pass
        began = clock()
        call()
        taken.append(clock() - began)
    return taken


def percentiles(taken: list[int]) -> dict[str, float]:
    """Return percentiles in microseconds."""
    cuts = quantiles(taken, n=100, method="inclusive")
    return {"p50": cuts[49] / 1000, "p99": cuts[98] / 1000, "mean": sum(taken) / len(taken) / 1000}
