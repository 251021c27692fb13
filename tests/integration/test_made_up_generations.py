"""A generation that the owner of the tables makes up is neither signed nor believed; an honest one is both."""

from __future__ import annotations

import json
import os
import uuid
from hashlib import sha256
from io import StringIO
from pathlib import Path
from threading import Thread

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from signal_log import clock
from signal_log.audit.own_events import SEALED, tell
from signal_log.event import COMMITTED, MAINTENANCE, ROLLED_BACK, Event
from signal_log.models import SealCheckpoint, SealTree, SignalEvent
from signal_log.seal.grow import begin_tree, grow
from signal_log.seal.keys.remembered import recall
from signal_log.seal.keys.signer import SignerServer
from signal_log.seal.note import read_note
from signal_log.seal.state import seal_state
from signal_log.show.words.sealing import alarm, standing
from signal_log.store.append import append
from tests.factories import event_value
from tests.sealed import sql, unguarded, write_events

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def kind():
    """Who reads the key that signs: the server, or a signer."""
    return "file"


@pytest.fixture
def key(kind, settings, tmp_path):
    """The key's file."""
    settings.SIGNAL_LOG = settings.SIGNAL_LOG | {"SEAL_ORIGIN": "log.example", "SEAL_KEYS": [], "WITNESSES": []}
    path: Path = tmp_path / "log.key"
    seal("init", "--key", path)
    entry = str(path) if kind == "file" else f"unix:{tmp_path / 'socket'}"
    settings.SIGNAL_LOG = settings.SIGNAL_LOG | {"SEAL_KEYS": [entry]}
    if kind == "file":
        yield path
        return
    with SignerServer(tmp_path / "socket", path) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield path
        server.shutdown()
        thread.join()


@pytest.fixture
def ids(key):
    """Of the events of a log that is sealed and signed, and whose owner has switched its triggers off."""
    numbers = write_events(8)
    seal()
    numbers += write_events(2)
    seal()
    assert verified()[1]["text"].startswith("Intact: ")
    unguarded()
    return numbers


def seal(*arguments):
    """What it prints; what it complains of."""
    out = StringIO()
    try:
        call_command("signal_seal", *map(str, arguments), stdout=out, stderr=out)
    except CommandError as error:
        return str(error)
    return out.getvalue()


def verified():
    """The exit code, and what is said."""
    out, code = StringIO(), 0
    try:
        call_command("signal_verify", json=True, stdout=out)
    except SystemExit as ended:
        code = int(ended.code)
    return code, json.loads(out.getvalue())


def newest():
    """The text of the newest checkpoint that is signed."""
    return read_note(SealCheckpoint.objects.exclude(note="").latest("tree__generation", "number").note.encode()).text


def forge(ids):
    """Rewrite what is sealed, and make up a generation after which that was never so."""
    follows = newest()
    event = SignalEvent.objects.get(pk=ids[5])
    value = event_value(object_repr="mallory", trace_id=event.trace_id, salt=bytes(event.salt))
    SignalEvent.objects.filter(pk=event.pk).update(**{**value._asdict(), "trace_id": event.trace_id})
    sql("DELETE FROM {log} WHERE id IN (%s, %s)", ids[7], ids[8])
    tell(SEALED, action="new-generation", origin="log.example/2", follows=follows, missing=0, reason="maintenance")
    SealTree.objects.update(state=SealTree.State.CLOSED)
    begin_tree("log.example/2", 2, after_id=ids[4], previous=sha256(follows.encode()).digest())


@pytest.mark.parametrize("kind", ["file", "signer"])
def test_a_made_up_one_is_not_signed_and_hides_nothing(ids, key):
    """Sealing stops, on every surface, and verification names each row that was altered or is missing."""
    forge(ids)
    said = seal()
    assert said.startswith("Sealing has stopped. The key that signs has not begun generation 2 of this log: ")
    assert said.partition(". ")[2] == seal_state().stopped
    assert not SealCheckpoint.objects.filter(tree__generation=2).exclude(note="").exists()
    assert recall(key, "log.example/1").place == (1, 11)
    code, told = verified()
    found = {one["kind"]: one.get("events") for one in told["findings"]}
    assert code == 1
    assert found["modified"] == f"{ids[5]}"
    assert found["missing"] == f"{ids[7]}-{ids[8]}"
    assert "generation" in found


def restore(ids):
    """Put the database back to its first checkpoint, as a backup does."""
    kept = SealCheckpoint.objects.order_by("number").values()[0]
    SealTree.objects.all().delete()
    sql("DELETE FROM {log} WHERE id >= %s", ids[8])
    tree = begin_tree("log.example/1")
    grow(tree, 2**62)
    SealCheckpoint.objects.create(**{**kept, "tree_id": tree.pk})


