"""A log that calls itself otherwise is another log: its key does not sign it, and no verification calls it intact."""

from __future__ import annotations

from hashlib import sha256
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from signal_log.audit.own_events import SEALED, tell
from signal_log.errors import ProofError
from signal_log.models import SealCheckpoint, SealTile, SealTree, SignalEvent
from signal_log.seal.checkpoint import Checkpoint
from signal_log.seal.grow import begin_tree, checkpoint, grow
from signal_log.seal.keys.key import read_key
from signal_log.seal.keys.signer import SignerServer, sign_next
from signal_log.seal.merkle import EMPTY_ROOT
from signal_log.seal.note import Note, read_note
from signal_log.seal.state import seal_state
from tests.factories import event_value
from tests.integration.verified import log_in, refused, said
from tests.sealed import ORIGIN, shown_by_a_witness, sql, unguarded, write_events

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def seal(*arguments: Any) -> str:
    """What it prints; what it complains of."""
    out = StringIO()
    try:
        call_command("signal_seal", *map(str, arguments), stdout=out, stderr=out)
    except CommandError as error:
        return f"{out.getvalue()}{error}"
    return out.getvalue()


@pytest.fixture(params=["file", "signer"])
def key(request: Any, settings: Any, tmp_path: Path) -> Any:
    """The key's file, of a log that is sealed and signed, and whose owner has switched its triggers off."""
    settings.SIGNAL_LOG = settings.SIGNAL_LOG | {"SEAL_ORIGIN": "log.example", "SEAL_KEYS": [], "WITNESSES": []}
    path: Path = tmp_path / "log.key"
    seal("init", "--key", path)
    entry = str(path) if request.param == "file" else f"unix:{tmp_path / 'socket'}"
    settings.SIGNAL_LOG = settings.SIGNAL_LOG | {"SEAL_KEYS": [entry]}
    with SignerServer(tmp_path / "socket", path) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        write_events(9)
        seal()
        assert said()[1]["text"] == "Intact: 10 events are exactly what was sealed."
        unguarded()
        yield path
        server.shutdown()
        thread.join()


def rewrite() -> int:
    """Change a row and its digest, and remove two."""
    event = SignalEvent.objects.order_by("pk")[5]
    value = event_value(object_repr="mallory", trace_id=event.trace_id, salt=bytes(event.salt))
    SignalEvent.objects.filter(pk=event.pk).update(**{**value._asdict(), "trace_id": event.trace_id})
    sql("DELETE FROM {log} WHERE id IN (%s, %s)", event.pk + 1, event.pk + 2)
    return event.pk


@pytest.mark.parametrize("name", ["log.example/1", "log.example/", "other.example"])
def test_another_name_is_no_other_history(key: Path, settings: Any, name: str) -> None:
    """Who rewrites the log and calls it otherwise has it neither signed nor called intact, whoever is asked."""
    vkey = seal("vkey").strip()
    rewrite()
    SealTile.objects.all().delete()
    SealCheckpoint.objects.all().delete()
    SealTree.objects.update(origin=f"{name}/1", size=0, root=EMPTY_ROOT, subtrees=b"", last_id=0)
    why = f"signs for log.example alone, and not for {name}. Find out who"
    assert why in seal()
    assert any(why in one for one in seal_state().problems)
    assert not SealCheckpoint.objects.exclude(note="").exists()
    assert [path.name for path in key.parent.glob("*.last")] == [
        f"log.key.{sha256(b'log.example').hexdigest()[:8]}.last"
    ]
    code, told = said()
    assert (code, told["verdict"]) == (2, "unchecked")
    assert any(why in one for one in told["not_checked"])
    assert f"This log calls itself {name}, and SEAL_ORIGIN names log.example" in " ".join(told["not_checked"])
    assert f"is of the log log.example, and not of {name}." in refused("--vkey", vkey)
    settings.SIGNAL_LOG = settings.SIGNAL_LOG | {"SEAL_KEYS": [vkey], "SEAL_ORIGIN": None}
    code, told = said()
    assert code == 2
    assert f"is of the log log.example, and not of {name}." in told["not_checked"][0]
    SealTree.objects.all().delete()
    settings.SIGNAL_LOG = settings.SIGNAL_LOG | {"SEAL_KEYS": []}
    assert said(vkey=[vkey])[0] == 1  # by whatever name, the tree is gone


