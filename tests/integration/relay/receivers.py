"""Receivers on this machine that a test can stop and start: a webhook, and syslog over TCP or TLS."""

from __future__ import annotations

import datetime
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def certificate(folder: Path) -> Path:
    """A file with a key and a certificate of 127.0.0.1 that it has signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "receiver.pem"
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return path


def server_context(path: Path) -> ssl.SSLContext:
    """TLS of a server with that file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


class _Stoppable:
    """A server in a thread, on one port, that ends with all its connections reset, like a killed process."""

    def __init__(self) -> None:
        self.port = 0
        self._server: Any = None
        self.connections: set[socket.socket] = set()

    def make(self) -> Any:
        raise NotImplementedError

    def start(self) -> None:
        self._server = self.make()
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def kill(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self.connections):
            try:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # reset, no FIN
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:
                continue


class Hook(_Stoppable):
    """A webhook; ``answer`` is given the request's number and headers, and returns a status and headers; ``says``
    is the body of every answer that may have one."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.asked = 0
        self.answer: Callable[[int, Any], tuple[int, dict[str, str]]] = lambda *_: (204, {})
        self.says = b""
        self.context = context
        self.start()

    @property
    def url(self) -> str:
        scheme, host = ("https", "localhost") if self.context else ("http", "127.0.0.1")
        return f"{scheme}://{host}:{self.port}/hooks/topsecret?sig=hidden"

    def make(self) -> ThreadingHTTPServer:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                outer.connections.add(self.request)
                super().setup()

            def finish(self) -> None:
                outer.connections.discard(self.request)
                super().finish()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked += 1
                status, headers = outer.answer(outer.asked, self.headers)
                if 200 <= status < 300:
                    outer.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(status)
                said = b"" if status == 204 else outer.says
                for name, value in {**headers, **({} if status == 204 else {"Content-Length": len(said)})}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: Any) -> None: ...

        class Quiet(ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: Any) -> None: ...

        server = Quiet(("127.0.0.1", self.port), Handler)
        if self.context is not None:
            server.socket = self.context.wrap_socket(server.socket, server_side=True)
        return server


class Syslog(_Stoppable):
    """Takes messages with their lengths before them; what was not read to its end does not count."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self.got: list[bytes] = []
        self.context = context
        self.start()

    @property
    def url(self) -> str:
        return f"tls://localhost:{self.port}" if self.context else f"tcp://127.0.0.1:{self.port}"

    def make(self) -> socketserver.ThreadingTCPServer:
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                plain = self.request
                outer.connections.add(plain)
                try:
                    line = outer.context.wrap_socket(plain, server_side=True) if outer.context else plain
                    outer.connections.add(line)
                    with line, line.makefile("rb") as stream:
                        while length := _number(stream):
                            message = stream.read(length)
                            if len(message) == length:
                                outer.got.append(message)
                        if outer.context:
                            line.unwrap()
                except (OSError, ValueError):
                    return

        class Quiet(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: Any) -> None: ...

        return Quiet(("127.0.0.1", self.port), Handler)


def _number(stream: Any) -> int:
    digits = b""
    while (one := stream.read(1)) not in (b" ", b""):
        digits += one
    return int(digits or b"0")
