"""Pruning by itself: in the background of a server, once a day, where `RETENTION_DAYS` says so."""

from __future__ import annotations

import threading

import pytest
from django.db import DatabaseError
from django.test import override_settings

from signal_log import background, clock
from signal_log.audit.pruning import prune
from signal_log.audit.pruning.daily import AGAIN, FIRST, DailyPrune
from signal_log.models import SignalEvent
from tests.pruned import OLD, seal, store
from tests.settings import SIGNAL_LOG

pytestmark = pytest.mark.django_db


@pytest.fixture
def now(monkeypatch):
    """Nine old events, of which three batches are made, and what a clock shows, to be moved on."""
    monkeypatch.setattr(prune, "ROWS_A_BATCH", 4)
    store(9)
    seal()
    shown = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: shown[0])
    return shown


def test_a_server_prunes_between_its_other_work(now, monkeypatch):
    """A batch each time it comes round, soon again while there are more; what fails is tried again in ten minutes."""
    (job,) = (made for make in background.JOBS if (made := make(threading.Event())).name == "Pruning")
    with override_settings(SIGNAL_LOG={**SIGNAL_LOG, "RETENTION_DAYS": 30}):
        assert not job.run()
        assert job.every() > 1
        now[0] += FIRST
        with monkeypatch.context() as broken, pytest.raises(DatabaseError):
            broken.setattr(prune, "maintenance", busy)
            job.run()
        assert not job.run()
        now[0] += AGAIN
        assert job.run()
        assert job.every() < 1
        assert job.run()
        assert not job.run()
    assert SignalEvent.objects.filter(occurred_at=OLD).count() == 1


def busy(*_, **__):
    """Fail as a locked database does."""
    raise DatabaseError("locked")


def test_by_itself_once_a_day(now):
    """Not before ten minutes, only if asked, a batch at a time."""
    daily = DailyPrune()
    with override_settings(SIGNAL_LOG={**SIGNAL_LOG, "RETENTION_DAYS": 30}):
        assert not daily.due()
        now[0] += FIRST
        assert daily.due()
        assert [daily.step() for _ in range(3)] == [True, True, False]
        assert not daily.due()
        now[0] += 86_400
        assert daily.due()
        assert [daily.step() for _ in range(2)] == [True, False]  # what was the newest row
    assert not SignalEvent.objects.filter(occurred_at=OLD).exists()
    now[0] += 86_400
    assert not daily.due()
