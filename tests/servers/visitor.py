"""A visitor without JavaScript: keeps cookies, fills in forms, opens the websocket with the same session."""

import http.cookiejar
import json
import re
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Visitor:
    """One browser session at one address, for example `http://localhost:8000`."""

    def __init__(self, site: str, headers: dict[str, str] | None = None) -> None:
        self.site = site
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        self._opener.addheaders = list((headers or {}).items())

    def get(self, path: str) -> str:
        """The page at the path, after redirects; an error status raises."""
        with self._opener.open(self.site + path, timeout=15) as answer:
            return str(answer.read().decode())

    def submit(self, path: str, **fields: str) -> str:
        """Open the form at the path, fill it in, send it; the page that follows."""
        found = TOKEN.search(self.get(path))
        assert found, f"no form at {path}"
        data = urllib.parse.urlencode({"csrfmiddlewaretoken": found[1], **fields}).encode()
        request = urllib.request.Request(self.site + path, data, {"Referer": self.site + path})  # noqa: S310
        with self._opener.open(request, timeout=15) as answer:
            return str(answer.read().decode())

    def log_in(self, username: str, password: str) -> None:
        """Log in; a refusal is an error."""
        self.submit("/accounts/login/", username=username, password=password)
        assert any(cookie.name == "sessionid" for cookie in self.cookies), f"{username} could not log in"

    def register(self, username: str) -> None:
        """Make an account with a good password; a refusal is an error."""
        password = f"long enough for {username}"
        page = self.submit(
            "/accounts/register/",
            username=username,
            first_name=username.title(),
            email=f"{username}@example.org",
            password1=password,
            password2=password,
        )
        assert 'class="errorlist' not in page, page

    @contextmanager
    def listen(self, after: str | None = None, backfill: int = 0, **filters: str) -> "Iterator[Listener]":
        """Open the live websocket with this visitor's session and subscribe; closed after the block."""
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies)
        address = self.site.replace("http", "ws", 1) + "/ws/events/"
        headers = {"Cookie": cookies}
        with connect(address, origin=self.site, additional_headers=headers) as socket:  # type: ignore[arg-type]
            listener = Listener(socket)
            listener.send({"type": "subscribe", "after": after, "backfill": backfill, "filters": filters})
            listener.until(lambda frame: frame["type"] == "ready")
            yield listener


class Listener:
    """An open live websocket that remembers every frame and event it got."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.frames: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.cursor: str | None = None

    def send(self, message: dict[str, Any]) -> None:
        """Send one frame."""
        self.socket.send(json.dumps(message))

    def receive(self, seconds: float = 10) -> dict[str, Any]:
        """The next frame; events are acknowledged as a page does."""
        frame: dict[str, Any] = json.loads(self.socket.recv(timeout=seconds))
        self.frames.append(frame)
        self.cursor = frame.get("cursor", self.cursor)
        if frame.get("events"):
            self.events += frame["events"]
            self.send({"type": "ack", "id": frame["events"][-1]["id"]})
        return frame

    def until(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = 10) -> dict[str, Any]:
        """Receive until a frame is as wanted."""
        while not wanted(frame := self.receive(seconds)):
            pass
        return frame

    def until_closed(self, seconds: float = 15) -> int:
        """Receive until the server closes; the close code."""
        try:
            while True:
                self.receive(seconds)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    def event(self, signal: str, sender: str, text: str, seconds: float = 10) -> dict[str, Any]:
        """The event of this signal and model whose object's text contains `text`; waits for it."""
        while True:
            for event in self.events:
                if (event["signal"], event["sender"]) == (signal, sender) and text in event["object_repr"]:
                    return event
            self.receive(seconds)
