"""A round of the sealer: what is settled becomes leaves, and is signed if it grew from what was signed last."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from signal_log import amounts, clock
from signal_log.errors import ProofError
from signal_log.models import LogIdentity, SealCheckpoint, SealTile, SealTree, SignalEvent
from signal_log.seal import elected, grow, sealer
from signal_log.seal.checkpoint import read_checkpoint
from signal_log.seal.key import new_signer, write_key
from signal_log.seal.note import ED25519, read_note, signed_by
from signal_log.seal.remembered import memory_path
from signal_log.seal.sealer import Sealer
from signal_log.seal.signing import log_vkeys
from signal_log.seal.state import seal_state
from signal_log.seal.witness_client import cosigned_by
from signal_log.store.follow import dedicated_connection
from signal_log.store.row import TABLE
from signal_log.store.schema import POSTGRESQL_TRIGGERS, SQLITE_TRIGGERS
from tests.factories import event_value, make_event
from tests.witnessing import MemoryWitness

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _resigned(db):
    """Leave the lock to servers of other tests: a pooled connection would keep it."""
    yield
    elected.resign()


@pytest.fixture
def key(tmp_path, settings):
    """A key that signs this log."""
    path = tmp_path / "log.key"
    write_key(path, new_signer("log.example/1", ED25519))
    settings.SIGNAL_LOG = settings.SIGNAL_LOG | {"SEAL_KEYS": [str(path)], "SEAL_ORIGIN": "log.example"}
    return path


def events(number: int) -> list[SignalEvent]:
    """Make so many."""
    return SignalEvent.objects.bulk_create([SignalEvent(**event_value()._asdict()) for _ in range(number)])


def by_owner(sql: str, *params: object) -> None:
    """Change the log as the owner of its table can, with its triggers off."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for name in SQLITE_TRIGGERS:
                cursor.execute(f"DROP TRIGGER {name}")
            cursor.execute(sql, params)
            for statement in SQLITE_TRIGGERS.values():
                cursor.execute(statement)
        else:
            for name in POSTGRESQL_TRIGGERS:
                cursor.execute(f"ALTER TABLE {TABLE} DISABLE TRIGGER {name}")
            cursor.execute(sql, params)
            for name in POSTGRESQL_TRIGGERS:
                cursor.execute(f"ALTER TABLE {TABLE} ENABLE TRIGGER {name}")


def stopped() -> str:
    """Why a round has stopped, which everything tells, and the next round does not change."""
    found = Sealer().round()
    assert found.outcome == "stopped"
    assert found.problem == seal_state().stopped == SealTree.objects.get().problem
    state = list(SealCheckpoint.objects.values_list("number", "size", "note"))
    events(1)
    assert Sealer().round().problem == found.problem
    assert list(SealCheckpoint.objects.values_list("number", "size", "note")) == state
    return found.problem


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


def test_a_log_that_lost_its_newest_events_stops(key):
    """As after a restore of an older table: it is said how many are missing, and nothing is signed any more."""
    rows = events(700)
    Sealer().round()
    by_owner(f"DELETE FROM {TABLE} WHERE id > %s", rows[299].pk)  # noqa: S608
    assert stopped().startswith(
        f"The log was rewound: 400 sealed events are missing. The last was event {rows[-1].pk}; "
        f"the newest that is there is event {rows[299].pk}."
    )


def test_a_last_event_that_is_another_stops_it(key):
    """As after a restore when new events have taken the old ones' ids."""
    rows = events(4)
    Sealer().round()
    by_owner(f"UPDATE {TABLE} SET digest = %s WHERE id >= %s", bytes(32), rows[2].pk)  # noqa: S608
    assert stopped().startswith("The log was rewound, or rewritten: 2 sealed events are missing. Event")


def test_a_last_event_that_was_pruned_stops_nothing(key):
    """Events may go by a rule of age when newer ones are not sealed yet."""
    rows = events(4)
    Sealer().round()
    events(1)
    by_owner(f"DELETE FROM {TABLE} WHERE id <= %s", rows[-1].pk)  # noqa: S608
    assert Sealer().round().checkpoint.size == 5


def test_a_database_that_was_put_back_stops(key):
    """The key remembers what it signed last, also if the restored log has grown on since, or has lost its tree."""
    with pytest.raises(ProofError):
        with transaction.atomic():
            events(5)
            Sealer().round()
            raise ProofError
    events(2)
    problem = stopped()
    assert problem.startswith(
        "The log was rewound: 5 sealed events are missing of the 5 in the checkpoint that its key remembers."
    )
    with transaction.atomic():
        SealTree.objects.all().delete()
        events(7)
        assert stopped().startswith("The log was rewound, or rewritten: it did not grow from the 5 events in the")
        transaction.set_rollback(True)


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


def test_a_generation_that_is_missing_stops_it(key):
    """The key has signed a later one."""
    events(1)
    other = Sealer().round().checkpoint.note.replace("log.example/1\n", "log.example/3\n")
    memory_path(key, "log.example/1").write_text(other)
    SealTree.objects.all().delete()
    assert stopped().startswith("The log was rewound: its generation 3, of which its key has signed 1 events, is")


