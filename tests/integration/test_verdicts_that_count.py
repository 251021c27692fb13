"""What a run of `signal_verify` settles: tampering stands until a run over the whole log has found nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from signal_log import clock
from signal_log.models import Verification
from signal_log.seal.state import seal_state
from signal_log.seal.verify import progress
from signal_log.seal.verify.progress import Kept
from signal_log.seal.verify.run import verify
from signal_log.seal.verify.wanted import Progress, Wanted
from signal_log.show.words.sealing import alarm
from tests.integration.verified import changed, log_in, said
from tests.sealed import Sealed, sql

pytestmark = pytest.mark.django_db


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
