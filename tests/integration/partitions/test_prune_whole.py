"""Pruning drops a partition of which nearly everything goes, with the same guards as it removes rows."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from signal_log import clock
from signal_log.audit import hold
from signal_log.audit.pruning import prune, whole
from signal_log.audit.pruning.partitions import described
from signal_log.audit.thing import thing
from signal_log.event import MAINTENANCE
from signal_log.models import SealTree, SignalEvent, SignalTrace
from signal_log.seal import archive
from signal_log.seal.grow import begin_tree, checkpoint, grow
from signal_log.seal.ranges import Ranges, parse_ranges
from signal_log.store import schema
from signal_log.store.append import append
from signal_log.store.partitions.layout import layout
from signal_log.store.row import TABLE
from tests.factories import event_value
from tests.integration.verified import said

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
OLD = datetime(2026, 1, 1, tzinfo=UTC)


def store(number, **fields):
    """Append so many events, a year old, and return their ids."""
    before = SignalEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    values = [event_value(**{"occurred_at": OLD, "object_pk": str(at), **fields}) for at in range(number)]
    with transaction.atomic():
        append(values, connection)
    return list(SignalEvent.objects.filter(pk__gt=before).order_by("pk").values_list("pk", flat=True))


def seal():
    """Let the tree take in all rows, with a checkpoint."""
    tree = SealTree.objects.first() or begin_tree("here/log/1")
    while grow(tree, 2**62, 300):
        pass
    checkpoint(tree)


def run(*args):
    """Return what the command prints."""
    out = StringIO()
    call_command("signal_prune", *args, stdout=out)
    return out.getvalue()


def named():
    """The rows that prunes have named."""
    rows = Ranges()
    for event in SignalEvent.objects.filter(signal=MAINTENANCE, source="command:signal_prune"):
        rows.update(parse_ranges(event.labels["events"]))
    return rows


def names():
    return [one.name for one in layout(connection).ranges]


@pytest.fixture
def three(settings, converted):
    """Three partitions of old events: the ids of each, and events of today in the last."""
    settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "SEAL_KEYS": []}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT setval('{TABLE}_id_seq', 1, false)")
    store(1, signal="signal_log.held", sender="nothing.Known")  # of a kind that is never pruned
    converted(1_000)
    ids = [store(1_000), store(1_000), store(500)]
    store(2, occurred_at=clock.now())
    return ids


def test_a_partition_goes_with_what_is_in_it(three, tmp_path):
    """What a hold and its kind keep stays, in one small partition at the bottom; an event names the rest, as ever."""
    assert names()[:2] == [f"{TABLE}_p1", f"{TABLE}_p2001"]
    held = SignalEvent.objects.get(pk=three[0][7])
    hold.hold("court", thing=thing("auth.User", held.object_pk))
    seal()
    trace = SignalTrace.objects.create(
        trace_id=SignalEvent.objects.get(pk=three[0][3]).trace_id, source="http", name="GET /", started_at=OLD,
        duration_us=1, events=1, operations=1, failed=0, silent=0, slowest_us=0,
    )  # fmt: skip
    kept = list(SignalEvent.objects.filter(object_pk="7").order_by("pk").values())
    out = run("--keep-days", "90", "--archive", str(tmp_path))
    assert "Pruned 2,497 events (2 to " in out
    assert "Dropped 1 partition for it." in out
    assert "Kept: 3 events by hold" in out
    first = layout(connection).ranges[0]
    assert (first.name, first.low) == (f"{TABLE}_kept_1_2001", 1)
    assert list(SignalEvent.objects.filter(object_pk="7").order_by("pk").values()) == kept
    assert named().count == 2_497
    assert not SignalTrace.objects.filter(pk=trace.pk).exists()
    assert sum(one.events for one in archive.manifests(tmp_path)) == 2_497
    assert archive.find_event(tmp_path, three[1][0])[1].holds
    assert (schema.missing(connection), schema.idle_triggers(connection)) == ([], [])
    code, result = said(archive=[tmp_path])
    assert (code, result["findings"]) == (0, [])
    code, result = said()
    assert (code, result["findings"]) == (0, [])


def test_later_ones_join_what_stayed(three):
    """Whenever they are pruned, there is one small partition at the bottom; without an archive one event names many."""
    young = list(SignalEvent.objects.filter(occurred_at__gt=OLD).values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT setval('{TABLE}_id_seq', 3000)")
    store(1, signal="signal_log.held", sender="nothing.Known")
    seal()
    assert "Dropped 2 partitions for it." in run("--before", "2026-06-01")
    assert names()[:2] == [f"{TABLE}_kept_1_3001", f"{TABLE}_p3001"]
    assert SignalEvent.objects.filter(pk__in=young).count() == len(young) == 2
    assert SignalEvent.objects.filter(source="command:signal_prune").count() == 2
    store(950)
    store(200, occurred_at=clock.now())
    seal()
    assert "Dropped 1 partition for it." in run("--before", "2026-06-01")
    assert names()[0] == f"{TABLE}_kept_1_4001"
    code, result = said()
    assert (code, result["findings"]) == (0, [])


def test_without_a_moment_for_it_they_go_row_by_row(three, other_connection, monkeypatch, settings):
    """Somebody reads the log for long: the same events go, the partitions stay, and the next prune drops them."""
    monkeypatch.setattr(whole, "PATIENCE", 0.2)
    seal()
    reader = other_connection()
    reader.execute(f"SELECT count(*) FROM {TABLE}")  # noqa: S608
    before = names()
    out = run("--keep-days", "90")
    assert "Pruned 2,500 events" in out
    assert "Not dropped: 1 partition, which the next prune tries again. Others hold the log's table" in out
    assert names() == before
    assert named().count == 2_500
    assert "Not dropped: 1 partition, which the next prune tries again. Others hold" in run("--keep-days", "90")
    reader.rollback()
    assert described()[0].droppable is False  # as everything is kept by the settings
    settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "RETENTION_DAYS": 90}
    assert [one.droppable for one in described()[:2]] == [True, False]
    left = list(SignalEvent.objects.order_by("pk").values())
    assert "Dropped 1 partition that earlier prunes had emptied." in run()
    assert list(SignalEvent.objects.order_by("pk").values()) == left
    assert names()[:2] == [f"{TABLE}_kept_1_2001", before[1]]
    assert "artition" not in run()
    assert (schema.missing(connection), schema.idle_triggers(connection)) == ([], [])
    assert said()[0] == 0


@pytest.mark.parametrize("change", ["hold", "row"])
def test_a_change_meanwhile_is_not_lost(three, monkeypatch, change):
    """What is held after rows were looked at sends them the slow way, which asks again; a lost row stays a finding."""
    seal()
    staying = whole.Wholes.staying

    def late(self, one):
        monkeypatch.setattr(whole.Wholes, "staying", staying)
        if change == "hold":
            transaction.on_commit(lambda: None)
            told(one)
        return staying(self, one)

    def told(one):
        SignalEvent.objects.count()
        store(1, signal="signal_log.held", sender="nothing.Known")

    if change == "row":
        execute = connection.cursor().execute
        execute(f"ALTER TABLE {TABLE} DISABLE TRIGGER USER")
        execute(f"DELETE FROM {TABLE} WHERE id = {three[0][50]}")  # noqa: S608
        execute(f"ALTER TABLE {TABLE} ENABLE TRIGGER USER")
        assert said()[0] == 1
        run("--keep-days", "90")
        assert said()[0] == 1
        return
    monkeypatch.setattr(whole.Wholes, "staying", late)
    before = names()
    run("--keep-days", "90")
    assert names() == before  # row by row, which asks for each again
    assert named().count == 2_500


def test_nothing_is_dropped_that_is_not_sealed(three):
    """Nor the partition of the newest events."""
    with pytest.raises(Exception, match="Nothing is sealed"):
        run("--keep-days", "90")
    tree = begin_tree("here/log/1")
    grow(tree, three[0][600], 300)
    grow(tree, three[0][600], 300)
    grow(tree, three[0][600], 300)
    checkpoint(tree)
    before = names()
    out = run("--keep-days", "90")
    assert "partition" not in out
    assert names() == before
    assert prune.Pruned().partitions == 0
