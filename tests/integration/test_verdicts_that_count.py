"""What a run of `signal_verify` settles: tampering stands until a run over the whole log has found nothing."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from signal_log import clock
from signal_log.models import SignalEvent, Verification
from signal_log.seal import archive, archive_writing
from signal_log.seal.state import seal_state
from signal_log.seal.verify import progress
from signal_log.seal.verify.progress import Kept
from signal_log.seal.verify.run import verify
from signal_log.seal.verify.wanted import Progress, Wanted
from signal_log.show.words.sealing import alarm
from tests.integration.verified import changed, log_in, rewound, said
from tests.integration.verified import newest as newest_note
from tests.sealed import Sealed, shown_by_a_witness, sql

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def log(db: None, settings: Any, tmp_path: Path) -> Sealed:
    """A sealed log with its key, and no witness."""
    return log_in(tmp_path, settings)


def test_only_a_whole_run_clears_what_was_found(log: Sealed) -> None:
    """Not a part, not the newest events alone, and not a run that had begun before."""
    assert said()[0] == 0
    changed(log, 3)
    before = Kept("me")
    assert said()[0] == 1
    assert newest() == ("tampered", True)
    for part in ({"since": 512}, {"shard": (2, 2)}):
        assert said(**part)[0] == 0
        assert newest() == ("intact", False)
        assert (seal_state().tampered, seal_state().verification.verdict) == (True, "tampered")
        assert "changed behind the recorder" in alarm()
    sql("UPDATE {log} SET object_repr = %s WHERE id = %s", "user 3", log.ids[3])
    before.end(verify(Wanted()))
    assert (newest(), seal_state().tampered) == (("intact", True), True)
    assert said()[0] == 0
    assert (seal_state().tampered, alarm()) == (False, "")


def newest() -> tuple[str, bool]:
    """The newest verdict, and whether it is of the whole log."""
    row = Verification.objects.latest("pk")
    return row.verdict, row.whole


def test_a_row_tells_when_its_run_began(log: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    """And stands where it ended, among those that ran beside it."""
    monkeypatch.setattr(progress, "EVERY", 0)
    begun, real = clock.now(), clock.now
    kept, beside = Kept("me"), Kept("another")
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(minutes=5))
    found = verify(Wanted(), Progress(passed=kept.passed(Wanted())))
    assert Verification.objects.get().verdict == "running"
    beside.end(found)
    kept.end(found)
    ended, first = Verification.objects.all()
    assert (first.by, ended.by) == ("another", "me")
    for row in (first, ended):
        assert row.begun_at - begun < timedelta(minutes=1)
        assert row.ended_at - begun > timedelta(minutes=4)


@pytest.mark.parametrize("what", ["checkpoint", "witness"])
def test_what_only_others_show(log: Sealed, tmp_path: Path, what: str, admin_client: Any) -> None:
    """It is settled by a later run that looks at the same or more, not by one that does not look there."""
    file = tmp_path / "kept"
    file.write_text(newest_note())
    with shown_by_a_witness(log):
        given: dict[str, Any] = {"checkpoint": [file]} if what == "checkpoint" else {"witness": [f"{log.url}/"]}
        before = connection.savepoint()
        rewound(log, 400)
        assert said(**given)[0] == 1
        found = Verification.objects.get()
        assert said()[0] == 0
        assert [one.partition(" ")[0] for one in found.evidence] == [what]
        assert (seal_state().verification, seal_state().tampered) == (found, True)
        assert "changed behind the recorder" in alarm()
        assert found.evidence[0] in admin_client.get("/seals/").content.decode()
        connection.savepoint_rollback(before)
        found.save(force_insert=True)
        assert [said()[0], said(since=512, **given)[0], said(vkey=[str(log.signer.vkey())])[0]] == [0, 0, 0]
        assert seal_state().tampered
        assert said(checkpoint=[file], witness=[log.url])[0] == 0
    assert (seal_state().tampered, alarm()) == (False, "")


def test_what_only_an_archive_shows(log: Sealed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another archive settles nothing, and neither does what was found later and put right."""
    folder, good = tmp_path / "an archive", tmp_path / "good"
    with monkeypatch.context() as later:
        later.setattr(clock, "now", lambda: datetime(2999, 1, 1, tzinfo=UTC))
        call_command("signal_prune", before="2998-01-01", archive=str(folder), stdout=StringIO())
    shutil.copytree(folder, good)
    (manifest,) = archive.manifests(folder)
    lines = [
        replace(one, event={**(one.event or {}), "object_repr": "eve"}) if one.index == 7 else one
        for one in archive.lines(folder, manifest)
    ]
    archive_writing.rewrite(folder, manifest, lines, manifest.made_at)
    assert said(archive=[folder])[0] == 1
    newest = SignalEvent.objects.order_by("-pk")[0]
    sql("UPDATE {log} SET path = '/x' WHERE id = %s", newest.pk)
    assert said()[0] == 1
    sql("UPDATE {log} SET path = %s WHERE id = %s", newest.path, newest.pk)
    assert [said()[0], said(archive=[good])[0]] == [0, 0]
    assert seal_state().verification == Verification.objects.earliest("pk")
    shutil.rmtree(folder)
    shutil.copytree(good, folder)
    assert said(archive=[good, folder])[0] == 0
    assert not seal_state().tampered
