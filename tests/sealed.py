"""A sealed log for tests: events, a tree grown in steps, checkpoints signed and countersigned."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from django.db import connection, transaction

from signal_log import clock
from signal_log.event import Event
from signal_log.models import SealCheckpoint, SealTile, SealTree, SignalEvent
from signal_log.seal.checkpoint import Checkpoint
from signal_log.seal.grow import begin_tree, checkpoint, grow
from signal_log.seal.keys.key import Signer, new_signer, write_key
from signal_log.seal.note import COSIGNATURE, ED25519, Note
from signal_log.store.append import append
from signal_log.store.row import TABLE

ORIGIN = "log.example/0123456789abcdef/1"
SIZES = (200, 400, 512, 600)
COSIGNED_AT = 1_795_000_000


@dataclass
class Sealed:
    """Who signs, and the ids of the events, the first sealed first."""

    signer: Signer
    witness: Signer
    key: Path
    ids: list[int] = field(default_factory=list)
    shown: dict[str, bytes] = field(default_factory=dict)
    """What the witness shows, by path."""
    url: str = ""

    def settings(self, **more: Any) -> dict[str, Any]:
        """For ``SIGNAL_LOG``."""
        return {
            "SEAL_ORIGIN": ORIGIN.rpartition("/")[0],
            "SEAL_KEYS": [str(self.key)],
            "WITNESSES": [{"url": self.url, "vkey": str(self.witness.vkey())}],
            **more,
        }

    def note(self, stated: Checkpoint, *, by: Signer | None = None, cosigned: bool = True) -> Note:
        """A checkpoint signed by the log, or by somebody else, and by the witness."""
        note = Note(stated.text, ((by or self.signer).sign(stated.text, stated.origin),))
        return note.signed(self.witness.cosign(stated.text, COSIGNED_AT)) if cosigned else note

    def show(self, note: Note, origin: str = ORIGIN) -> None:
        """Let the witness show this as the newest checkpoint of a log."""
        self.shown[f"/{sha256(origin.encode()).hexdigest()}/checkpoint"] = note.encode()


def write_events(number: int, **fields: Any) -> list[int]:
    """Append events, as the recorder does; returns their ids."""
    events = []
    for at in range(number):
        values = {
            "signal": "post_save", "sender": "auth.User", "object_pk": str(at), "object_repr": f"user {at}",
            "changes": {"first_name": ["Ada", f"Ada {at}"]}, "actor_pk": "7", "actor_repr": "grace", "overwrote": [],
        }  # fmt: skip
        own = {"trace_id": str(uuid.uuid4()), "occurred_at": clock.now(), "salt": os.urandom(32), **values, **fields}
        events.append(Event(using="default", position=2, operation=1, source="http", process="test:1", **own))
    before = SignalEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    with transaction.atomic():
        append(events, connection)
    return list(SignalEvent.objects.filter(pk__gt=before).order_by("pk").values_list("pk", flat=True))


def seal(sealed: Sealed, tree: SealTree, sizes: tuple[int, ...] = SIZES, *, signed: bool = True) -> None:
    """Let a tree grow over all events, with a checkpoint at each of these sizes."""
    for size in sizes:
        grow(tree, 2**62, size - tree.size)
        made = checkpoint(tree)
        if made is not None and signed:
            note = sealed.note(Checkpoint(tree.origin, made.size, bytes(made.root)))
            SealCheckpoint.objects.filter(pk=made.pk).update(note=note.encode().decode())


def sealed_log(folder: Path, number: int = 605, sizes: tuple[int, ...] = SIZES) -> Sealed:
    """A log of 605 events, of which 600 are sealed; or of others."""
    signer = new_signer(ORIGIN, ED25519)
    sealed = Sealed(signer, new_signer("w.example", COSIGNATURE), folder / "seal.key")
    write_key(sealed.key, signer)
    sealed.ids = write_events(number)
    seal(sealed, begin_tree(ORIGIN, after_id=0), sizes)
    newest = SealCheckpoint.objects.order_by("-number")[0]
    sealed.show(sealed.note(Checkpoint(ORIGIN, newest.size, bytes(newest.root))))
    return sealed


def seal_again(sealed: Sealed, *, signed_by: Signer | None = None) -> None:
    """What somebody without the key does after an alteration: throw the tree away, and let another grow."""
    SealCheckpoint.objects.all().delete()
    SealTile.objects.all().delete()
    SealTree.objects.all().delete()
    tree = begin_tree(ORIGIN, after_id=0)
    for size in SIZES:
        grow(tree, 2**62, size - tree.size)
        made = checkpoint(tree)
        if made is not None and signed_by is not None:
            note = sealed.note(Checkpoint(tree.origin, made.size, bytes(made.root)), by=signed_by, cosigned=False)
            SealCheckpoint.objects.filter(pk=made.pk).update(note=note.encode().decode())


def unguarded() -> None:
    """As the table's owner, switch off what keeps rows from being changed."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"ALTER TABLE {TABLE} DISABLE TRIGGER USER")
        else:
            for verb in ("update", "delete", "replace", "such_id"):
                cursor.execute(f"DROP TRIGGER {TABLE}_no_{verb}")


def sql(statement: str, *values: Any) -> None:
    """Run a statement on the log's tables; ``{log}`` is its own."""
    with connection.cursor() as cursor:
        cursor.execute(statement.format(log=TABLE), values)


@contextmanager
def shown_by_a_witness(sealed: Sealed) -> Iterator[None]:
    """Serve what the witness shows."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = sealed.shown.get(self.path)
            self.send_response(200 if content is not None else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    sealed.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
