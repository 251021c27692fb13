"""A round of the sealer: what is settled becomes leaves, and is signed if it grew from what was signed last."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from signal_log import amounts, clock
from signal_log.errors import ProofError
from signal_log.models import LogIdentity, SealCheckpoint, SealTree, SignalEvent
from signal_log.seal import grow, sealer
from signal_log.seal.checkpoint import read_checkpoint
from signal_log.seal.keys.remembered import memory_path
from signal_log.seal.keys.signing import log_vkeys
from signal_log.seal.note import read_note, signed_by
from signal_log.seal.sealer import Sealer
from signal_log.seal.state import seal_state
from signal_log.seal.witness.client import cosigned_by
from signal_log.store.row import TABLE
from tests.factories import make_event
from tests.integration.sealer.log import by_owner, events, stopped
from tests.witnessing import MemoryWitness

pytestmark = pytest.mark.django_db


def test_it_grows_and_is_signed(key):
    """Each checkpoint is signed under the log's origin; where nothing is new, none is made."""
    assert Sealer().round().tree.size == 0
    assert not SealCheckpoint.objects.exists()
    one = Sealer()
    for number, size in enumerate((3, 300, 301), 1):
        events(size - seal_state().size)
        for grown in (size - seal_state().size, 0):
            found = one.round()
            assert (found.outcome, found.grown, found.problem) == ("sealed", grown, "")
            assert found.checkpoint.number == number
            note = read_note(found.checkpoint.note.encode())
            assert signed_by(note, log_vkeys("log.example/1"))
            stated = read_checkpoint(note.text)
            assert (stated.origin, stated.size) == ("log.example/1", size)
            assert stated.root == bytes(SealTree.objects.get().root)
            assert memory_path(key, "log.example/1").read_bytes() == note.encode()
    assert seal_state().is_signed
    assert seal_state().problems == ()


def test_its_name_is_made_once(settings, monkeypatch):
    """Of the host, the log's identity and the generation; another host goes on with it."""
    monkeypatch.setattr("socket.gethostname", lambda: "Ada's+box ü.example")
    events(1)
    Sealer().round()
    monkeypatch.setattr("socket.gethostname", lambda: "other")
    events(1)
    assert Sealer().round().tree.origin == f"Ada-s-box--.example/{LogIdentity.objects.get().value}/1"


def test_without_a_key_it_grows_unsigned(settings, key):
    """There is one checkpoint, which states the newest size, until a key signs it."""
    keys, settings.SIGNAL_LOG = settings.SIGNAL_LOG, settings.SIGNAL_LOG | {"SEAL_KEYS": []}
    for size in (1, 2, 3):
        events(1)
        found = Sealer().round()
        assert (found.outcome, found.checkpoint, found.tree.size) == ("sealed", None, size)
    assert seal_state().unsigned.startswith("Checkpoints are not signed: SEAL_KEYS names no key.")
    assert list(SealCheckpoint.objects.values_list("number", "size", "note")) == [(1, 3, "")]
    settings.SIGNAL_LOG = keys
    assert Sealer().round().checkpoint.size == 3
    assert SealCheckpoint.objects.get().note


def test_a_key_that_cannot_be_read(key):
    """The tree grows, the reason is told, and once the key is back what waited is signed."""
    events(2)
    key.rename(key.with_name("elsewhere"))
    found = Sealer().round()
    assert (found.outcome, found.tree.size) == ("sealed", 2)
    assert found.problem == seal_state().unsigned == f"There is no key's file {key}; `init` makes one."
    with pytest.raises(CommandError, match=r"The tree grows unsigned\. There is no key's file") as refused:
        call_command("signal_seal", stdout=StringIO(), stderr=StringIO())
    assert refused.value.returncode == 1
    key.with_name("elsewhere").rename(key)
    assert (Sealer().round().problem, seal_state().problems, seal_state().signed_size) == ("", (), 2)


