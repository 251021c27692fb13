"""`signal_verify`: what may be redacted, gone or begun anew, and what only looks like it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from signal_log import clock
from signal_log.audit.own_events import tell
from signal_log.maintenance import maintenance
from signal_log.models import SealTile, SealTree, SignalEvent, Verification
from signal_log.seal import archive, archive_writing
from signal_log.seal.checkpoint import Checkpoint, read_checkpoint
from signal_log.seal.grow import begin_tree, grow
from signal_log.seal.keys.remembered import remember
from signal_log.seal.note import read_note
from tests.integration.verified import changed, log_in, newest, refused, rewound, said
from tests.sealed import ORIGIN, Sealed, seal, sql, write_events

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def log(db, settings, tmp_path) -> Sealed:
    """A sealed log with its key, and no witness."""
    return log_in(tmp_path, settings)


def test_a_redaction_and_what_only_looks_like_one(log, settings):
    """It is accepted as its event names it, and no further."""
    call_command("signal_redact", "auth.User", "300", reason="a request", full=False, no_vacuum=True, stdout=StringIO())
    code, told = said()
    assert (code, told["findings"]) == (0, [])
    event = SignalEvent.objects.get(source="command:signal_redact")
    assert event.labels["events"] == str(log.ids[300])
    assert f"1 event was redacted, as event {event.pk} tells" in " ".join(told["notes"])
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
    archive_writing.rewrite(folder, manifest, altered, manifest.made_at)
    code, told = said(archive=[folder])
    assert (code, told["findings"][0]["indexes"], told["findings"][0]["events"]) == (1, "g1:7", str(log.ids[7]))
    path = folder / archive.manifests(folder)[0].file
    path.write_bytes(path.read_bytes()[:-20])
    code, told = said(archive=[folder])
    assert (code, [(one["kind"], one["events"]) for one in told["findings"]]) == (
        1, [("archive", f"{log.ids[0]}-{log.ids[599]}")],
    )  # fmt: skip
    SealTree.objects.update(origin="log.example/other/1")
    assert "is of another log" in refused("--archive", str(folder))


def test_a_prune_that_was_none(log):
    """Rows are gone, and no event names them, or one does that was altered, or that belongs to another command."""
    sql("DELETE FROM {log} WHERE id BETWEEN %s AND %s", log.ids[20], log.ids[29])
    sql("DELETE FROM {log} WHERE id = %s", log.ids[31])
    rows = {"events": f"{log.ids[20]}-{log.ids[31]}", "indexes": "g1:20-31"}
    with maintenance(connection, "signal_tidy", why="tidy", rows=rows):
        pass
    with maintenance(connection, "signal_prune", why="old", rows={"events": str(log.ids[31]), "indexes": "g1:31"}):
        pass
    code, told = said()
    assert (code, [one["indexes"] for one in told["findings"]]) == (1, ["g1:20-29"])
    with maintenance(connection, "signal_prune", why="old", rows={**rows, "indexes": "all of them"}):
        pass
    code, told = said()
    assert (code, [one["indexes"] for one in told["findings"]]) == (1, ["g1:20-29"])
    assert any("that nobody can read" in one for one in told["notes"])


def test_a_backup_that_was_put_back(log, tmp_path, admin_client):
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
    assert (code, [one["kind"] for one in told["findings"]]) == (1, ["rewound"])  # who has it is told
    code, told = said()
    assert (code, told["findings"]) == (0, []), told
    event = SignalEvent.objects.get(signal="signal_log.sealed")
    assert any(f"as generation 2, as event {event.pk} tells." in one for one in told["notes"])
    (lost,) = told["limits"]
    assert lost.startswith("200 sealed events are missing since the log was rewound, acknowledged by ")
    assert lost.endswith(f"(event {event.pk}): the disk died")
    assert "ntact" not in told["text"]
    kept = Verification.objects.latest("pk")
    assert (kept.findings, kept.is_clean) == ([{"kind": "limit", "text": lost}], False)
    assert kept.outcome == "nothing wrong was found"
    assert lost in admin_client.get("/seals/").content.decode()
    gone = Checkpoint(f"{ORIGIN[:-1]}7", 9, bytes(32))
    other: Path = tmp_path / "of a generation that is gone"
    other.write_bytes(log.note(gone).encode())
    assert "of 9 events of" in said(checkpoint=[other])[1]["findings"][0]["text"]
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


def test_a_tail_that_was_cut_off_and_acknowledged(log):
    """The tree still has its leaves; the rows are gone, which is said instead of "intact"."""
    sql("DELETE FROM {log} WHERE id >= %s", log.ids[590])
    SealTree.objects.update(state=SealTree.State.STOPPED)
    call_command("signal_seal", "new-generation", reason="the disk died", stdout=StringIO())
    seal(log, SealTree.objects.get(generation=2), (2,))
    code, told = said()
    assert (code, told["findings"]) == (0, []), told
    assert [one.partition(" since")[0] for one in told["limits"]] == ["10 sealed events are missing"]
    assert "ntact" not in told["text"]


def test_a_first_generation_that_was_thrown_away(log):
    """With its tree nothing would compare its events: that it is gone is told."""
    SealTree.objects.update(state=SealTree.State.STOPPED)
    call_command("signal_seal", "new-generation", reason="the disk died", stdout=StringIO())
    seal(log, SealTree.objects.get(generation=2), (2,))
    assert said()[0] == 0
    changed(log, 7)
    SealTree.objects.get(generation=1).delete()
    code, told = said()
    assert (code, [one["kind"] for one in told["findings"]]) == (1, ["generation"])
