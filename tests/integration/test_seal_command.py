"""``signal_seal``: a round, keys, and new generations after a restore; each use of them is an event with its actor."""

from __future__ import annotations

import json
import subprocess
from hashlib import sha256
from io import StringIO
from threading import Thread

import pytest
from django.core.management import CommandError, call_command

from signal_log.audit.own_events import SEALED
from signal_log.models import SealCheckpoint, SealTile, SealTree, SignalEvent
from signal_log.seal import elected
from signal_log.seal.keys.key import read_key
from signal_log.seal.keys.remembered import memory_path
from signal_log.seal.keys.signer import SignerServer
from signal_log.seal.keys.signing import log_vkeys
from signal_log.seal.merkle import leaf_hash
from signal_log.seal.note import read_note, signed_by
from signal_log.seal.sealer import stop
from signal_log.seal.state import seal_state
from signal_log.seal.stored import hashes_of, inclusion, place_of
from signal_log.seal.verify.proof_file import proof_file
from tests.factories import make_event
from tests.servers.partners import partner

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _named(settings):
    settings.SIGNAL_LOG = settings.SIGNAL_LOG | {"SEAL_ORIGIN": "log.example"}


@pytest.fixture
def use(settings):
    """Name keys in the settings."""

    def use(*keys):
        settings.SIGNAL_LOG = settings.SIGNAL_LOG | {"SEAL_KEYS": [str(key) for key in keys]}

    return use


