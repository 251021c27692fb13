"""The process of the open pages: each keeps its place, acknowledges, and comes back to the site when it is cut.

Reads orders, one JSON object a line on standard input, and answers each with one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.live.websocket import Socket, handshake
from tests.soak.ids import Ids
from tests.soak.page import Page, understood

# The same as the page's (signal_log/static/signal_log/js/server/socket.js).
ACK_EVENTS, ACK_BYTES, ACK_EVERY = 100, 64_000, 3.0
SILENCE: Final = 35.0
"""Seconds without a word after which a socket is given up: the server sends a heartbeat every 15."""
FIRST_WAIT, LONGEST_WAIT = 0.4, 4.0
AT_ONCE: Final = 25


class OpenPage:
    """One page: a socket, and the next one when that ends."""

    def __init__(self, pages: OpenPages, cookie: str) -> None:
        self.page = Page()
        self.ready = asyncio.Event()
        self._pages = pages
        self._cookie = cookie
        self._cursor: str | None = None
        self._heard = 0.0
        self._newest = self._unacked = self._unacked_bytes = 0
        self._acked_at = 0.0

    async def stay_open(self) -> None:
        """Connect, and again whenever the socket ends, until all is over."""
        wait = FIRST_WAIT
        while not self._pages.over:
            self.page.reconnected()
            self._unacked = self._unacked_bytes = 0
            was_ready = await self._one_socket()
            wait = FIRST_WAIT if was_ready else min(2 * wait, LONGEST_WAIT)
            await asyncio.sleep(wait * random.uniform(0.5, 1))

    async def _one_socket(self) -> bool:
        """Serve one socket to its end; whether it was ever subscribed."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        port = self._pages.port
        request = handshake(port, "/ws/events/", self._cookie, "localhost")
        socket = Socket(request, lambda: self._subscribe(socket), lambda text: self._take(socket, text), ended.set)
        try:
            await loop.create_connection(lambda: socket, "127.0.0.1", port)
        except OSError:
            return False
        self._heard = loop.time()
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), 1)
            self._acknowledge(socket, ACK_EVERY)
            if loop.time() - self._heard > SILENCE:
                self._pages.codes["silent"] += 1
                socket.cut()
        self._pages.codes[str(socket.code or "cut")] += 1
        was_ready, _ = self.ready.is_set(), self.ready.clear()
        return was_ready

    def _subscribe(self, socket: Socket) -> None:
        self._tell(socket, type="subscribe", after=self._cursor, backfill=0, filters={})

    def _take(self, socket: Socket, text: bytes) -> None:
        frame = understood(text)
        self._heard = asyncio.get_running_loop().time()
        self._cursor = frame.cursor or self._cursor
        if frame.events:
            self.page.take(frame.events, time.time())
            self._newest = max(self._newest, frame.events[-1][0])
            self._unacked += len(frame.events)
            self._unacked_bytes += frame.size
            if self._unacked >= ACK_EVENTS or self._unacked_bytes >= ACK_BYTES:
                self._acknowledge(socket, 0)
        elif frame.kind == "ready":
            self.ready.set()
        elif frame.kind in ("error", "reset"):
            self._pages.said[frame.fields.get("code") or f"reset: {frame.fields['reason']}"] += 1

    def _acknowledge(self, socket: Socket, every: float) -> None:
        now = asyncio.get_running_loop().time()
        if self._unacked and now - self._acked_at >= every:
            self._tell(socket, type="ack", id=self._newest)
            self._unacked = self._unacked_bytes = 0
            self._acked_at = now

    @staticmethod
    def _tell(socket: Socket, **message: Any) -> None:
        socket.send(json.dumps(message).encode())


class OpenPages:
    """All pages of this process."""

    def __init__(self) -> None:
        self.all: list[OpenPage] = []
        self.codes: Counter[str] = Counter()
        """How sockets ended: the close codes, ``cut`` where there was none, ``silent`` where the page gave up."""
        self.said: Counter[str] = Counter()
        """Codes of error frames, and reasons of resets."""
        self.port = 0
        self.over = False
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, port: int, cookies: list[str]) -> dict[str, Any]:
        """Open a page for each person, and answer when all are subscribed."""
        self.port = port
        for at in range(0, len(cookies), AT_ONCE):
            new = [OpenPage(self, cookie) for cookie in cookies[at : at + AT_ONCE]]
            self.all += new
            self._tasks += [asyncio.create_task(page.stay_open()) for page in new]
            await asyncio.gather(*(asyncio.wait_for(page.ready.wait(), 60) for page in new))
        return self._now()

    async def now(self) -> dict[str, Any]:
        """How many are open."""
        return self._now()

    async def settle(self, table: str, patience: float) -> dict[str, Any]:
        """Wait until all have what the table has, or nothing more has come for so long; then what each has."""
        ids = Ids(json.loads(Path(table).read_text()))  # noqa: ASYNC240  nothing else is going on
        before, since = -1, time.monotonic()
        while time.monotonic() - since < patience:
            missing = sum(len(ids - one.page.seen) for one in self.all)
            if not missing:
                break
            if missing != before:
                before, since = missing, time.monotonic()
            await asyncio.sleep(0.5)
        pages = [one.page.told(ids) for one in self.all]
        return self._now() | {"pages": pages, "codes": self.codes, "said": self.said}

    def _now(self) -> dict[str, Any]:
        problems = [task for task in self._tasks if task.done() and not task.cancelled() and task.exception()]
        if problems:
            problems[0].result()
        return {"open": sum(one.ready.is_set() for one in self.all)}


async def main() -> None:
    """Run until standard input ends."""
    pages = OpenPages()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        answer = await getattr(pages, order.pop("do"))(**order)
        print(json.dumps(answer), flush=True)
    pages.over = True


if __name__ == "__main__":
    asyncio.run(main())
