"""One HTTP request to a party that nobody has to trust: no redirects, a small answer, an end to waiting (no Django).

An address is the operator's own choice, and whatever is answered is verified by its signatures afterwards.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from threading import Timer
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from signal_log.errors import ProofError

SECONDS: Final = 10.0
"""For everything from the connection's begin to the answer's last byte, however slowly it drips."""
MOST_BYTES: Final = 1_000_000
SCHEMES: Final = {"http": 80, "https": 443}


class Answered(NamedTuple):
    """What came back."""

    status: int
    content_type: str
    body: bytes


def address(url: str) -> SplitResult:
    """The parts of a URL that can be called; raises ``ProofError``."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        port, host = None, None
    if not host or parts.scheme not in SCHEMES or port == 0:
        shown = "This" if "@" in url else repr(url[:100])  # a password may stand before the @
        raise ProofError(f"{shown} is no address: http:// or https://, a host, and perhaps a path.")
    is_plain = url.isascii() and url.isprintable() and " " not in url
    if parts.username is not None or parts.query or parts.fragment or not is_plain:
        raise ProofError(f"{parts.scheme}://{host}: an address here has no user's name, query or space in it.")
    return parts


def call(method: str, url: str, body: bytes = b"", *, headers: dict[str, str] | None = None,
         seconds: float = SECONDS) -> Answered:  # fmt: skip
    """Send a request to a witness; raises ``ProofError`` with a sentence where no answer came, or one too large."""
    address(url)
    return send(method, url, body, headers=headers, seconds=seconds)


def send(method: str, url: str, body: bytes = b"", *, headers: dict[str, str] | None = None,
         seconds: float = SECONDS) -> Answered:  # fmt: skip
    """The same for any http:// or https:// address, a query included; the caller has looked at it."""
    parts = urlsplit(url)
    connection = _Connection(parts, seconds)
    try:
        sent = {"Accept-Encoding": "identity", "User-Agent": "signal_log", "Connection": "close"} | (headers or {})
        connection.request(method, _target(parts), body or None, sent)
        response = connection.getresponse()
        content = response.read(MOST_BYTES + 1)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ProofError(_why(connection, error, seconds)) from None
    finally:
        connection.end()
    if connection.is_late:
        raise ProofError(_too_long(seconds))
    if len(content) > MOST_BYTES:
        raise ProofError(f"It answered with more than {MOST_BYTES:,} bytes, of which none was read.")
    if 300 <= response.status < 400:
        raise ProofError(f"It answered {response.status}, to send us to another address; that is never followed.")
    return Answered(response.status, response.headers.get_content_type(), content)


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


class _Connection(http.client.HTTPConnection):
    """A connection that is cut when its time is up, in whatever it is just waiting for."""

    def __init__(self, parts: SplitResult, seconds: float) -> None:
        super().__init__(str(parts.hostname), parts.port or SCHEMES[parts.scheme], timeout=seconds)
        self.is_late = False
        self._is_tls = parts.scheme == "https"
        self._timer = Timer(seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def connect(self) -> None:
        """Connect, with a certificate that this machine trusts where the address asks for one."""
        super().connect()
        if self._is_tls:
            context = ssl.create_default_context()
            # The handshake comes after the assignment: it, too, can be cut.
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
            if self.is_late:  # it was cut in between
                raise TimeoutError
            self.sock.do_handshake()

    def end(self) -> None:
        self._timer.cancel()
        self.close()

    def _cut(self) -> None:
        self.is_late = True
        sock = self.sock
        if sock is not None:
            try:
                # Not SSLSocket's own, which takes the session away below the thread that reads.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                return


def _why(connection: _Connection, error: Exception, seconds: float) -> str:
    if connection.is_late or isinstance(error, TimeoutError):
        return _too_long(seconds)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Its certificate is not trusted here: {error.verify_message}."
    if isinstance(error, OSError):
        return f"It could not be reached: {error.strerror or type(error).__name__}."
    return no_http(error)


def no_http(error: Exception) -> str:
    """A sentence about an answer that http.client does not read."""
    if isinstance(error, http.client.LineTooLong):
        return "Its answer is no HTTP that is read here: a line of its header is too long."
    if type(error) is http.client.HTTPException:  # what it raises for more than 100 lines of header, and for no other
        return "Its answer is no HTTP that is read here: its header has too many lines."
    return "Its answer is no HTTP."


def _too_long(seconds: float) -> str:
    return f"It gave no whole answer within {seconds:g} seconds."