@pytest.mark.parametrize(
    ("tampering", "complaint"),
    [
        (lambda: SealTile.objects.filter(level=0).update(hashes=bytes(8192)), "300 sealed events are missing. Event"),
        (lambda: SealTile.objects.filter(index=1).delete(), "The tree was altered: its last tile is missing"),
        (lambda: SealTile.objects.filter(level=1).delete(), "The tree was altered: Tile 0 of level 1 has fewer hashes"),
        (lambda: SealTile.objects.filter(level=1).update(hashes=bytes(32)), "The tree was altered: its root is not"),
        (lambda: SealTree.objects.update(subtrees=bytes(128)), "The tree was altered: its root is not that of its"),
    ],
)
def test_a_tree_that_is_not_what_was_signed_is_never_signed(key, tampering, complaint):
    """Whatever of it was altered."""
    events(300)
    Sealer().round()
    tampering()
    events(1)
    assert complaint in stopped()


def test_a_tree_that_a_fixture_has_put_back_takes_in_what_it_lacks(key):
    """An older dump of the seal's tables, loaded beside the events."""
    events(3)
    Sealer().round()
    old = SealTree.objects.values().get()
    events(3)
    Sealer().round()
    SealTree.objects.update(**{name: old[name] for name in ("size", "root", "subtrees", "last_id")})
    events(1)
    assert Sealer().round().checkpoint.size == 7


def test_of_two_sealers_one_is_overtaken(key, monkeypatch):
    """It drops what it has computed; the next round goes on from what the other did."""
    events(3)
    real = grow._tiles

    def slow(tree, leaves):
        monkeypatch.setattr(grow, "_tiles", real)
        assert Sealer().round().outcome == "sealed"
        return real(tree, leaves)

    assert Sealer().round().outcome == "sealed"
    events(3)
    monkeypatch.setattr(grow, "_tiles", slow)
    assert Sealer().round().outcome == "overtaken"
    assert (Sealer().round().outcome, SealTree.objects.get().size, SealCheckpoint.objects.count()) == ("sealed", 6, 2)


def test_a_key_that_another_sealer_has_used_meanwhile(key, monkeypatch):
    """What it then refuses is no reason to tell anybody anything."""
    real = sealer.must_continue

    def slow(*arguments):
        monkeypatch.setattr(sealer, "must_continue", real)
        events(1)
        assert Sealer().round().outcome == "sealed"
        return real(*arguments)

    events(3)
    assert Sealer().round().outcome == "sealed"
    events(3)
    monkeypatch.setattr(sealer, "must_continue", slow)
    assert Sealer().round().outcome == "overtaken"
    assert (seal_state().problems, seal_state().signed_size) == ((), 7)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_one_sealer_is_elected():
    """Another is idle until the first resigns, or its session ends."""

    def another() -> str:
        connection.close()
        dedicated_connection("default", "another sealer")
        return Sealer().round().outcome

    with ThreadPoolExecutor(1) as thread:
        first = Sealer()
        assert first.round().outcome == first.round().outcome == "sealed"
        assert thread.submit(another).result() == "elsewhere"
        first.close()
        first.close()
        assert thread.submit(another).result() == "sealed"
        assert first.round().outcome == "elsewhere"
        thread.submit(lambda: connection.close()).result()  # noqa: PLW0108  of that thread
        deadline = clock.monotonic() + 10  # for the server to notice it
        while first.round().outcome == "elsewhere":
            assert clock.monotonic() < deadline
        first.close()


@pytest.mark.one_database
def test_one_thread_of_one_process_is_elected_on_sqlite(tmp_path, monkeypatch, caplog):
    """By a file beside the database, until it gives it back or ends, however that is; without one it goes on, told."""
    database = tmp_path / "log.sqlite3"
    database.touch(mode=0o640)
    assert elected.stand()  # in memory there is nobody else
    monkeypatch.setattr(elected, "file_of_log", lambda: str(database))
    takes_and_forks = (
        "import os, sys; from signal_log.seal.beside_file import take; path = sys.argv[1]; print(take(path))\n"
        "if not os.fork(): os._exit(int(take(path)))\n"
        "print(os.wait()[1], flush=True); input()"
    )
    command = [sys.executable, "-c", takes_and_forks, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert [other.stdout.readline() for _ in range(2)] == ["True\n", "0\n"]
        assert Sealer().round().outcome == "elsewhere"
        other.kill()
    sealer = Sealer()
    assert sealer.round().outcome == sealer.round().outcome == "sealed"
    assert Path(f"{database}-sealer").stat().st_mode & 0o777 == 0o640
    with ThreadPoolExecutor(1) as thread:
        assert not thread.submit(elected.stand).result()
        sealer.close()
        assert thread.submit(elected.stand).result()
        assert not elected.stand()
    assert elected.stand()  # that thread is over
    sealer.close()
    monkeypatch.setattr(elected, "file_of_log", lambda: str(tmp_path / "no" / "log.sqlite3"))
    assert elected.stand()
    assert elected.stand()
    assert [record.message for record in caplog.records if "cannot be locked (No such file" in record.message] != []
    assert len(caplog.records) == 1


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
