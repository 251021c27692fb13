"""A pooler of transactions, as PgBouncer is one, at its worst: a client gets another connection for each transaction.

What it leaves behind in a session (a prepared statement, a setting, a lock, a cursor) is not there when it comes back,
and somebody else has it. PgBouncer does that only under load.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections import deque
from contextlib import suppress
from typing import Final, Self
from urllib.parse import urlsplit

import psycopg

ASKS_FOR_TLS: Final = 80877103
CANCELS: Final = 80877102
ASK: Final = b"QSF"
"""Each of these of a client's messages is answered by "ready" in the end."""
IDLE: Final = b"I"
TOLD: Final = ("server_version", "client_encoding", "standard_conforming_strings", "TimeZone", "DateStyle",
               "integer_datetimes", "in_hot_standby", "default_transaction_read_only")  # fmt: skip


class Pooler:
    """Listens on a port of 127.0.0.1, for one role in one database; whoever comes is let in."""

    def __init__(self, url: str, size: int = 12) -> None:
        self.handed_out = 0
        """How many transactions there were."""
        self._url = url
        self._size = size
        self._opened: list[psycopg.Connection] = []
        self._free: deque[psycopg.Connection] = deque()
        self._change = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))

    @property
    def url(self) -> str:
        """Return the database's address by way of the pooler."""
        parts = urlsplit(self._url)
        return f"postgres://{parts.username}:any@127.0.0.1:{self._listener.getsockname()[1]}{parts.path}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for server in self._opened:
            server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError, EOFError):
            if self._greet(client):
                while self._transaction(client):
                    pass

    def _greet(self, client: socket.socket) -> bool:
        """Answer the first message as a server does that asks for no password; False to one that only cancels."""
        length, code = struct.unpack("!ii", exactly(client, 8))
        if code == ASKS_FOR_TLS:
            client.sendall(b"N")
            length, code = struct.unpack("!ii", exactly(client, 8))
        exactly(client, length - 8)
        if code == CANCELS:
            return False
        server = self._take()
        values = {name: server.info.parameter_status(name) for name in TOLD}
        self._give_back(server)
        said = b"".join(message(b"S", f"{name}\0{value}\0".encode()) for name, value in values.items() if value)
        client.sendall(message(b"R", bytes(4)) + said + message(b"K", bytes(8)) + message(b"Z", IDLE))
        return True

    def _transaction(self, client: socket.socket) -> bool:
        """Pass on what both say, from the client's next message to the transaction's end; False when it leaves."""
        kind, body = read(client)
        if kind == b"X":
            return False
        server = self._take()
        try:
            with socket.socket(fileno=server.pgconn.socket) as line:
                try:
                    line.setblocking(True)
                    return self._pass_on(client, line, kind, body)
                finally:
                    line.detach()
        except BaseException:
            server.close()  # it may be in the middle of anything
            raise
        finally:
            self._give_back(server)

    def _pass_on(self, client: socket.socket, line: socket.socket, kind: bytes, body: bytes) -> bool:
        line.sendall(message(kind, body))
        awaited = int(kind in ASK)
        while True:
            speaking, _, _ = select.select([client, line], [], [])
            if line in speaking:
                kind, body = read(line)
                client.sendall(message(kind, body))
                if kind == b"G":
                    awaited = 0  # a COPY takes no notice of what was asked, until it ends
                elif kind == b"Z":
                    awaited -= 1
                    if awaited <= 0 and body == IDLE:
                        return True
            else:
                kind, body = read(client)
                if kind == b"X":
                    raise EOFError("The client left within a transaction.")
                awaited += kind in ASK
                line.sendall(message(kind, body))

    def _take(self) -> psycopg.Connection:
        """The connection that has been free for longest; another one, as long as there may be more."""
        with self._change:
            self.handed_out += 1
            if len(self._opened) < self._size:
                self._opened.append(psycopg.connect(self._url, autocommit=True))
                return self._opened[-1]
            self._change.wait_for(lambda: bool(self._free))
            return self._free.popleft()

    def _give_back(self, server: psycopg.Connection) -> None:
        with self._change:
            if server.closed:
                self._opened.remove(server)
            else:
                self._free.append(server)
            self._change.notify()


def read(line: socket.socket) -> tuple[bytes, bytes]:
    """Return the next message's kind and content."""
    kind, length = struct.unpack("!ci", exactly(line, 5))
    return kind, exactly(line, length - 4)


def message(kind: bytes, body: bytes) -> bytes:
    """Return a message as it is sent."""
    return struct.pack("!ci", kind, len(body) + 4) + body


def exactly(line: socket.socket, size: int) -> bytes:
    """Return so many bytes, or raise ``EOFError``."""
    found = line.recv(size, socket.MSG_WAITALL) if size else b""
    if len(found) < size:
        raise EOFError("The other side has closed the connection.")
    return found
