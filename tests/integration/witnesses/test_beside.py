"""A witness that hangs holds up neither the tree's growth nor its signature, in a server and with ``--watch``."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from signal_log import clock
from signal_log.models import SealCheckpoint, SealWitness
from signal_log.seal import elected
from signal_log.seal.keys.key import new_signer, write_key
from signal_log.seal.keys.signing import log_vkeys
from signal_log.seal.note import ED25519
from signal_log.seal.sealer import Sealer
from signal_log.seal.witness import asking
from signal_log.seal.witness.client import cosigned_by
from tests.factories import make_event
from tests.witnessing import Log, MemoryWitness, answering, http, new_witness

pytestmark = pytest.mark.django_db(transaction=True)
ORIGIN = "log.example/1"


@pytest.fixture(autouse=True)
def log(tmp_path: Path, settings: Any) -> Any:
    """Sign the log, and give the lock back."""
    path = tmp_path / "log.key"
    write_key(path, new_signer("log.example/1", ED25519))
    settings.SIGNAL_LOG = settings.SIGNAL_LOG | {"SEAL_KEYS": [str(path)], "SEAL_ORIGIN": "log.example"}
    yield settings
    elected.resign()


def test_a_witness_that_hangs_delays_no_growth_and_no_signature(log: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Round after round, while it is asked; what became of that is kept when it ends, and then it is left alone."""
    monkeypatch.setattr(asking, "SECONDS_TO_ANSWER", 0.02)
    gone, asked = threading.Event(), []

    def hang(request: bytes, connection: socket.socket) -> None:
        asked.append(request[:4])
        if request.startswith(b"GET"):
            return connection.sendall(http(404, b""))
        gone.wait(9)
        return None

    with answering(hang) as url:
        entry = {"url": url, "vkey": str(new_witness().vkey())}
        log.SIGNAL_LOG = log.SIGNAL_LOG | {"WITNESSES": [entry]}
        sealer, sizes, began = Sealer(beside=True), [], clock.monotonic()
        make_event()
        while not sizes:  # the first signature waits for what the witness shows
            if (signed := sealer.round().checkpoint) is not None:
                sizes.append(signed.size)
        for _ in range(3):
            make_event()
            sizes.append(sealer.round().checkpoint.size)
        assert sizes == [1, 2, 3, 4]
        assert clock.monotonic() - began < 5
        assert sealer._asking.is_under_way
        assert asked == [b"GET ", b"POST"]
        gone.set()
        sealer._asking._thread.join(9)
        (row,) = SealWitness.objects.all()
        assert (row.size, row.problem != "") == (0, True)
        make_event()
        assert sealer.round().checkpoint.size == 5
        assert not sealer._asking.is_under_way
    assert SealCheckpoint.objects.exclude(note="").count() == 5


def test_one_that_answers_is_heard_in_the_same_round(log: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its signature is on the checkpoint that the round tells of; what it contradicts stops sealing there."""
    monkeypatch.setattr(asking, "SECONDS_TO_ANSWER", 30)
    witness = MemoryWitness()
    witness.keys[ORIGIN] = log_vkeys(ORIGIN)
    witness.time = int(clock.now().timestamp())
    with witness.serving() as entry:
        log.SIGNAL_LOG = log.SIGNAL_LOG | {"WITNESSES": [entry]}
        make_event()
        sealer = Sealer(beside=True)
        assert cosigned_by(sealer.round().checkpoint)
        make_event()
        assert cosigned_by(sealer.round().checkpoint)
        witness.notes[ORIGIN] = Log().note(9)
        make_event()
        found = sealer.round()
    assert (found.outcome, found.problem[:60]) == (
        "stopped", "The log was rewound: the witness witness.example/w1 has coun",
    )  # fmt: skip
