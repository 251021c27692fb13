"""How far an archive reaches is known of any number of prunes, and they are not read for every page."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from signal_log.event import MAINTENANCE
from signal_log.models import SignalEvent
from signal_log.seal.grow import begin_tree, grow
from signal_log.show.query import archive_reach
from tests.factories import event_value, make_event

pytestmark = pytest.mark.django_db

FOLDER = "/srv/archive"


@pytest.fixture(autouse=True)
def _few_at_once(settings, monkeypatch):
    settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "ARCHIVE": FOLDER}
    monkeypatch.setattr(archive_reach, "AT_ONCE", 3)
    monkeypatch.setattr(archive_reach, "_known", {})


def pruned(last: int, folder: str = FOLDER, pk: int | None = None) -> int:
    """The event of a prune of events up to an id; its own."""
    labels = {"events": f"1-{last}", **({"archive": f"{folder}/1-0"} if folder else {})}
    own = {"sender": "signal_log.SignalEvent", "object_pk": "", "signal": MAINTENANCE, "source": "command:signal_prune"}
    if pk is None:
        return make_event(**own, labels=labels).pk
    SignalEvent.objects.bulk_create([SignalEvent(**{**event_value(**own, labels=labels)._asdict(), "id": pk})])
    return pk


def rows_read() -> tuple[int, int]:
    """How far the archive reaches, and how many queries that took."""
    with CaptureQueriesContext(connection) as asked:
        return archive_reach.reaches_to(), len(asked)


def test_an_old_prune_of_the_newest_events_counts():
    """However many followed it, into this archive, another or none; each is read once, when it is sealed."""
    pruned(900)
    for number in range(7):
        pruned(100 + number, ("", "/srv/other", FOLDER)[number % 3])
    assert rows_read() == (900, 3)
    assert rows_read() == (900, 3)
    tree = begin_tree("log.example/0123456789abcdef/1")
    newest = pruned(120)
    grow(tree, newest)
    assert rows_read() == (900, 4)
    assert rows_read() == (900, 1)
    late, newer = newest + 1, newest + 2
    pruned(950, pk=newer)
    assert rows_read() == (950, 1)
    pruned(990, pk=late)  # was committed after the other, which nothing has sealed yet
    assert rows_read() == (990, 2)
    grow(tree, newer)
    assert rows_read() == (990, 2)
    assert rows_read() == (990, 1)


def test_a_restored_log_is_read_anew():
    """Where the event that was read last is another one by now, or none."""
    tree = begin_tree("log.example/0123456789abcdef/1")
    newest = pruned(500)
    grow(tree, newest)
    assert rows_read() == (500, 1)
    (key,) = archive_reach._known
    for restored in ({"digest": b"another"}, {"pk": newest + 1}):
        archive_reach._known[key] = archive_reach._known[key]._replace(highest=900, **restored)
        assert rows_read() == (500, 2)