@pytest.mark.parametrize("kind", ["file", "signer"])
def test_after_a_restore_the_keys_operator_begins_one(ids, key, kind, tmp_path):
    """The server cannot, where the key is a signer's; what is missing is said, and nothing may hide behind it later."""
    lost = tmp_path / "lost"
    lost.write_text(SealCheckpoint.objects.latest("number").note)
    restore(ids)
    assert "The log was rewound: 2 sealed events are missing of the 11" in seal()
    said = seal("new-generation", "--reason", "the disk died")
    if kind == "signer":
        assert (
            "has not begun log.example/2 after log.example/1 of 11 events. Only its operator can: `signal_seal" in said
        )
        assert SealTree.objects.get().state == SealTree.State.STOPPED
        assert "is not signed by this key" in seal(
            "begin", "log.example/2", "--key", other(tmp_path), "--follows", lost
        )
        out = seal("begin", "log.example/2", "--key", key, "--follows", lost)
        assert out == seal("begin", "log.example/2", "--key", key) == (
            "The key begins log.example/2 after log.example/1 of 11 events.\n"
        )  # fmt: skip
        said = seal("new-generation", "--reason", "the disk died")
    assert said.startswith(
        "log.example/2 goes on from log.example/1 of 11 events, the last checkpoint known, by the key"
    )
    assert "Checkpoint 1 is signed" in seal()
    code, told = verified()
    assert (code, told["findings"]) == (0, [])
    assert "Intact" not in told["text"]
    assert [one.partition(", ack")[0] for one in told["limits"]] == [
        "2 sealed events are missing since the log was rewound"
    ]
    sql("DELETE FROM {log} WHERE id BETWEEN %s AND %s", ids[4], ids[7])
    SealTree.objects.filter(generation=2).update(after_id=ids[3])
    code, told = verified()
    found = {one["kind"]: one.get("events") for one in told["findings"]}
    assert (code, found.get("missing")) == (1, f"{ids[4]}-{ids[7]}"), told
    assert "generation" in found


def other(folder):
    """Another key's file."""
    seal("rotate", "--key", folder / "other.key")
    (folder / "unknown.key").write_bytes((folder / "other.key").read_bytes())
    (folder / "unknown.key").chmod(0o600)
    return folder / "unknown.key"


def test_what_a_generation_drops_is_named(ids, key):
    """Whoever alters what is sealed, and has it gone on from that, still sees it in each verification."""
    sql("DELETE FROM {log} WHERE id >= %s", ids[8])
    assert "Sealing has stopped" in seal()
    write_events(1)
    seal("new-generation", "--reason", "the events were put back without the tree")
    seal()
    code, told = verified()
    assert (code, told["findings"]) == (0, [])
    assert any(one.startswith("Missing, as event ") and ": g1:9-10. " in one for one in told["notes"])
    assert "Intact" not in told["text"]


@pytest.mark.parametrize(("state", "reason"), [("closed", "no other follows it"), ("stopped", "gives no reason")])
def test_sealing_that_somebody_turned_off(ids, state, reason):
    """Is said wherever the seal is shown, found by verification, and begun again by the command."""
    SealTree.objects.update(state=state, problem="")
    why = "Sealing has stopped. Its state in the database says so and no reason is there: "
    assert seal().startswith(why)
    assert seal_state().problems[0].startswith(why)
    assert standing(seal_state()).kind == "stopped"
    assert alarm().startswith(why)
    code, told = verified()
    assert (code, [one["kind"] for one in told["findings"]]) == (1, ["tree"])
    assert told["findings"][0]["text"] == f"Sealing was turned off: generation 1 is {state} and {reason}."
    assert "goes on from" in seal("new-generation", "--reason", "it was turned off")
    assert "is signed" in seal()
    assert verified()[0] == 0


def prune_told(outcome, number):
    """The event of a prune of one leaf that there never was."""
    event = Event(
        using="default", position=2, operation=1, source="command:signal_prune", process="test:1",
        trace_id=str(uuid.uuid4()), occurred_at=clock.now(), salt=os.urandom(32), signal=MAINTENANCE, outcome=outcome,
        sender=SignalEvent._meta.label, object_pk="", object_repr="", labels={"events": f"{number}", "indexes": "g1:6"},
    )  # fmt: skip
    append([event], connection)


def test_an_event_that_allows_too_much(ids):
    """One that was rolled back allows nothing; of one that is not sealed it is said that nothing proves it."""
    sql("DELETE FROM {log} WHERE id = %s", ids[5])
    prune_told(ROLLED_BACK, ids[5])
    code, told = verified()
    assert (code, [one["events"] for one in told["findings"]]) == (1, [f"{ids[5]}"])
    assert any("was not done, or was never sealed" in one for one in told["notes"])
    prune_told(COMMITTED, ids[5])
    code, told = verified()
    assert (code, told["findings"]) == (0, [])
    assert "Intact" not in told["text"]
    assert "is not sealed yet, so that nothing proves who wrote that" in told["limits"][0]
    seal()
    assert verified()[1]["limits"] == []
