"""A timestamp authority (RFC 3161) that signs with `openssl ts`, as an answer to requests over HTTP."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

from tests.witnessing import http

CONFIG = """
[tsa]
default_tsa = authority
[authority]
serial = serial
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256, sha512
ess_cert_id_alg = sha256
[req]
distinguished_name = name
[name]
"""
CURVE = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config openssl.cnf"


class Authority:
    """A root, and a certificate for timestamps below it, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root.pem"
        self.requests = 0
        folder.mkdir(exist_ok=True)
        for name, text in (
            ("openssl.cnf", CONFIG),
            ("serial", "01"),
            ("use", "extendedKeyUsage=critical,timeStamping"),
        ):
            (folder / name).write_text(f"{text}\n")
        self.openssl(f"req -x509 {CURVE} -keyout root.key -out root.pem -subj /CN=root -days 2")
        self.openssl(f"req {CURVE} -keyout key -out request -subj /CN=authority")
        self.openssl("x509 -req -in request -CA root.pem -CAkey root.key -CAcreateserial -days 2 -extfile use -out pem")

    def openssl(self, arguments: str) -> str:
        """Run it here, and return what it printed."""
        done = subprocess.run(
            ["openssl", *arguments.split()], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stamped(self, query: bytes) -> bytes:
        """The answer to a query."""
        (self.folder / "query").write_bytes(query)
        self.openssl("ts -reply -config openssl.cnf -queryfile query -signer pem -inkey key -out reply")
        return (self.folder / "reply").read_bytes()

    def verifies(self, token: bytes, text: str) -> bool:
        """Whether openssl itself takes a token."""
        (self.folder / "token").write_bytes(token)
        (self.folder / "text").write_bytes(text.encode())
        return "Verification: OK" in self.openssl(
            "ts -verify -config openssl.cnf -data text -in token -CAfile root.pem"
        )

    def answer(self, request: bytes, connection: socket.socket) -> None:
        """Answer a request over HTTP."""
        self.requests += 1
        query = request.partition(b"\r\n\r\n")[2]
        connection.sendall(http(200, self.stamped(query), "application/timestamp-reply"))