def test_a_generation_under_another_name(key: Path) -> None:
    """Even one that its key would sign, as the first of another log, hides nothing of the one before."""
    follows = read_note(SealCheckpoint.objects.latest("pk").note.encode()).text
    altered = rewrite()
    after = SignalEvent.objects.order_by("pk")[3].pk
    tell(SEALED, {"origin": "log.example/2/1", "follows": follows, "after": after, "size": 10, "left": 4, "root": "",
                  "lost": "", "again": "g1:4-9"}, action="new-generation")  # fmt: skip
    SealTree.objects.update(state=SealTree.State.CLOSED)
    tree = begin_tree("log.example/2/1", 2, after_id=after, previous=sha256(follows.encode()).digest())
    grow(tree, 2**62)
    made = checkpoint(tree)
    assert made is not None
    stated = Checkpoint(tree.origin, made.size, bytes(made.root))
    signer = read_key(key)
    with pytest.raises(ProofError, match=r"and not for log\.example/2\. Find out"):
        sign_next(key, signer, stated.text, 0, [])
    note = Note(stated.text, (signer.sign(stated.text, stated.origin),))
    SealCheckpoint.objects.filter(pk=made.pk).update(note=note.encode().decode())
    for given in ({}, {"vkey": [str(signer.vkey())]}):
        code, told = said(**given)
        found = {one["kind"]: one for one in told["findings"]}
        assert code == 1
        assert "Generation 2 calls itself log.example/2/1" in told["findings"][0]["text"]
        assert (found["modified"]["events"], found["missing"]["indexes"]) == (f"{altered}", "g1:6-7")


def test_a_name_is_accepted_where_the_key_is(key: Path, settings: Any, tmp_path: Path) -> None:
    """By its operator; so many are, and no origin of another form."""
    SealTree.objects.all().delete()
    settings.SIGNAL_LOG = settings.SIGNAL_LOG | {"SEAL_ORIGIN": "new.example"}
    assert "is signed" not in seal()
    assert seal("begin", "--accept-log", "new.example", "--key", key) == (
        "The key signs for the log new.example from now on.\n"
    )
    assert "is signed" in seal()
    assert said()[1]["text"].startswith("Intact: ")
    for wrong in ("", "a b", "a+b"):
        assert "is no log's origin" in seal("begin", "--accept-log", wrong, "--key", key)
    for number in range(15):
        assert "from now on" in seal("begin", "--accept-log", f"{number}.example", "--key", key)
    assert "has accepted 16 names already" in seal("begin", "--accept-log", "more.example", "--key", key)
    assert "from now on" in seal("begin", "--accept-log", "new.example", "--key", key)
    assert len((tmp_path / "log.key.logs").read_text().splitlines()) == 16
    with pytest.raises(ProofError, match="has one root"):
        sign_next(key, read_key(key), Checkpoint("1.example/1", 0, bytes(32)).text, 0, [])


def test_sealing_that_was_stopped_with_a_reason(key: Path) -> None:
    """Is not called intact: whoever may write the database can stop it, and give any reason."""
    SealTree.objects.update(state=SealTree.State.STOPPED, problem="Planned maintenance, see ticket 12.")
    code, told = said()
    assert (code, told["verdict"]) == (2, "unchecked")
    assert "Sealing has stopped, as the database says" in told["not_checked"][0]
    assert "ticket 12" in told["not_checked"][0]


def test_a_witness_that_knows_nothing(settings: Any, tmp_path: Path) -> None:
    """Where one is named, its silence is no proof; and it is asked for later generations, too."""
    log = log_in(tmp_path, settings)
    with shown_by_a_witness(log):
        named = f"{log.url} {log.witness.vkey()}"
        kept = dict(log.shown)
        for one in SealCheckpoint.objects.all():
            one.note = log.note(Checkpoint(ORIGIN, one.size, bytes(one.root)), cosigned=False).encode().decode()
            one.save()
        assert [said(witness=[one])[0] for one in (named, log.url)] == [0, 0]
        log.shown.clear()
        for one in (named, log.url):
            code, told = said(witness=[one])
            assert (code, told["verdict"]) == (2, "unchecked")
            assert "knows nothing of this log: it has countersigned nothing of log.example" in told["not_checked"][0]
        settings.SIGNAL_LOG = settings.SIGNAL_LOG | log.settings()
        assert said()[0] == 0
        settings.SIGNAL_LOG = settings.SIGNAL_LOG | {"WITNESS_QUORUM": 1}
        assert said()[0] == 2
        log.shown.update(kept)
        assert said()[0] == 0
        third = f"{ORIGIN[:-1]}3"
        log.show(log.note(Checkpoint(third, 7, bytes(32))), third)
        for given in ({}, {"witness": [log.url]}):
            code, told = said(**given)
            assert (code, told["findings"][0]["kind"]) == (1, "rewound")
            assert "has countersigned 7 events of generation 3" in told["findings"][0]["text"]