def test_what_crashed_between_two_steps_is_finished_by_the_next_round(key, monkeypatch):
    """After the growth, after the checkpoint, after the signature."""

    def killed(*_):
        raise KeyboardInterrupt

    for number, name in enumerate(("checkpoint", "_signed", "_tell"), 1):
        events(2)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(sealer, name, killed)
            Sealer().round()
        found = Sealer().round()
        assert (found.outcome, found.tree.size, found.checkpoint.size) == ("sealed", 2 * number, 2 * number)
        assert SealCheckpoint.objects.count() == number
    events(2)
    Sealer().round()
    SealCheckpoint.objects.filter(size=8).update(note="")  # the key remembers what the table does not
    assert Sealer().round().checkpoint.size == 8


def test_steps_end_when_it_is_told_to(key, monkeypatch):
    """What is left is sealed by the next round; what was taken in is signed."""
    monkeypatch.setattr(grow, "ROWS_A_STEP", 4)
    monkeypatch.setattr(grow.grow, "__defaults__", (4,))
    events(10)
    answers = iter([False, False, True, True, True])
    found = Sealer(lambda: next(answers)).round()
    assert (found.grown, found.checkpoint.size) == (8, 8)
    assert Sealer().round().grown == 2


def test_a_last_event_that_was_pruned_stops_nothing(key):
    """Events may go by a rule of age when newer ones are not sealed yet."""
    rows = events(4)
    Sealer().round()
    events(1)
    by_owner(f"DELETE FROM {TABLE} WHERE id <= %s", rows[-1].pk)  # noqa: S608
    assert Sealer().round().checkpoint.size == 5


def test_witnesses_countersign_and_remember(key, settings):
    """Also where the key's own memory was put back along with the database."""
    memory = memory_path(key, "log.example/1")
    witness = MemoryWitness()
    witness.keys["log.example/1"] = log_vkeys("log.example/1")
    witness.time = int(clock.now().timestamp())
    with witness.serving() as entry:
        settings.SIGNAL_LOG = settings.SIGNAL_LOG | {"WITNESSES": [entry]}
        with pytest.raises(ProofError):
            with transaction.atomic():
                events(5)
                assert cosigned_by(Sealer().round().checkpoint)
                raise ProofError
        memory.unlink()
        events(2)
        problem = stopped()
    assert problem.startswith("The log was rewound: the witness witness.example/w1 has countersigned 5 events")
    assert "of which 3 are missing" in problem
    assert len(witness.requests) == 1
    assert not SealCheckpoint.objects.exclude(note="").exists()  # it was asked before anything was signed


def test_a_fixture_puts_no_event_below_what_is_sealed(key, tmp_path):
    """It could never become a leaf. One that is there already, and what comes above, is loaded as ever."""
    rows = events(3)
    call_command("dumpdata", "signal_log.signalevent", output=str(tmp_path / "a.json"))
    by_owner(f"DELETE FROM {TABLE} WHERE id = %s", rows[1].pk)  # noqa: S608
    Sealer().round()
    with pytest.raises(IntegrityError, match=f"event {rows[1].pk} of the fixture is not in this log, of which all"):
        with transaction.atomic():
            call_command("loaddata", str(tmp_path / "a.json"), verbosity=0)
    SealTree.objects.all().delete()
    call_command("loaddata", str(tmp_path / "a.json"), verbosity=0)
    assert SignalEvent.objects.count() == 3


def test_a_dump_has_the_seal_and_loads(key, tmp_path):
    """What is sealed goes along with the log."""
    events(3)
    Sealer().round()
    call_command("dumpdata", "signal_log.sealtree", "signal_log.sealtile", output=str(tmp_path / "a.json"))
    tables = {row["model"] for row in json.loads((tmp_path / "a.json").read_text())}
    assert tables == {"signal_log.sealtree", "signal_log.sealtile"}
    call_command("loaddata", str(tmp_path / "a.json"), verbosity=0)
    make_event()
    assert Sealer().round().checkpoint.size == 4


def test_one_event_is_one():
    """Whatever is counted, in one word for one."""
    assert (amounts.counted_are(1, "sealed event"), amounts.counted_are(1200, "sealed event")) == (
        "1 sealed event is", "1,200 sealed events are",
    )  # fmt: skip