def seal(*arguments, returncode=0):
    """What it prints, and what is wrong."""
    out, err = StringIO(), StringIO()
    if returncode:
        with pytest.raises(CommandError) as refused:
            call_command("signal_seal", *map(str, arguments), stdout=out, stderr=err)
        assert refused.value.returncode == returncode
        return str(refused.value)
    call_command("signal_seal", *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def told():
    """The labels of the events of its uses."""
    return [event.labels for event in SignalEvent.objects.filter(signal=SEALED).order_by("pk")]


def test_a_key_is_made_and_seals(tmp_path, use):
    """What is printed can be pasted; before that, the tree grows unsigned, and it is said."""
    make_event()
    out, err = seal()
    assert out == "1 event sealed, 1 in all.\n"
    assert err.startswith("Checkpoints are not signed: SEAL_KEYS names no key.")
    path = tmp_path / "log.key"
    out, err = seal("init", "--key", path)
    signer = read_key(path)
    assert f"\n    {signer.vkey()}\n" in out
    assert f'SIGNAL_LOG["SEAL_KEYS"] = ["{path}"]' in out
    assert signer.name == "log.example/1"
    assert told() == [{"action": "init", "verifier": str(signer.vkey())}]
    assert SignalEvent.objects.get(signal=SEALED).source == "command:signal_seal"
    use(path)
    assert seal() == ("1 event sealed, 2 in all. Checkpoint 1 is signed.\n", "")
    assert seal("vkey")[0] == f"{signer.vkey()}\n"
    assert seal() == ("0 events sealed, 2 in all. Checkpoint 1 is signed.\n", "")
    assert "SEAL_KEYS names a key already" in seal("init", returncode=2)


def test_a_key_where_the_settings_name_one(tmp_path, use, monkeypatch):
    """``init`` makes the file that ``SEAL_KEYS`` names already, else one in this folder."""
    use(tmp_path / "named.key")
    seal("init")
    assert read_key(tmp_path / "named.key")
    use()
    monkeypatch.chdir(tmp_path)
    seal("init")
    assert read_key(tmp_path / "signal_seal.key")
    assert "There is a file signal_seal.key already" in seal("init", returncode=2)
    assert len(told()) == 2


def test_the_name_is_fixed_when_a_key_is_made(tmp_path, use, settings):
    """A server on another host, or in another container, signs under the name that was printed."""
    seal("init", "--key", tmp_path / "log.key")
    use(tmp_path / "log.key")
    settings.SIGNAL_LOG = settings.SIGNAL_LOG | {"SEAL_ORIGIN": "elsewhere.example"}
    seal()
    note = read_note(SealCheckpoint.objects.get().note.encode())
    assert signed_by(note, [read_key(tmp_path / "log.key").vkey()])


def test_rotation(tmp_path, use):
    """The new key signs, the old one verifies, as a file or as its verifier key; what was signed is remembered."""
    old, new = tmp_path / "old.key", tmp_path / "new.key"
    assert "names no key that another could follow" in seal("rotate", "--key", new, returncode=2)
    use(old)
    seal("init")
    make_event()
    seal()
    out, _ = seal("rotate", "--key", new)
    assert f'SIGNAL_LOG["SEAL_KEYS"] = ["{new}", "{old}"]' in out
    assert told()[-1] == {
        "action": "rotate",
        "verifier": str(read_key(new).vkey()),
        "followed": str(read_key(old).vkey()),
    }
    assert memory_path(new, "log.example/1").read_text() == memory_path(old, "log.example/1").read_text()
    for keys in ((new, old), (new, read_key(old).vkey("log.example/7"))):
        use(*keys)
        make_event()
        seal()
        first, last = SealCheckpoint.objects.first(), SealCheckpoint.objects.latest("number")
        by_new, by_old = log_vkeys("log.example/1")
        assert list(signed_by(read_note(first.note.encode()), [by_new, by_old])) == [by_old]
        assert list(signed_by(read_note(last.note.encode()), [by_new, by_old])) == [by_new]
    use(read_key(old).vkey(), new)
    assert "The first of SEAL_KEYS signs" in seal(returncode=1)


def test_a_signer_signs(tmp_path, use):
    """In another process, as here in another thread."""
    path = tmp_path / "log.key"
    seal("init", "--key", path)
    use(f"unix:{tmp_path / 'socket'}")
    assert "The tree grows unsigned. The signer at" in seal(returncode=1)
    with SignerServer(tmp_path / "socket", path) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        assert seal() == ("0 events sealed, 1 in all. Checkpoint 1 is signed.\n", "")
        server.shutdown()
        thread.join()


def test_after_a_restore_it_goes_on_as_a_new_generation(tmp_path, use):
    """Only by the command with a reason, which is an event; its first leaf is the last checkpoint that is known."""
    use(tmp_path / "log.key")
    seal("init")
    before = [make_event() for _ in range(4)]
    seal()
    note = SealCheckpoint.objects.get().note
    assert "Sealing is not stopped" in seal("new-generation", "--reason", "why not", returncode=2)
    SealCheckpoint.objects.all().delete()
    SealTile.objects.all().delete()
    SealTree.objects.all().delete()
    SignalEvent.objects.filter(pk=0).exists()
    restored = SealTree.objects.create(
        generation=1, origin="log.example/1", size=0, root=sha256(b"").digest(), begun_at=before[0].occurred_at,
        grown_at=before[0].occurred_at, after_id=before[2].pk, last_id=before[2].pk,
    )  # fmt: skip
    problem = "The log was rewound: 5 sealed events are missing of the 5 in the checkpoint that its key remembers."
    for _ in range(2):
        assert problem in seal(returncode=1)
    out, err = seal("new-generation", "--reason", "the disk died")
    assert out.startswith(
        "log.example/2 goes on from log.example/1 of 5 events, the last checkpoint known, by the key."
    )
    assert err == ""
    text = note.partition("\n\n")[0] + "\n"
    restored.refresh_from_db()
    tree = SealTree.objects.get(generation=2)
    assert (restored.state, tree.state, tree.origin, tree.size) == ("closed", "growing", "log.example/2", 1)
    assert bytes(tree.previous) == sha256(text.encode()).digest()
    assert hashes_of(SealTile.objects.get(tree=tree).hashes) == [leaf_hash(sha256(text.encode()).digest())]
    event = SignalEvent.objects.latest("pk")
    assert event.labels.items() >= {
        "action": "new-generation", "reason": "the disk died", "origin": "log.example/2", "follows": text,
        "known_by": "the key", "missing": 5,
    }.items()  # fmt: skip
    assert problem in event.labels["stopped"]
    assert seal() == ("2 events sealed, 3 in all. Checkpoint 1 is signed.\n", "")
    assert place_of(before[3]) == (tree, 1)
    assert inclusion(event).place.leaf == 2
    assert seal_state().problems == ()
    assert "Sealing is not stopped" in seal("new-generation", "--reason", "again", returncode=2)


def test_a_checkpoint_that_somebody_has_kept(tmp_path, use):
    """It is what the new generation goes on from, if it is this log's and the latest."""
    use(tmp_path / "log.key")
    seal("init")
    make_event()
    seal()
    kept = tmp_path / "kept"
    kept.write_text(SealCheckpoint.objects.get().note)
    memory_path(tmp_path / "log.key", "log.example/1").unlink()
    SealCheckpoint.objects.all().delete()
    stop(SealTree.objects.get(), "For a test.")
    for content, complaint in (
        ("nonsense", "This is no signed note"),
        (kept.read_text().replace("log.example/1", "other.example/1"), "The checkpoint is another log's, other.exa"),
        (kept.read_text().replace("\n2\n", "\n3\n"), "not over this text"),
    ):
        (tmp_path / "wrong").write_text(content)
        wrong = seal("new-generation", "--reason", "r", "--checkpoint", tmp_path / "wrong", returncode=2)
        assert complaint in wrong
    assert "could not be read" in seal("new-generation", "--reason", "r", "--checkpoint", tmp_path, returncode=2)
    assert len(told()) == 1
    out, _ = seal("new-generation", "--reason", "r", "--checkpoint", kept)
    assert "log.example/1 of 2 events, the last checkpoint known, by the file." in out
    assert "repeat each `signal_redact`" in out
    assert seal()[0] == "1 event sealed, 2 in all. Checkpoint 1 is signed.\n"


def test_what_an_unsigned_log_goes_on_from(tmp_path):
    """The tree as it is in the database, if nobody knows anything else."""
    make_event()
    assert "Nothing has been sealed yet" in seal("new-generation", "--reason", "r", returncode=2)
    seal()
    stop(SealTree.objects.get(), "For a test.")
    out, _ = seal("new-generation", "--reason", "r")
    assert "by the tree in the database, which was never signed" in out


def test_another_sealer_is_at_work(monkeypatch):
    """Nothing is done twice, and nothing is wrong."""
    monkeypatch.setattr(elected, "stand", lambda: False)
    assert seal()[0].startswith("Another sealer is at work")


def test_what_is_printed_names_no_secret(tmp_path):
    """Neither in output nor in the log."""
    path = tmp_path / "log.key"
    out, err = seal("init", "--key", path)
    secret = path.read_text().strip().split("+", 4)[4]  # which may have a plus of its own
    assert secret not in out + err + str(told())


def test_a_published_directory_is_read_by_a_program_that_nobody_here_wrote(use, tmp_path):
    """Signature, root, growth, and every entry under its index, by tiles and key alone; a changed tile is noticed."""
    seal("init", "--key", tmp_path / "k")
    use(tmp_path / "k")
    tree, kept = tmp_path / "tree", tmp_path / "first"
    key = ["--log-key", seal("vkey")[0].strip(), "--tiles", str(tree)]
    for number in (3, 300):
        for _ in range(number):
            make_event()
        out, _ = seal("--publish", tree)
        assert "is up to date; " in out
        if number == 3:
            kept.write_bytes((tree / "checkpoint").read_bytes())
    assert "0 files written" in seal("--publish", tree)[0]
    events = list(SignalEvent.objects.order_by("pk"))
    assert read_by_aics("verify-checkpoint", *key)["size"] == len(events)
    assert read_by_aics("verify-consistency", "--old-checkpoint", kept, *key)["ok"] is True
    entry = tmp_path / "entry"
    for index in (255, len(events) - 1):
        entry.write_bytes(bytes(events[index].digest))
        assert read_by_aics("verify-inclusion", "--leaf", entry, "--index", index, *key)["ok"] is True
    tile = tree / "tile/0/000"
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
    assert read_by_aics("verify-inclusion", "--leaf", entry, "--index", 1, *key)["ok"] is False


def read_by_aics(*arguments):
    """What the reader reports."""
    command = [partner("aics-tlog"), *arguments]
    return json.loads(subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False).stdout)


def test_publishing_without_a_key_or_a_place(use, tmp_path):
    """One sentence, exit status 2; what is sealed stays sealed."""
    make_event()
    assert "no checkpoint is signed" in seal("--publish", tmp_path, returncode=2)
    seal("init", "--key", tmp_path / "k")
    use(tmp_path / "k")
    (tmp_path / "file").write_text("")
    assert "cannot be written" in seal("--publish", tmp_path / "file" / "tree", returncode=2)


def test_a_proof_is_downloaded_from_the_event_s_page(use, tmp_path, admin_client):
    """By the button of its page; before it is sealed there is a sentence instead."""
    event = make_event()
    address = f"/events/{event.pk}/?format=proof"
    assert admin_client.get(address).status_code == 404
    assert "Download proof" not in admin_client.get(f"/events/{event.pk}/").content.decode()
    seal("init", "--key", tmp_path / "k")
    use(tmp_path / "k")
    seal()
    assert f'href="{address}"' in admin_client.get(f"/events/{event.pk}/").content.decode()
    answer = admin_client.get(address)
    assert answer["Content-Disposition"] == f'attachment; filename="event-{event.pk}.tlog-proof"'
    assert answer.content == proof_file(event)
