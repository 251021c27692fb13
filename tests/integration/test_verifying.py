"""`signal_verify`: what it is given, parts of the work, runs that are interrupted, and what is allowed to be gone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core import signing
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper
from django.db import connection

from signal_log import clock
from signal_log.audit.told import tell
from signal_log.maintenance import maintenance
from signal_log.management.commands.signal_verify import Bar
from signal_log.models import SealCheckpoint, SealTile, SealTree, SignalEvent, Verification
from signal_log.seal import archive
from signal_log.seal.checkpoint import Checkpoint, read_checkpoint
from signal_log.seal.grow import begin_tree, grow
from signal_log.seal.key import new_signer
from signal_log.seal.note import ED25519, read_note
from signal_log.seal.remembered import remember
from signal_log.seal.verify import progress as kept_progress
from signal_log.seal.verify import rows
from signal_log.seal.verify.progress import Kept
from signal_log.seal.verify.run import Progress, Wanted, verify
from tests.sealed import ORIGIN, Sealed, seal, sealed_log, shown_by_a_witness, sql, unguarded, write_events
from tests.settings import SIGNAL_LOG as PROJECT

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(db, settings, tmp_path) -> Sealed:
    """A sealed log with its key, and no witness."""
    sealed = sealed_log(tmp_path)
    settings.SIGNAL_LOG = {**PROJECT, **sealed.settings(WITNESSES=[])}
    unguarded()
    return sealed


def said(**options: Any) -> tuple[int, dict[str, Any]]:
    """The exit code and what is said."""
    out = StringIO()
    code = 0
    try:
        call_command("signal_verify", json=True, stdout=out, **options)
    except SystemExit as ended:
        code = int(ended.code)
    told = json.loads(out.getvalue())
    assert told["exit"] == code
    return code, told


def refused(*words: str) -> str:
    """The one sentence of a run that could not be, which writes nothing."""
    before = Verification.objects.count()
    with pytest.raises(CommandError) as ended:
        call_command("signal_verify", *words, stdout=StringIO())
    assert ended.value.returncode == 2
    assert Verification.objects.count() == before
    assert "\n" not in str(ended.value)
    return str(ended.value)


def newest() -> str:
    """The note of the newest checkpoint."""
    return SealCheckpoint.objects.order_by("-number")[0].note


def changed(log: Sealed, *places: int) -> None:
    """Alter rows."""
    for place in places:
        sql("UPDATE {log} SET object_repr = 'eve' WHERE id = %s", log.ids[place])


def test_keys_and_checkpoints_that_cannot_be_used(log, tmp_path):
    """Each is one sentence and exit status 2."""
    stranger = new_signer(ORIGIN, ED25519)
    assert "is no verifier key" in refused("--vkey", "x")
    assert "None of the checkpoints of log.example" in refused("--vkey", str(stranger.vkey()))
    assert "is a witness's; --vkey takes the log's own" in refused("--vkey", str(log.witness.vkey()))
    file = tmp_path / "kept"
    assert "could not be read" in refused("--checkpoint", str(file))
    for content, complaint in (
        ("nonsense", "This is no signed note"),
        (newest()[:-30], "This is no signed note"),
        (newest().replace("log.example", "other.example"), "It is of another log, other.example/"),
        (log.note(Checkpoint(ORIGIN, 5, bytes(32)), by=stranger).encode().decode(), "None of this log's keys"),
        (newest().replace("\n600\n", "\n601\n"), "not over this text"),
    ):
        file.write_text(content)
        assert complaint in refused("--checkpoint", str(file))
    assert "holds no archive" in refused("--archive", str(tmp_path))
    for words in (["--shard", "3/2"], ["--shard", "0/2"], ["--since", "-1"], ["--since", "x"]):
        with pytest.raises(CommandError):
            call_command("signal_verify", *words)


def test_a_checkpoint_that_was_kept(log, tmp_path):
    """It has to be in the tree: a larger one tells that the end is gone, another root that it was rewritten."""
    file = tmp_path / "kept"
    for number in (1, 4):
        file.write_text(SealCheckpoint.objects.get(number=number).note)
        assert said(checkpoint=[file])[0] == 0
    file.write_bytes(log.note(Checkpoint(ORIGIN, 700, bytes(32))).encode())
    code, told = said(checkpoint=[file])
    assert (code, told["findings"][0]["kind"], told["findings"][0]["indexes"]) == (1, "rewound", "g1:600-699")
    file.write_bytes(log.note(Checkpoint(ORIGIN, 300, bytes(32))).encode())
    code, told = said(checkpoint=[file])
    assert (code, told["findings"][0]["kind"], told["findings"][0]["indexes"]) == (1, "fork", "g1:200-299")


def test_witnesses_that_cannot_be_used(log, settings):
    """Down, lying, or of another log: nothing is proved by them, and nothing is called intact."""
    with shown_by_a_witness(log):
        good = dict(log.shown)
        with_key = f"{log.url} {log.witness.vkey()}"
        assert said(witness=[with_key])[0] == 0
        assert said(witness=[log.url])[0] == 0
        stranger = new_signer(ORIGIN, ED25519)
        size, root = 600, bytes(SealTree.objects.get().root)
        for note, complaint in (
            (log.note(Checkpoint(ORIGIN, 600, bytes(32)), by=stranger), "none of this log's keys has signed"),
            (log.note(Checkpoint("other.example/1", size, root)), "of another log"),
            (log.note(Checkpoint(ORIGIN, size, root), cosigned=False), "not countersigned itself"),
        ):
            log.show(note)
            code, told = said(witness=[with_key])
            assert code == 2
            assert [complaint in one for one in told["not_checked"]] == [True], told["not_checked"]
            assert told["verdict"] == "unchecked"
        log.show(log.note(Checkpoint(ORIGIN, 600, bytes(32)), by=stranger))
        assert said(witness=[log.url])[0] == 2
        first = SealCheckpoint.objects.get(number=1)
        for note in (read_note(first.note.encode()), None):
            log.shown.clear()
            if note is not None:
                log.show(note)
            code, told = said(witness=[with_key])
            assert (code, len(told["not_checked"])) == (2, 1)
            assert "has countersigned one of 600: it has forgotten" in told["not_checked"][0]
        log.shown.update(good)
    code, told = said(witness=[with_key])
    assert (code, told["verdict"], told["findings"]) == (2, "unchecked", [])
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("signal_verify", witness=[with_key], stdout=out)
    assert "intact" not in out.getvalue().lower()
    assert Verification.objects.latest("pk").verdict == "unchecked"


def test_a_damaged_tile_is_no_proof_of_anything(log):
    """Cut short it can be compared with nothing: status 2; beside something altered, 1."""
    SealTile.objects.filter(level=0, index=1).update(hashes=bytes(100))
    code, told = said()
    assert (code, told["findings"]) == (2, [])
    assert told["not_checked"][0].startswith("Tile 1 of level 0, over the leaves 256 to 511, is damaged")
    changed(log, 3)
    assert said()[0] == 1


def test_without_a_key(log, settings):
    """Nothing is found, and it is not called intact."""
    settings.SIGNAL_LOG = {**PROJECT}
    SealCheckpoint.objects.filter(number__lt=4).delete()
    SealCheckpoint.objects.update(note="", number=1)
    out = StringIO()
    call_command("signal_verify", stdout=out)
    assert "are not signed with a key that is known here" in out.getvalue()
    assert "intact" not in out.getvalue().lower()
    settings.SIGNAL_LOG = {**PROJECT, **log.settings(WITNESSES=[])}
    code, told = said()
    assert code == 2
    assert "has a signature, though a key is named" in told["not_checked"][0]


def test_a_log_that_was_never_sealed(db, settings):
    """There is nothing to compare it with."""
    settings.SIGNAL_LOG = {**PROJECT}
    assert said()[1]["not_checked"] == ["The log is empty, and nothing of it was ever sealed."]
    write_events(3)
    code, told = said()
    assert (code, told["unsealed"]) == (2, 3)
    assert "Nothing of the log was sealed yet" in told["not_checked"][0]
    unguarded()
    sql("UPDATE {log} SET path = '/'")
    assert said()[0] == 1


def test_parts_of_the_work(log):
    """Each shard finds what is in it, and together they find everything; --since leaves out what is below."""
    changed(log, 3, 300, 599)
    found = [said(shard=(part, 3)) for part in (1, 2, 3)]
    assert [told["findings"][0]["indexes"] for _, told in found] == ["g1:3", "g1:300", "g1:599"]
    assert sum(told["events"] for _, told in found) == 600
    assert all("This is part" in told["limits"][-1] for _, told in found)
    code, told = said(since=512)
    assert (code, told["events"], told["findings"][0]["indexes"]) == (1, 88, "g1:599")
    assert said(since=10**6)[1]["events"] == 0


def test_an_interrupted_run_goes_on(log, monkeypatch):
    """Where it was, with what it had seen, and only by a note of our own."""
    monkeypatch.setattr(kept_progress, "EVERY", 0)
    monkeypatch.setattr(rows, "PAGE", 100)
    wanted = Wanted()
    note = Kept("me").passed(wanted)

    def passed(result: Any, generation: int, tiles: int, last: int) -> None:
        note(result, generation, tiles, last)
        if tiles == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verify(wanted, Progress(passed=passed))
    row = Verification.objects.get()
    assert (row.verdict, row.size, row.last_id) == ("running", 512, log.ids[511])
    changed(log, 5)
    code, told = said(resume=True)
    assert (code, told["events"]) == (0, 600)
    assert said()[0] == 1  # from the beginning
    Verification.objects.all().delete()
    state = {"wanted": [[], [], 0, [1, 1]], "generation": 1, "tiles": 3, "seen": {"rows": 600, "gone": {}}}
    token = signing.dumps(state, key="not the project's", salt=kept_progress.SALT, compress=True)
    Verification.objects.create(begun_at=row.begun_at, findings=[{"kind": "progress", "token": token}])
    assert said(resume=True)[0] == 1


def test_a_redaction_and_what_only_looks_like_one(log, settings):
    """It is accepted as its event names it, and no further."""
    call_command("signal_redact", "auth.User", "300", reason="a request", full=False, no_vacuum=True, stdout=StringIO())
    code, told = said()
    assert (code, told["findings"]) == (0, [])
    event = SignalEvent.objects.get(source="command:signal_redact")
    assert event.labels["events"] == str(log.ids[300])
    assert f"1 events were redacted, as the events {event.pk} tell" in " ".join(told["notes"])
    tree = SealTree.objects.get()
    assert grow(tree, 2**62) == 6
    assert said()[0] == 0
    labels = json.dumps({**event.labels, "events": f"{log.ids[300]}-{log.ids[310]}"})
    sql("UPDATE {log} SET redacted_at = occurred_at WHERE id = %s", log.ids[305])
    sql("UPDATE {log} SET labels = %s WHERE id = %s", labels, event.pk)
    found = said()[1]["findings"]
    assert {(one["kind"], one["events"]) for one in found} == {
        ("modified", str(event.pk)), ("redacted", f"{log.ids[300]},{log.ids[305]}"),
    }  # fmt: skip


def test_a_prune_and_its_archive(log, tmp_path, monkeypatch):
    """What is gone is accepted as its event names it; the archive is compared with the leaves that stayed."""
    folder = tmp_path / "archive"
    monkeypatch.setattr(clock, "now", lambda: datetime(2999, 1, 1, tzinfo=UTC))
    call_command("signal_prune", before="2998-01-01", archive=str(folder), stdout=StringIO())
    left = SignalEvent.objects.filter(pk__lte=log.ids[599]).count()
    assert left == 0
    code, told = said(archive=[folder])
    assert (code, told["findings"], told["events"]) == (0, [], 0), told
    assert "600 events of archives were compared with their leaves." in told["notes"]
    assert any("600 events were pruned" in one for one in told["notes"])
    manifest = archive.manifests(folder)[0]
    lines = list(archive.lines(folder, manifest))
    altered = [
        archive.Line(one.index, one.leaf, one.id, {**one.event, "object_repr": "eve"}) if one.index == 7 else one
        for one in lines
    ]
    archive.rewrite(folder, manifest, altered, manifest.made_at)
    code, told = said(archive=[folder])
    assert (code, told["findings"][0]["indexes"], told["findings"][0]["events"]) == (1, "g1:7", str(log.ids[7]))
    path = folder / archive.manifests(folder)[0].file
    path.write_bytes(path.read_bytes()[:-20])
    code, told = said(archive=[folder])
    assert (code, len(told["not_checked"])) == (2, 1)
    SealTree.objects.update(origin="log.example/other/1")
    assert "is of another log" in refused("--archive", str(folder))


def test_a_prune_that_was_none(log):
    """Rows are gone, and no event names them, or one does that was altered, or that belongs to another command."""
    sql("DELETE FROM {log} WHERE id BETWEEN %s AND %s", log.ids[20], log.ids[29])
    sql("DELETE FROM {log} WHERE id = %s", log.ids[31])
    rows = {"events": f"{log.ids[20]}-{log.ids[31]}", "indexes": "g1:20-31"}
    with maintenance(connection, "signal_tidy", why="tidy", rows=rows):
        pass
    with maintenance(connection, "signal_prune", why="old", rows={**rows, "indexes": "g1:31"}):
        pass
    code, told = said()
    assert (code, [one["indexes"] for one in told["findings"]]) == (1, ["g1:20-29"])
    with maintenance(connection, "signal_prune", why="old", rows={**rows, "indexes": "all of them"}):
        pass
    code, told = said()
    assert (code, [one["indexes"] for one in told["findings"]]) == (1, ["g1:20-29"])
    assert any("that nobody can read" in one for one in told["notes"])


def rewound(log: Sealed, size: int) -> SealTree:
    """Put the database back to what it was at a size, as a backup does."""
    sql("DELETE FROM {log} WHERE id >= %s", log.ids[size])
    kept = list(SealCheckpoint.objects.filter(size__lte=size).values())
    SealTree.objects.all().delete()
    tree = begin_tree(ORIGIN)
    while grow(tree, 2**62):
        pass
    SealCheckpoint.objects.bulk_create([SealCheckpoint(**{**one, "tree_id": tree.pk}) for one in kept])
    return tree


def test_a_backup_that_was_put_back(log, tmp_path):
    """The checkpoint that somebody kept tells; as a new generation, told by an event, it goes on."""
    file: Path = tmp_path / "kept"
    file.write_text(newest())
    follows = read_note(newest().encode()).text
    tree = rewound(log, 400)
    assert said()[0] == 0  # nobody knows better
    code, told = said(checkpoint=[file])
    assert (code, told["findings"][0]["kind"], told["findings"][0]["indexes"]) == (1, "rewound", "g1:400-599")
    SealTree.objects.update(state=SealTree.State.STOPPED)
    write_events(3)
    call_command("signal_seal", "new-generation", reason="the disk died", checkpoint=file, stdout=StringIO())
    second = SealTree.objects.get(generation=2)
    seal(log, second, (2, 4, 6))
    assert read_checkpoint(follows).size == 600
    code, told = said(checkpoint=[file])
    assert (code, told["findings"]) == (0, []), told
    event = SignalEvent.objects.get(signal="signal_log.sealed")
    assert any(f"as event {event.pk} tells; 200 sealed events before it are missing" in one for one in told["notes"])
    assert told["events"] == tree.size + 4  # three, and the event of it
    changed(log, 7)
    sql("UPDATE {log} SET path = '/x' WHERE id = %s", event.pk - 1)
    found = said()[1]["findings"]
    assert [(one["kind"], one["indexes"]) for one in found] == [("modified", "g1:7 g2:3")]


def test_what_the_key_remembers(log):
    """An older copy of the database is told by the file beside the key, also if a whole generation is gone."""
    stated = Checkpoint(ORIGIN, 600, bytes(SealTree.objects.get().root))
    remember(log.key, log.note(stated))
    assert said()[0] == 0
    rewound(log, 400)
    code, told = said()
    assert (code, [one["text"].partition(":")[0] for one in told["findings"]]) == (
        1, ["The key holds a checkpoint of 600 events, but the tree has 400"],
    )  # fmt: skip
    remember(log.key, log.note(Checkpoint(f"{ORIGIN[:-1]}2", 7, bytes(32))))
    code, told = said()
    assert code == 1
    assert "of 7 events of generation 2, which is gone" in told["findings"][0]["text"]


def test_what_people_read(log):
    """A line for each finding with its places, the verdict last; on a terminal a bar."""
    changed(log, 3, 4, 300)
    out, bar = StringIO(), Terminal()
    with pytest.raises(SystemExit):
        call_command("signal_verify", stdout=out, stderr=bar)
    *_, finding, note, verdict = out.getvalue().splitlines()
    events = f"{log.ids[3]}-{log.ids[4]},{log.ids[300]}"
    assert finding == (
        f"TAMPERED  modified: 3 events are not what was sealed: {events}. [indexes g1:3-4,300; events {events}]"
    )
    assert note.startswith("NOTE  The 5 newest events are not sealed yet")
    assert verdict == "The log was tampered with: 1 finding in 600 events."
    assert bar.getvalue().endswith("\r\x1b[K")
    shown = Bar(OutputWrapper(bar))
    shown._shown -= 1
    shown.show("events", 300, 300, 600)
    assert "[###############...............]  50% 300 of 600 events, " in bar.getvalue()


class Terminal(StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


@pytest.mark.parametrize("what", ["no event", "other previous", "not closed", "first leaf"])
def test_a_generation_that_nobody_told_of(log, what):
    """Who begins one in silence, or with something else than what was known, is found."""
    SealTree.objects.update(state=SealTree.State.CLOSED)
    note = read_note(newest().encode()).text
    write_events(2)
    if what != "no event":
        tell("signal_log.sealed", action="new-generation", origin=f"{ORIGIN[:-1]}2", follows=note, missing=0)
    from hashlib import sha256

    previous = bytes(32) if what == "other previous" else sha256(note.encode()).digest()
    tree = begin_tree(f"{ORIGIN[:-1]}2", 2, after_id=SealTree.objects.get().last_id, previous=previous)
    seal(log, tree, (4,))
    if what == "not closed":
        SealTree.objects.filter(generation=1).update(state=SealTree.State.GROWING)
    if what == "first leaf":
        tile = SealTile.objects.get(tree=tree, level=0)
        SealTile.objects.filter(pk=tile.pk).update(hashes=bytes(32) + bytes(tile.hashes)[32:])
    code, told = said()
    assert code == 1
    assert "generation" in [one["kind"] for one in told["findings"]], told["findings"]


@pytest.mark.one_database
def test_a_row_that_cannot_be_read(log):
    """Text that is no UTF-8: the row is named, and the others are compared."""
    sql("UPDATE {log} SET path = CAST(x'ff' AS TEXT) WHERE id = %s", log.ids[300])
    code, told = said()
    assert code == 1
    assert [(one["kind"], one["events"]) for one in told["findings"]] == [("modified", str(log.ids[300]))]
    assert told["events"] == 600


def test_past_django(log):
    """What was written past Django is listed, and is no tampering with the log."""
    assert said(continuity=True)[1]["breaks"] == []
    write_events(2, object_pk="x", changes={"first_name": ["Ada", "Augusta"]})
    code, told = said(continuity=True)
    assert (code, len(told["breaks"]), told["breaks"][0]["field"]) == (0, 1, "first_name")
