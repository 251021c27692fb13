"""A signer: a process that keeps the log's key, and signs checkpoints for whoever may open its socket (no Django).

It remembers the last checkpoint of each log, and signs none that did not grow from it, so that whoever holds the
database and the server, but not this process, cannot have a rewritten or rewound log signed. A new generation goes on
from something else, so only its operator begins one (``signal_seal begin``): nothing that is asked here does. One line
is asked, one is answered; nothing in them holds a space but the refusal's sentence::

    vkey NAME                       key NAME+ID+KEY
    last ORIGIN                     last [base64 of the note]
    followed ORIGIN                 followed [base64 of the text that the newest generation follows]
    sign TEXT OLD [PROOF…]          note NOTE
                                    refused SENTENCE

``TEXT``, ``NOTE`` and each hash of the consistency proof from the size ``OLD``, which is what was signed last (0 for
nothing), are base64.
"""

from __future__ import annotations

import base64
import os
import socketserver
import stat
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any, Final

from signal_log.errors import ProofError
from signal_log.seal.checkpoint import Checkpoint, read_checkpoint
from signal_log.seal.keys.bound import must_be_of
from signal_log.seal.keys.key import Signer, read_key
from signal_log.seal.keys.remembered import (
    Remembered,
    followed,
    generation_of,
    log_of,
    recall,
    remember,
    remember_followed,
)
from signal_log.seal.merkle import EMPTY_ROOT, leaf_hash, verify_consistency
from signal_log.seal.note import Note, is_name

LONGEST_LINE: Final = 64_000
SECONDS: Final = 5.0
"""How long one side waits for a line of the other."""


def sign_next(key: Path, signer: Signer, text: str, old: int, proof: Sequence[bytes]) -> Note:
    """Sign a checkpoint that has grown from the last one that this key has signed; raises ``ProofError``.

    The first is signed of the log that the key was made for, or has accepted, and of no other.
    ``OSError`` if what is signed could not be kept beside the key.
    """
    next_ = read_checkpoint(text)
    must_be_of(key, signer.name, next_.origin)
    if not next_.size and next_.root != EMPTY_ROOT:
        raise ProofError("A log without events has one root, which is not this.")
    last = recall(key, next_.origin)
    if last is not None and last.checkpoint.origin == next_.origin:
        size, root = last.checkpoint.size, last.checkpoint.root
        if next_.size < size:
            raise ProofError(f"This key has signed {size:,} events of this log, which now has {next_.size:,}.")
        if old != size:
            raise ProofError(f"The proof has to begin with the {size:,} events that were signed last, not {old:,}.")
        if not verify_consistency(size, next_.size, root, next_.root, proof):
            raise ProofError(f"The log did not grow from the {size:,} events that this key has signed.")
    elif last is not None and generation_of(last.checkpoint.origin) > generation_of(next_.origin):
        raise ProofError(f"This key has signed a later generation of this log already, {last.checkpoint.origin}.")
    elif last is not None or generation_of(next_.origin) > 1:
        raise ProofError(f"This key has not begun {next_.origin}; only its operator can have it do so.")
    note = Note(text, (signer.sign(text, next_.origin),))
    remember(key, note)
    return note


def begins(last: Remembered | None, origin: str, follows: str) -> bool:
    """Whether a key has begun this generation, with this before it, and has signed nothing further of it yet."""
    return last is not None and last.checkpoint == first_of(origin, follows)


def first_of(origin: str, follows: str) -> Checkpoint:
    """A generation with the one leaf that stands for what it follows, the text of a checkpoint."""
    return Checkpoint(origin, 1, leaf_hash(sha256(follows.encode()).digest()))


def begin(key: Path, origin: str, follows: str) -> None:
    """Have a key begin a generation, of which it then signs what has grown from its first leaf; ``ProofError``.

    This is the operator's to do: no server and no database can.
    """
    old, signer = read_checkpoint(follows), read_key(key)
    must_be_of(key, signer.name, origin)
    last = recall(key, origin)
    if log_of(old.origin) != log_of(origin) or not 0 < generation_of(old.origin) == generation_of(origin) - 1:
        raise ProofError(f"{origin} does not follow {old.origin}.")
    if last is not None and not begins(last, origin, follows):
        known = last.checkpoint
        unused = begins(last, known.origin, followed(key, origin) or "")
        if last.place[0] > generation_of(origin) or (last.place[0] == generation_of(origin) and not unused):
            raise ProofError(f"This key has begun {known.origin} already.")
        if not unused and last.place > (generation_of(old.origin), old.size):
            raise ProofError(f"This key has signed {known}, which is later than {old}.")
        if not unused and last.checkpoint.size == old.size and last.note.text != follows:
            raise ProofError(f"This key has signed another checkpoint of {old} than this.")
    text = first_of(origin, follows).text
    try:
        remember_followed(key, follows)
        remember(key, Note(text, (signer.sign(text, origin),)))
    except OSError as error:
        raise ProofError(f"That {origin} begins could not be kept beside the key: {error.strerror}.") from None


class SignerServer(socketserver.ThreadingUnixStreamServer):
    """Answers at a socket that only the owner and the group of its process may open."""

    daemon_threads = True
    request_queue_size = 16

    def __init__(self, listen: Path, key: Path) -> None:
        self.key = key
        self.signer = read_key(key)
        self.listen = listen
        self._signing = Lock()
        if listen.exists() and stat.S_ISSOCK(listen.stat().st_mode):
            listen.unlink()  # a process that was killed has left it
        before = os.umask(0o117)
        try:
            super().__init__(str(listen), _Handler)
        finally:
            os.umask(before)

    def answer(self, line: str) -> str:
        """What is answered to a line, both without their ends."""
        verb, *words = line.split(" ")
        try:
            match verb, words:
                case "vkey", [name] if is_name(name):
                    must_be_of(self.key, self.signer.name, name)
                    return f"key {self.signer.vkey(name)}"
                case "last", [origin]:
                    found = recall(self.key, origin)
                    return f"last {base64.b64encode(found.note.encode()).decode() if found else ''}".rstrip()
                case "followed", [origin]:
                    text = followed(self.key, origin) or ""
                    return f"followed {base64.b64encode(text.encode()).decode()}".rstrip()
                case "sign", [text, old, *proof] if old.isascii() and old.isdecimal() and len(old) < 20:
                    decoded, *hashes = (base64.b64decode(one, validate=True) for one in (text, *proof))
                    with self._signing:
                        note = sign_next(self.key, self.signer, decoded.decode(), int(old), hashes)
                    return f"note {base64.b64encode(note.encode()).decode()}"
        except ProofError as error:
            return f"refused {error}"
        except OSError as error:
            return f"refused What is signed could not be kept beside the key: {error.strerror}."
        except ValueError:  # no base64, or no text in it
            pass
        return "refused This is nothing that a signer is asked."

    def server_close(self) -> None:
        """Close it, and remove the socket."""
        super().server_close()
        with suppress(OSError):
            self.listen.unlink()


class _Handler(socketserver.StreamRequestHandler):
    timeout = SECONDS

    def handle(self) -> None:
        server: Any = self.server
        with suppress(OSError):
            while line := self.rfile.readline(LONGEST_LINE):
                if not line.endswith(b"\n"):
                    return
                answer = server.answer(line[:-1].decode(errors="replace"))
                self.wfile.write(f"{answer}\n".encode())
