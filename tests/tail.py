"""A page without a browser: a websocket client that collects, acknowledges and resumes, for tests."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import AbstractUser, Permission, User
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


def database_url() -> str:
    """The address of the database that this test's ORM uses, for a server beside it."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    user, password = quote(database["USER"]), quote(database["PASSWORD"])
    return f"postgres://{user}:{password}@{database['HOST']}:{database['PORT']}/{quote(database['NAME'])}"


def make_observer(name: str = "grace", *, superuser: bool = False) -> User:
    """A person who may see events, by the permission alone or as superuser."""
    user = User.objects.create_user(name, f"{name}@example.org", "Correct-Horse-9", is_superuser=superuser)
    if not superuser:
        user.user_permissions.add(Permission.objects.get(codename="view_signalevent"))
    return user


def log_in(user: AbstractUser) -> SessionStore:
    """A session of this person, as the log-in page makes it."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session


class Page:
    """One socket of one person."""

    def __init__(self, server: Any, session: SessionStore | None, *, acknowledge: bool = True) -> None:
        cookie = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session.session_key}"} if session else {}
        self._connecting = connect(
            f"{server.websocket_url}/ws/events/", additional_headers=cookie, origin=server.url, max_size=2**24
        )
        self.acknowledge = acknowledge
        self.frames: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.cursor: str | None = None
        self.close_code: int | None = None

    def __enter__(self) -> Page:
        self.socket = self._connecting.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._connecting.__exit__(None, None, None)

    @property
    def ids(self) -> list[int]:
        """The ids of the events received, in order of arrival."""
        return [event["id"] for event in self.events]

    def tell(self, **message: Any) -> None:
        """Send a message."""
        self.send(json.dumps(message))

    def send(self, payload: Any) -> None:
        """Send whatever it is; a server that has closed meanwhile is no error here: `closed` tells."""
        with suppress(ConnectionClosed):
            self.socket.send(payload)

    def subscribe(self, after: str | None = None, backfill: int = 0, **filters: Any) -> dict[str, Any]:
        """Subscribe and wait for the answer."""
        self.tell(type="subscribe", after=after, backfill=backfill, filters=filters)
        return self.wait_for("ready")

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """The next frame, or None when none came in time or the socket was closed."""
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
        """Receive until something holds; whether it did in time."""
        deadline = time.monotonic() + seconds
        while not reached() and self.close_code is None:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.receive(left)
        return reached()

    def wait_for(self, kind: str, seconds: float = 10) -> dict[str, Any]:
        """The next frame of a type."""
        start = len(self.frames)
        found = self.until(lambda: any(frame["type"] == kind for frame in self.frames[start:]), seconds)
        assert found, f"no {kind} frame but {self.frames[start:]}, closed {self.close_code}"
        return next(frame for frame in self.frames[start:] if frame["type"] == kind)

    def closed(self, seconds: float = 12) -> int | None:
        """The code with which the server closes, within some seconds."""
        self.until(lambda: self.close_code is not None, seconds)
        return self.close_code
