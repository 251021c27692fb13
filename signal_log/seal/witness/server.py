"""A witness over HTTP: two addresses, small requests, and an end to waiting for them (no Django).

It is meant to stand behind a proxy that speaks TLS where it is public; what it signs, and what it is sent, is verified
by signatures alone. Any path may come before the two addresses.
"""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Timer
from typing import Any, Final

from signal_log.seal.witness.protocol import ADD_CHECKPOINT, MOST_BYTES, Answer, refusal

IDLE: Final = 5.0
"""How long a client may say nothing, in seconds."""
LONGEST: Final = 20.0
"""How long a connection lasts, whatever its client does."""
CONNECTIONS: Final = 64
_SHOWN: Final = re.compile(r"(?:.*)/([0-9a-f]{64})/checkpoint")

_log: Final = logging.getLogger("signal_log")


class WitnessServer(ThreadingHTTPServer):
    """Listens; each connection has a thread of its own, and no more than ``CONNECTIONS`` do."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        host: str,
        port: int,
        countersign: Callable[[bytes], Answer],
        shown: Callable[[str], Answer],
        at_end: Callable[[], None],
        *,
        longest: float = LONGEST,
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.countersign = countersign
        self.shown = shown
        self.longest = longest
        self._at_end = at_end
        self._free = BoundedSemaphore(CONNECTIONS)
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = str(self.server_address[0]), self.server_address[1]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, unless too many do."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and give back what the thread used."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            try:
                self._at_end()
            finally:
                self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no fault."""
        _log.debug("A connection ended early.", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    protocol_version = "HTTP/1.1"
    timeout = IDLE
    error_content_type = "text/plain; charset=utf-8"
    error_message_format = "%(message)s\n"

    def setup(self) -> None:
        super().setup()
        self._timer = Timer(self.server.longest, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def finish(self) -> None:
        self._timer.cancel()
        super().finish()

    def version_string(self) -> str:
        return "signal_witness"

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.headers.get("Transfer-Encoding") or not (length.isascii() and length.isdigit()):
            self._answer(refusal(HTTPStatus.LENGTH_REQUIRED, "The length of a request has to be said."), is_last=True)
        elif len(length) > 10 or int(length) > MOST_BYTES:
            what = f"A request has at most {MOST_BYTES:,} bytes."
            self._answer(refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, what), is_last=True)
            # A connection that is closed with something unread is reset, and the answer may be lost.
            self.rfile.read(min(int(length[:10]), 16 * MOST_BYTES))
        else:
            body = self.rfile.read(int(length))
            if len(body) < int(length):
                self.close_connection = True
            elif self._path().endswith(f"/{ADD_CHECKPOINT}"):
                self._answered(lambda: self.server.countersign(body))
            else:
                self._answer(_no_address())

    def do_GET(self) -> None:
        found = _SHOWN.fullmatch(self._path())
        if found:
            self._answered(lambda: self.server.shown(found[1]))
        else:
            self._answer(_no_address())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Addresses of clients are written nowhere."""

    def _path(self) -> str:
        return self.path.partition("?")[0]

    def _answered(self, answer: Callable[[], Answer]) -> None:
        try:
            found = answer()
        except Exception:  # noqa: BLE001
            _log.exception("A request could not be answered.")
            found = refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "This witness has failed.")
        self._answer(found)

    def _answer(self, answer: Answer, *, is_last: bool = False) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if is_last:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)

    def _cut(self) -> None:
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


def _no_address() -> Answer:
    return refusal(HTTPStatus.NOT_FOUND, f"A witness has the addresses {ADD_CHECKPOINT} and <hash>/checkpoint.")
