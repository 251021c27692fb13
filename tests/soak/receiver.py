"""The other system: a webhook over HTTPS that keeps, of each event, that it came, whether again, and in which order."""

from __future__ import annotations

import json
import ssl
import threading
from typing import Any

from tests.integration.relay.receivers import Hook
from tests.soak.ids import Ids
from tests.soak.page import MOST_NAMED


class Kept:
    """What came; a list of requests, as the webhook fills one, that forgets their text."""

    def __init__(self) -> None:
        self.ids = Ids()
        self.again = 0
        self.disordered: list[tuple[str, int, int]] = []
        """Events that came for the first time after a later one of their object: its key, the later one, and it."""
        self._newest: dict[str, int] = {}
        self._lock = threading.Lock()

    def append(self, request: tuple[dict[str, str], bytes]) -> None:
        """Take a request that was answered with 2xx."""
        event = json.loads(request[1])
        with self._lock:
            self.take(int(event["id"]), f"{event['sender']}:{event['object_pk']}")

    def take(self, number: int, key: str) -> None:
        """Count an event of an object."""
        if not self.ids.add(number):
            self.again += 1
            return
        newest = self._newest.get(key, 0)
        if number < newest and len(self.disordered) < MOST_NAMED:
            self.disordered.append((key, newest, number))
        self._newest[key] = max(newest, number)


class Receiver(Hook):
    """The webhook; it can be killed and started again, and keeps what it has."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(context)
        self.kept = Kept()
        self.got: Any = self.kept
