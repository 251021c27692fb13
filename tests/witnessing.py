"""A log of a few hashes that signs its checkpoints, and a listener that answers a witness's caller with anything."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256

from signal_log.seal import merkle
from signal_log.seal.checkpoint import Checkpoint, read_checkpoint
from signal_log.seal.keys.key import Signer, new_signer
from signal_log.seal.note import COSIGNATURE, ED25519, Note
from signal_log.seal.witness.protocol import Answer, Held, Request, decide, origin_hash, read_request
from signal_log.seal.witness.server import WitnessServer

ORIGIN = "log.example/1"


@dataclass
class Log:
    """Leaves in memory; another ``salt`` is another history."""

    signer: Signer = field(default_factory=lambda: new_signer(ORIGIN, ED25519))
    salt: str = ""

    def leaf(self, index: int) -> bytes:
        """The hash of a leaf; only the first is another one in another history."""
        return merkle.leaf_hash(sha256(f"{self.salt if index == 0 else ''}{index}".encode()).digest())

    def node(self, level: int, index: int) -> bytes:
        """The hash of a complete subtree."""
        if level == 0:
            return self.leaf(index)
        return merkle.node_hash(self.node(level - 1, 2 * index), self.node(level - 1, 2 * index + 1))

    def root(self, size: int) -> bytes:
        """The root of the first leaves."""
        return merkle.root_of(size, self.node)

    def note(self, size: int) -> Note:
        """A signed checkpoint."""
        text = Checkpoint(self.signer.name, size, self.root(size)).text
        return Note(text).signed(self.signer.sign(text))

    def request(self, old: int, size: int) -> Request:
        """What is sent to a witness that holds ``old``."""
        checkpoint = Checkpoint(self.signer.name, size, self.root(size))
        return Request(old, merkle.consistency_proof(old, size, self.node), self.note(size), checkpoint)


def new_witness(name: str = "witness.example/w1") -> Signer:
    """A witness's key."""
    return new_signer(name, COSIGNATURE)


def http(status: int, body: bytes, content_type: str = "text/plain", more: str = "") -> bytes:
    """A whole answer."""
    head = f"HTTP/1.1 {status} Whatever\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


@contextmanager
def answering(answer: Callable[[bytes, socket.socket], None], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """An address where each request is given to ``answer`` with the socket."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=handle, args=(connection,), daemon=True).start()

        def handle(connection: socket.socket) -> None:
            with suppress(OSError), tls.wrap_socket(connection, server_side=True) if tls else connection as connection:
                answer(_request(connection), connection)

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def _request(connection: socket.socket) -> bytes:
    """Head and body; an empty text if nothing comes."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = connection.recv(65_536)
        if not more:
            return got
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


class MemoryWitness:
    """A witness that holds what it signed in memory: as ours decides, without a database."""

    def __init__(self, *logs: Signer, name: str = "witness.example/w1") -> None:
        self.signer = new_witness(name)
        self.keys = {log.name: [log.vkey()] for log in logs}
        self.notes: dict[str, Note] = {}
        self.requests: list[Request] = []
        self.time = 1_700_000_000
        """Of the next signature."""

    def held(self, origin: str) -> Held:
        """What it signed last."""
        if origin not in self.notes:
            return Held()
        checkpoint = read_checkpoint(self.notes[origin].text)
        return Held(checkpoint.size, checkpoint.root)

    def countersign(self, body: bytes) -> Answer:
        """Answer a request."""
        decided = decide(body, lambda origin: self.keys.get(origin, []), self.held)
        self.requests.append(read_request(body))
        if isinstance(decided, Answer):
            return decided
        note, answer = decided.cosigned(self.signer, self.time)
        self.notes[decided.request.checkpoint.origin] = note
        return answer

    def shown(self, hashed: str) -> Answer:
        """The last note of a log."""
        notes = [note for origin, note in self.notes.items() if origin_hash(origin) == hashed]
        return Answer(200, notes[0].encode()) if notes else Answer(404, b"")

    @contextmanager
    def serving(self) -> Iterator[dict[str, str]]:
        """As an entry of ``WITNESSES``, while it answers."""
        with serving(self.countersign, self.shown) as url:
            yield {"url": url, "vkey": str(self.signer.vkey())}


@contextmanager
def serving(
    countersign: Callable[[bytes], Answer],
    shown: Callable[[str], Answer],
    at_end: Callable[[], None] = lambda: None,
    **options: float,
) -> Iterator[str]:
    """The address of a witness that serves in a thread."""
    with WitnessServer("127.0.0.1", 0, countersign, shown, at_end, **options) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()
