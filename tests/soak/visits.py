"""Somebody who looks at the site's pages meanwhile, one a second; what the site answers is counted."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from itertools import cycle
from typing import Final

PAGES: Final = ("/", "/events/", "/events/?q=outcome:rolled_back", "/traces/", "/seals/", "/relays/")
EVERY: Final = 1.0


class Visits:
    """Asks for one page after the other, in a thread."""

    def __init__(self, port: int, cookie: str) -> None:
        self.statuses: Counter[str] = Counter()
        self._port = port
        self._headers = {"Host": f"localhost:{port}", "Cookie": cookie}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def finish(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        for page in cycle(PAGES):
            self.statuses[self._status(page)] += 1
            if self._over.wait(EVERY):
                return

    def _status(self, page: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        try:
            connection.request("GET", page, headers=self._headers)
            answer = connection.getresponse()
            answer.read()
            return str(answer.status)
        except (OSError, http.client.HTTPException):
            return "none"
        finally:
            connection.close()
