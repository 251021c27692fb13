"""An export shows the log at one moment, whatever is committed meanwhile, and the next export continues from there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.db import connection, transaction
from django.test import Client

from signal_log.models import SignalEvent
from signal_log.store import export
from tests.exports import ADDRESS, add, ids, parts, varied_log
from tests.factories import event_value

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(mira: Client) -> list[int]:
    """Create events of all kinds and return their ids."""
    return varied_log()


def test_an_export_can_be_continued(mira: Client, log: list[int]) -> None:
    """Passing the last export's `up_to` as `after` continues it; `before` ends it."""
    cut = log[3]
    assert ids(mira, after=cut) == [pk for pk in log if pk > cut]
    assert ids(mira, before=cut, after=log[0] - 1) == log[:3]


def test_events_committed_after_its_start_are_left_out(
    mira: Client, log: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has neither newer events nor late ones whose lower ids were taken but not yet committed when it began."""
    monkeypatch.setattr(export, "PAGE", 2)
    answer = mira.get(ADDRESS, {"format": "jsonl", "after": log[0] - 1})
    content = iter(answer.streaming_content)
    text = next(content) + next(content)
    late = event_value(object_repr="came late")._asdict()
    SignalEvent.objects.bulk_create([SignalEvent(pk=log[-1] - 1, **late)])
    newer = add(1, object_repr="came late")
    text += b"".join(content)
    assert [event["id"] for event in parts(text)[1]] == log
    assert ids(mira, q="came late") == [log[-1] - 1, *newer]


@pytest.mark.postgresql
def test_a_transaction_that_commits_during_the_export_is_left_out(transactional_db: None) -> None:
    """Its id is below one in the export; the next export has it, and the first one said that it was missing."""
    opened, goes_on = Event(), Event()

    def write() -> list[int]:
        try:
            with transaction.atomic():
                late = add(1)
                opened.set()
                assert goes_on.wait(20)
            return late
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        (before,) = add(1)
        writing = other.submit(write)
        assert opened.wait(20)
        (after,) = add(1)
        began = export.Export.begin(export.Selection())
        goes_on.set()
        (late,) = writing.result(20)
    assert before < late < after
    assert [event.pk for page in began.pages() for event in page] == [before, after]
    assert (late, late) in began.snapshot.missing
    again = export.Export.begin(export.Selection())
    assert [event.pk for page in again.pages() for event in page] == [before, late, after]


def test_an_older_event_than_the_oldest_comes_too_late_as_well(db: None) -> None:
    """In a young log the first transactions may commit after later ones."""
    value = event_value()._asdict()
    SignalEvent.objects.bulk_create([SignalEvent(pk=50, **value)])
    began = export.Export.begin(export.Selection())
    SignalEvent.objects.bulk_create([SignalEvent(pk=20, **value)])
    assert [event.pk for page in began.pages() for event in page] == [50]
    assert export.Export.begin(export.Selection()).snapshot.missing == ((21, 49),)
