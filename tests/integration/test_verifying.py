"""`signal_verify`: what it is given, parts of the work, runs that are interrupted, and what is said."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core import signing
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper
from django.db import connection

from signal_log.maintenance import maintenance
from signal_log.management.commands.signal_verify import Bar
from signal_log.models import SealCheckpoint, SealTile, SealTree, Verification
from signal_log.seal.checkpoint import Checkpoint
from signal_log.seal.grow import checkpoint, grow
from signal_log.seal.keys.key import new_signer
from signal_log.seal.keys.remembered import remember
from signal_log.seal.note import ED25519, read_note
from signal_log.seal.verify import progress as kept_progress
from signal_log.seal.verify import rows
from signal_log.seal.verify.progress import Kept
from signal_log.seal.verify.run import verify
from signal_log.seal.verify.wanted import Progress, Wanted
from tests.integration.verified import changed, log_in, newest, refused, said
from tests.sealed import ORIGIN, Sealed, shown_by_a_witness, sql, unguarded, write_events
from tests.settings import SIGNAL_LOG as PROJECT

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(db, settings, tmp_path) -> Sealed:
    """A sealed log with its key, and no witness."""
    return log_in(tmp_path, settings)


def test_a_script_is_told_of_a_run_that_could_not_be(log):
    """`--json` has an object for each exit status, so nobody takes an empty output for a verdict."""
    out = StringIO()
    with pytest.raises(CommandError, match="is no verifier key") as ended:
        call_command("signal_verify", "--json", "--vkey", "x", stdout=out)
    told = json.loads(out.getvalue())
    assert told.keys() == said()[1].keys()
    assert (told["verdict"], told["exit"], ended.value.returncode) == ("unchecked", 2, 2)
    assert (told["text"], told["findings"]) == (str(ended.value), [])
    assert "is no verifier key" in told["not_checked"][0]


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


def test_the_newest_checkpoint_removed(log):
    """A witness holds it, so the table had it: that it is gone is told, though the tree still gives its root."""
    with shown_by_a_witness(log):
        given = [f"{log.url} {log.witness.vkey()}"]
        assert said(witness=given)[0] == 0
        SealCheckpoint.objects.filter(number=4).delete()
        code, told = said(witness=given)
    assert (code, told["findings"]) == (2, [])
    (said_of_it,) = told["not_checked"]
    assert said_of_it.startswith(f"The witness w.example holds a checkpoint of 600 events of {ORIGIN} that the table ")


def test_the_newest_checkpoint_removed_without_a_witness(log):
    """The key remembers that it has signed it; a later checkpoint in its place is as good."""
    remember(log.key, read_note(newest().encode()))
    assert said()[0] == 0
    SealCheckpoint.objects.filter(number=4).delete()
    code, told = said()
    assert (code, [one["kind"] for one in told["findings"]]) == (1, ["checkpoint"])
    assert told["findings"][0]["text"].startswith(
        f"The key has signed a checkpoint of 600 events of {ORIGIN}, and the newest in the table has 512: it was"
    )
    grow(tree := SealTree.objects.get(), 2**62, 5)
    checkpoint(tree)
    assert said()[0] == 0
    SealCheckpoint.objects.all().delete()
    assert said()[0] == 1


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
    with maintenance(connection, "a test", why="a test"):
        Verification.objects.all().delete()
    state = {"wanted": [[], [], 0, [1, 1]], "generation": 1, "tiles": 3, "seen": {"rows": 600, "gone": {}}}
    token = signing.dumps(state, key="not the project's", salt=kept_progress.SALT, compress=True)
    Verification.objects.create(begun_at=row.begun_at, findings=[{"kind": "progress", "token": token}])
    assert said(resume=True)[0] == 1


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
    shown._line._drawn -= 1
    shown.show("events", 300, 300, 600)
    assert "████████████░░░░░░░░░░░░  50% 300 of 600 events, " in bar.getvalue()


class Terminal(StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


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
