"""The verbs of ``signal_seal`` that are run where a key is, and ask no database: ``begin`` and ``signer``."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

from django.core.management.base import OutputWrapper

from signal_log.errors import ProofError
from signal_log.seal.checkpoint import read_checkpoint
from signal_log.seal.keys.bound import accept
from signal_log.seal.keys.key import read_key
from signal_log.seal.keys.remembered import followed, read_remembered, recall
from signal_log.seal.keys.signer import SignerServer, begin, begins
from signal_log.seal.keys.signing import SOCKET
from signal_log.seal.note import signed_by


def add_verbs(verbs: Any) -> None:
    """Add them to those of the command."""
    beginning = verbs.add_parser("begin", help="where a key is, let it begin a generation, or accept a log's name")
    what = beginning.add_mutually_exclusive_group(required=True)
    what.add_argument("origin", nargs="?", metavar="ORIGIN", help="the new generation's, as `new-generation` names it")
    what.add_argument(
        "--accept-log", metavar="NAME", help="sign for the log of this name from now on, as for the key's own"
    )
    beginning.add_argument("--key", type=Path, required=True, metavar="FILE", help="the key's file")
    beginning.add_argument(
        "--follows", type=Path, metavar="FILE", help="the checkpoint before it; default: what the key signed last"
    )
    signer = verbs.add_parser("signer", help="keep a key in this process, and sign for those who open its socket")
    signer.add_argument("--listen", type=Path, required=True, metavar="PATH", help="the socket to make")
    signer.add_argument("--key", type=Path, required=True, metavar="FILE", help="the key's file")


def begin_here(stdout: OutputWrapper, options: dict[str, Any]) -> None:
    """Have a key begin a generation, or accept the name of a log; raises ``ProofError``."""
    if (log := options["accept_log"]) is not None:
        accept(options["key"], read_key(options["key"]).name, log)
        stdout.write(f"The key signs for the log {log} from now on.")
        return
    key, origin, content = options["key"], options["origin"], content_of(options["follows"])
    if content is not None:
        given = read_remembered(content)
        name = given.checkpoint.origin
        known = recall(key, name)
        if not signed_by(given.note, [read_key(key).vkey(name)]) and not (known and known.note == given.note):
            raise ProofError(f"{options['follows']} is not signed by this key.")
        follows = given.note.text
    else:
        last = recall(key, origin)
        if last is None:
            raise ProofError("The key has signed nothing of this log yet: name what it follows, --follows FILE.")
        unused = followed(key, origin)
        follows = unused if unused and begins(last, last.checkpoint.origin, unused) else last.note.text
    begin(key, origin, follows)
    stdout.write(f"The key begins {origin} after {read_checkpoint(follows)}.")


def signer_here(stdout: OutputWrapper, options: dict[str, Any]) -> None:
    """Sign for whoever may open a socket, until it is ended; raises ``ProofError``."""
    try:
        server = SignerServer(options["listen"], options["key"])
    except OSError as error:
        raise ProofError(f"{options['listen']} cannot be listened on: {error.strerror}.") from None
    if current_thread() is main_thread():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with server:
        entry = f"{SOCKET}{options['listen'].resolve()}"
        stdout.write(f'The signer answers. In the settings: SIGNAL_LOG["SEAL_KEYS"] = ["{entry}"]')
        stdout.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def content_of(path: Path | None) -> bytes | None:
    """What a file holds that somebody has named; raises ``ProofError``."""
    try:
        return path.read_bytes() if path else None
    except OSError as error:
        raise ProofError(f"{path} could not be read: {error.strerror}.") from None
