"""A client of the live websocket for tests: collects events, acknowledges them, and resumes from its cursor."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


class SocketClient:
    """One socket to a site, for example ``http://localhost:8000``, opened by ``with``."""

    def __init__(self, site: str, cookies: str = "", *, acknowledge: bool = True) -> None:
        self._connecting = connect(
            site.replace("http", "ws", 1) + "/ws/events/",
            origin=site,  # type: ignore[arg-type]
            additional_headers={"Cookie": cookies} if cookies else {},
            max_size=2**24,
        )
        self.acknowledge = acknowledge
        self.frames: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.cursor: str | None = None
        self.close_code: int | None = None

    def __enter__(self) -> Self:
        self.socket = self._connecting.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._connecting.__exit__(None, None, None)

    @property
    def ids(self) -> list[int]:
        """Return the ids of the events received, in order of arrival."""
        return [event["id"] for event in self.events]

    def tell(self, **message: Any) -> None:
        """Send a message."""
        self.send(json.dumps(message))

    def send(self, payload: Any) -> None:
        """Send anything; a server that has closed the socket meanwhile is not an error here, `closed` reports it."""
        with suppress(ConnectionClosed):
            self.socket.send(payload)

    def subscribe(self, after: str | None = None, backfill: int = 0, **filters: Any) -> dict[str, Any]:
        """Subscribe and wait for the answer."""
        self.tell(type="subscribe", after=after, backfill=backfill, filters=filters)
        return self.wait_for("ready")

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """Return the next frame, or None if none came in time or the socket was closed."""
        try:
            frame: dict[str, Any] = json.loads(self.socket.recv(timeout=max(seconds, 0)))
        except TimeoutError:
            return None
        except ConnectionClosed as closed:
            self.close_code = closed.rcvd.code if closed.rcvd else 1006
            return None
        self.frames.append(frame)
        if frame.get("cursor"):
            self.cursor = frame["cursor"]
        if frame["type"] == "events":
            self.events += frame["events"]
            if self.acknowledge:
                self.tell(type="ack", id=frame["events"][-1]["id"])
        return frame

    def until(self, reached: Callable[[], bool], seconds: float = 10) -> bool:
        """Receive until the condition holds, and return whether it did in time."""
        deadline = time.monotonic() + seconds
        while not reached() and self.close_code is None:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.receive(left)
        return reached()

    def wait_for(self, kind: str, seconds: float = 10) -> dict[str, Any]:
        """Return the next frame of a type."""
        start = len(self.frames)
        found = self.until(lambda: any(frame["type"] == kind for frame in self.frames[start:]), seconds)
        assert found, f"no {kind} frame but {self.frames[start:]}, closed {self.close_code}"
        return next(frame for frame in self.frames[start:] if frame["type"] == kind)

    def event(self, signal: str, sender: str, text: str, seconds: float = 10) -> dict[str, Any]:
        """Wait for the event of this signal and model whose object's text contains `text`, and return it."""

        def matching() -> list[dict[str, Any]]:
            wanted = [event for event in self.events if (event["signal"], event["sender"]) == (signal, sender)]
            return [event for event in wanted if text in event["object_repr"]]

        assert self.until(lambda: bool(matching()), seconds), f"no {signal} of {sender} {text!r}"
        return matching()[0]

    def closed(self, seconds: float = 12) -> int | None:
        """Return the code with which the server closes within some seconds."""
        self.until(lambda: self.close_code is not None, seconds)
        return self.close_code
