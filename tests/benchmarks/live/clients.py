"""The process of the clients: reads orders, one JSON object per line on standard input, and answers each."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.live.tally import Frames, Tally, summary
from tests.benchmarks.live.websocket import Socket, handshake

# The same as the page's (signal_log/static/signal_log/js/server/socket.js).
ACK_EVENTS, ACK_BYTES, ACK_EVERY = 100, 64_000, 3.0
COME_BACK_AFTER: Final = 0.3
AT_ONCE: Final = 50


class LoadClient:
    """One client: a socket, and the next one when it is cut."""

    def __init__(self, group: LoadClients) -> None:
        self.group = group
        self._port = next(group.ports)
        self._cookie = group.cookies.pop() if group.cookies else group.cookie
        self.ready = asyncio.Event()
        self.stalled = False
        self.cuts = 0
        self.tally = Tally(group.frames)
        self._cursor: str | None = None
        self._newest = self._unacked = self._unacked_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._socket: Socket | None = None

    async def open(self) -> None:
        """Connect, retrying until a server answers."""
        loop = asyncio.get_running_loop()
        request = handshake(self._port, self.group.path, self._cookie)
        while not self.group.over:
            self._socket = Socket(request, self._opened, self._text, self._lost)
            self.tally.cut()
            try:
                await loop.create_connection(lambda: self._socket, "127.0.0.1", self._port)  # type: ignore[arg-type, return-value]
                return
            except OSError:
                await asyncio.sleep(COME_BACK_AFTER)

    def _opened(self) -> None:
        if self.group.subscribes:
            self.send({"type": "subscribe", "after": self._cursor, "backfill": 0, "filters": {}})
        else:
            self.ready.set()

    def _text(self, text: bytes) -> None:
        frames = self.group.frames
        number = frames.number(text)
        frame = frames.all[number]
        if frame.cursor is not None:
            self._cursor = frame.cursor
        if frame.ids:
            self.tally.take(number, time.monotonic())
            self._acknowledge(frame.ids, frame.size)
        elif frame.kind == "ready":
            self.ready.set()
        elif frame.kind in ("reset", "error"):
            self.group.messages.append(dict(frame.fields))

    def _acknowledge(self, ids: tuple[int, ...], size: int) -> None:
        if not self.group.subscribes:
            return
        self._newest = max(self._newest, ids[-1])
        self._unacked += len(ids)
        self._unacked_bytes += size
        if self._unacked >= ACK_EVENTS or self._unacked_bytes >= ACK_BYTES:
            self._ack()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(ACK_EVERY, self._ack)

    def _ack(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._unacked and not self.stalled:
            self.send({"type": "ack", "id": self._newest})
        self._unacked = self._unacked_bytes = 0

    def send(self, message: dict[str, Any]) -> None:
        """Send a message."""
        if self._socket is not None:
            self._socket.send(json.dumps(message).encode())

    def _lost(self) -> None:
        self.ready.clear()
        self.cuts += 1
        if not self.group.over:
            asyncio.get_running_loop().call_later(
                COME_BACK_AFTER, lambda: self.group.tasks.append(asyncio.ensure_future(self.open()))
            )

    def cut(self) -> None:
        """Lose the network."""
        if self._socket is not None:
            self._socket.cut()

    def stall(self) -> None:
        """Stop reading and acknowledging."""
        self.stalled = True
        if self._socket is not None:
            self._socket.stop_reading()


class LoadClients:
    """All clients of this process."""

    def __init__(self) -> None:
        self.frames = Frames()
        self.clients: list[LoadClient] = []
        self.tasks: list[asyncio.Future[None]] = []
        self.messages: list[dict[str, Any]] = []
        self.ports: Iterator[int] = iter(())
        self.path = self.cookie = ""
        self.cookies: list[str] = []
        self.subscribes = self.over = self.churning = False

    async def connect(self, count: int, ports: list[int], path: str, cookie: str, subscribes: bool) -> dict[str, Any]:
        """Open clients until there are ``count``, in turns at each server, and answer when all are subscribed."""
        self.ports = itertools.cycle(ports)
        self.path, self.cookie, self.subscribes = path, cookie, subscribes
        return await self.more(count)

    async def cookies_of(self, cookies: list[str]) -> dict[str, Any]:
        """Let the next clients be these people, one each."""
        self.cookies = cookies
        return {}

    async def more(self, count: int) -> dict[str, Any]:
        """Open clients until there are ``count``."""
        while len(self.clients) < count:
            new = [LoadClient(self) for _ in range(min(AT_ONCE, count - len(self.clients)))]
            self.clients += new
            for client in new:
                await client.open()
            await asyncio.gather(*(asyncio.wait_for(client.ready.wait(), 60) for client in new))
        return {"connected": len(self.clients)}

    async def begin(self) -> dict[str, Any]:
        """Reset all counts."""
        self.frames = Frames()
        self.messages = []
        for client in self.clients:
            client.tally = Tally(self.frames)
            client.cuts = 0
        gc.collect()
        gc.freeze()
        self._began = time.process_time(), time.monotonic()
        return {}

    async def churn(self, every: float) -> dict[str, Any]:
        """Cut each client this often, evenly spread, until `finish` is called."""
        self.churning = True
        self.tasks.append(asyncio.ensure_future(self._churn(every)))
        return {}

    async def _churn(self, every: float) -> None:
        while self.churning:
            for client in list(self.clients):
                if not self.churning:
                    return
                client.cut()
                await asyncio.sleep(every / len(self.clients))

    async def stall(self, count: int) -> dict[str, Any]:
        """Let the first clients stop reading; they are no longer counted."""
        for client in self.clients[:count]:
            client.stall()
        return {}

    async def finish(self, report: str, patience: float) -> dict[str, Any]:
        """Wait until every client has every event, or none has received any for this long, and return the counts."""
        self.churning = False
        written = json.loads(Path(report).read_text())  # noqa: ASYNC240  nothing else is going on
        ids, committed = written["ids"], written["committed"]
        cpu, began = self._began
        busy = (time.process_time() - cpu) / (time.monotonic() - began)
        counted = [client.tally for client in self.clients if not client.stalled]
        before, quiet_since = -1, time.monotonic()
        while time.monotonic() - quiet_since < patience:
            wanted = self.frames.mask(ids)
            missing = sum((wanted & ~tally.page).bit_count() for tally in counted)
            if not missing:
                break
            if missing != before:
                before, quiet_since = missing, time.monotonic()
            await asyncio.sleep(0.2)
        result = summary(self.frames, counted, ids, committed)
        codes = [one.get("code") or one.get("reason") for one in self.messages]
        result["said"] = {code: codes.count(code) for code in dict.fromkeys(codes)}
        return result | {"cuts": sum(client.cuts for client in self.clients), "clients_cpu": busy}


async def main() -> None:
    """Run until standard input ends."""
    group = LoadClients()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        answer = await getattr(group, order.pop("do"))(**order)
        print(json.dumps(answer), flush=True)
    group.over = True


if __name__ == "__main__":
    asyncio.run(main())
