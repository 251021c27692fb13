"""Pruning: only what is old, sealed and not held goes, an event names it, and it is still proved afterwards."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import override_settings

from signal_log import clock
from signal_log.audit import hold
from signal_log.audit.pruning import prunable, prune
from signal_log.audit.pruning.retention import Retention, of_days
from signal_log.audit.redaction import redact
from signal_log.audit.redaction.whom import find
from signal_log.audit.thing import thing
from signal_log.errors import RedactionError
from signal_log.event import MAINTENANCE
from signal_log.models import ReceiverCall, SealCheckpoint, SealTree, SignalEvent, SignalTrace
from signal_log.seal import archive, merkle
from signal_log.seal.grow import grow
from signal_log.seal.ranges import Ranges, parse_indexes, parse_ranges
from signal_log.seal.stored import node
from signal_log.store.follow import Follower
from signal_log.tail.catchup import check_cursor
from signal_log.tail.cursor import Anchor, Token
from tests.pruned import OLD, seal, store
from tests.settings import SIGNAL_LOG

pytestmark = pytest.mark.django_db


def run(*args: str) -> str:
    """Return what the command prints."""
    out = StringIO()
    call_command("signal_prune", *args, stdout=out)
    return out.getvalue()


def told() -> tuple[Ranges, Ranges]:
    """Rows and leaves of the first generation that prunes have named."""
    rows, leaves = Ranges(), Ranges()
    for event in SignalEvent.objects.filter(signal=MAINTENANCE, source="command:signal_prune"):
        rows.update(parse_ranges(event.labels["events"]))
        leaves.update(parse_indexes(event.labels["indexes"])[1])
    return rows, leaves


def test_what_is_old_and_sealed_goes_and_an_event_names_it(tmp_path):
    """Batch by batch, archived first; the tree and the newest row stay, and each event is proved by the archive."""
    old = store(700)
    store(3, occurred_at=clock.now())
    tree = seal()
    store(5)
    trace = SignalTrace.objects.create(
        trace_id=old[3].trace_id, source="http", name="GET /", started_at=OLD, duration_us=1, events=1, operations=1,
        failed=0, silent=0, slowest_us=0,
    )  # fmt: skip
    said = run("--keep-days", "90", "--archive", str(tmp_path / "archive"))
    assert "Pruned 700 events (" in said
    assert "Kept: 5 events not sealed yet" in said
    assert not SignalEvent.objects.filter(pk__in=[event.pk for event in old]).exists()
    assert told() == (Ranges([(old[0].pk, old[-1].pk)]), Ranges([(0, 699)]))
    assert not SignalTrace.objects.filter(trace_id=trace.trace_id).exists()
    manifests = archive.manifests(tmp_path / "archive")
    events = SignalEvent.objects.filter(signal=MAINTENANCE)
    assert {event.labels["archive"] for event in events} == {str(tmp_path / "archive" / one.name) for one in manifests}
    assert {event.labels["why"] for event in events} == {"older than 90 days"}
    for event in (old[0], old[300], old[699]):
        manifest, line = archive.find_event(tmp_path / "archive", event.pk)
        assert line.holds
        assert line.event["object_pk"] == event.object_pk
        proof = merkle.inclusion_proof(line.index, tree.size, node(tree))
        assert merkle.verify_inclusion(line.index, tree.size, line.leaf, proof, bytes(tree.root))
        assert manifest.origin == "here/log/1"
    assert run("--keep-days", "90") == "Pruned 0 events.\nKept: 5 events not sealed yet\n"


def test_why_nothing_went_is_said():
    """By the age of what is there: the one that was given may be a slip."""
    oldest = store(3)[0]
    seal()
    said = f"The oldest that may go happened {oldest.occurred_at:%Y-%m-%d %H:%M:%S} (UTC)."
    assert run("--keep-days", "36500") == f"Pruned 0 events. {said}\n"


def test_a_cut_is_where_tiles_end(tmp_path, monkeypatch):
    """So that a stranger can compare each file's root with the tree; what stays is there by its leaf alone."""
    monkeypatch.setattr(prune, "TILES_A_FILE", 1)
    old = store(600)
    hold.hold("court", thing=thing("auth.User", "5"))
    seal()
    said = run("--keep-days", "1", "--archive", str(tmp_path))
    assert "Kept: 3 events by hold" not in said
    assert "Kept: 1 event by hold" in said
    manifests = archive.manifests(tmp_path)
    assert [(one.first, one.last) for one in manifests][:2] == [(0, 255), (256, 511)]
    assert manifests[0].events == 255
    lines = list(archive.lines(tmp_path, manifests[0]))
    assert [line.index for line in lines if line.id is None] == [5]
    assert SignalEvent.objects.get(object_pk="5").pk == old[5].pk


def test_what_is_kept():
    """Events of maintenance, holds and seals, the newest row, and models whose days are longer."""
    kept = store(1, signal=MAINTENANCE)[0], store(1, signal="signal_log.held")[0]
    gone = store(2, sender="shop.Item")
    longer = store(2, sender="shop.Ticket")
    proxy = store(1, sender="shop.CheapItem")
    seal(signed=False)
    days = {"shop.Item": 10, "shop.Ticket": 100_000}
    with override_settings(SIGNAL_LOG={**SIGNAL_LOG, "RETENTION_DAYS": days}):
        run()
        assert set(SignalEvent.objects.exclude(source="command:signal_prune")) == {*kept, *longer, *proxy[-1:]}
        run()  # the newest row then is the event of the first prune
        assert set(SignalEvent.objects.exclude(source="command:signal_prune")) == {*kept, *longer}
    assert gone
    newest = SignalEvent.objects.order_by("-pk")[0]
    assert newest.signal == MAINTENANCE


def test_an_operation_goes_as_a_whole(monkeypatch):
    """Neither without what a hold keeps, nor before its second event is old, wherever that stands."""
    monkeypatch.setattr(prune, "TILES_A_FILE", 1)
    trace = uuid.uuid4()

    def part(operation: int, **fields) -> int:
        return store(1, **{"trace_id": trace, "operation": operation, "position": operation, **fields})[0].pk

    held = [part(1, object_pk=""), part(1, position=2, object_pk="77")]
    young = part(3)
    together = [part(5), part(6, sender="shop.Item")]
    store(300, object_pk="x")
    held += [part(1, position=9, object_pk="")]
    young = [young, part(3, position=4, occurred_at=clock.now())]
    together += [part(5, position=8)]
    store(1, occurred_at=clock.now())
    hold.hold("court", thing=thing("auth.User", "77"))
    seal()
    assert "Kept: 3 events by hold" in run("--keep-days", "1")
    left = set(SignalEvent.objects.filter(trace_id=trace).values_list("pk", flat=True))
    assert left == {*held, *young}
    assert not left.intersection(together)


def test_days_by_model():
    """The label itself first, then others of the same rows, then the rest."""
    days = of_days({"shop.Item": 10, "*": 5, "shop.Ticket": None})
    now = clock.now()
    assert now - days.kept_from("shop.item") - timedelta(days=10) < timedelta(seconds=5)
    assert days.kept_from("shop.CheapItem") == days.kept_from("shop.Item")
    assert days.kept_from("shop.Ticket") is None
    assert days.latest == days.kept_from("auth.User") > days.kept_from("shop.Item")
    assert of_days(None) == Retention()
    assert of_days(None).latest is None


@pytest.mark.parametrize("batch", [1, 2])
def test_an_interrupted_prune_loses_nothing(monkeypatch, tmp_path, batch):
    """Killed before a batch, its rows are there and the archive has them; run again, there is one archive of each."""
    monkeypatch.setattr(prune, "ROWS_A_BATCH", 200)
    old = store(300)
    seal()
    real, calls = prune.maintenance, []

    def killed(*args, **options):
        calls.append(args)
        if len(calls) == batch:
            raise KeyboardInterrupt
        return real(*args, **options)

    monkeypatch.setattr(prune, "maintenance", killed)
    with pytest.raises(CommandError) as caught:
        run("--keep-days", "1", "--archive", str(tmp_path))
    assert caught.value.returncode == 130
    assert SignalEvent.objects.filter(pk__lte=old[-1].pk).count() == 300 - 200 * (batch - 1)
    monkeypatch.setattr(prune, "maintenance", real)
    run("--keep-days", "1", "--archive", str(tmp_path))
    assert told()[0] in (Ranges([(old[0].pk, last)]) for last in (old[-1].pk, old[-1].pk - 1))
    archived = Ranges()
    for manifest in archive.manifests(tmp_path):
        assert all(line.holds for line in archive.lines(tmp_path, manifest))
        archived.update(parse_ranges(manifest.ids))
    assert archived.without(told()[0]).count == 0
    assert told()[0].without(archived).count == 0


def test_only_what_a_signed_checkpoint_states_goes():
    """With a key, leaves after the newest signed checkpoint stay; without any key, the tree itself is enough."""
    store(10)
    seal()
    store(5)
    tree = SealTree.objects.get()
    grow(tree, 2**62)
    assert "Pruned 10 events" in run("--keep-days", "1")
    SealCheckpoint.objects.update(note="")
    with override_settings(SIGNAL_LOG={**SIGNAL_LOG, "SEAL_KEYS": ["key"]}), pytest.raises(CommandError):
        run("--keep-days", "1")
    assert "Pruned 5 events" in run("--keep-days", "1")


def test_tampered_rows_stay(monkeypatch):
    """A row that does not give its digest, or that the tree does not have, is evidence: it is named, and kept."""
    old = store(5)
    seal()
    monkeypatch.setattr(prunable, "_holds", lambda row: row.pk != old[2].pk)
    with pytest.raises(CommandError) as caught:
        run("--keep-days", "1")
    assert caught.value.returncode == 1
    assert [event.pk for event in SignalEvent.objects.filter(occurred_at=OLD)] == [old[4].pk, old[2].pk]


def test_a_hold_that_comes_meanwhile_stops_it(monkeypatch):
    """Nothing of the batch is gone, and no event says so."""
    store(5)
    seal()
    held = hold.hold("court", thing=thing("auth.User", "1"))
    monkeypatch.setattr(hold, "current", lambda: hold.Holds(()))
    monkeypatch.setattr(hold, "current_until_commit", lambda: hold.Holds([held]))
    with pytest.raises(CommandError, match="Meanwhile hold"), transaction.atomic():
        run("--keep-days", "1")
    assert SignalEvent.objects.filter(occurred_at=OLD).count() == 5
    assert not SignalEvent.objects.filter(signal=MAINTENANCE).exists()


@pytest.mark.postgresql
def test_a_role_that_may_only_add_is_told_so():
    """In one sentence, before anything is looked for, for a redaction too; a look is allowed."""
    store(3)
    seal()
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE adds_only; GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO adds_only")
        cursor.execute("SET ROLE adds_only")
        try:
            with pytest.raises(CommandError, match="role adds_only may add to the log and not change it") as caught:
                run("--keep-days", "1")
            assert caught.value.returncode == 2
            whom = find("auth.User", "1")
            with pytest.raises(RedactionError, match="as `migrate` does"):
                redact.redact(whom, "a file")
            assert redact.redact(whom, "a file", dry_run=True).erased
        finally:
            cursor.execute("RESET ROLE; DROP OWNED BY adds_only; DROP ROLE adds_only")
    assert SignalEvent.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_live_page_that_stood_at_a_pruned_event_is_told_that_it_expired():
    """Also where an older event was kept; a row that nobody pruned is missing for another reason."""
    kept, old, later = store(1, signal=MAINTENANCE)[0], *store(2)
    seal()
    follower = Follower()
    with ThreadPoolExecutor(1) as thread:  # a follower replaces its thread's connection

        def check(token):
            return thread.submit(check_cursor, follower, token, token.epoch).result()

        token = Token(thread.submit(follower.epoch).result(), Anchor(old.pk, bytes(old.digest).hex()[:8]))
        assert check(token) is None
        unknown = Token(token.epoch, Anchor(old.pk, "00000000"))
        assert check(unknown) == ("rewound", kept.pk)
        run("--keep-days", "1")
        assert check(token) == ("expired", kept.pk)
        ahead = Token(token.epoch, Anchor(later.pk + 1000, "00000000"))
        assert check(ahead) == ("rewound", kept.pk)
        thread.submit(follower.close).result()


def test_two_at_once_do_not_name_a_row_twice():
    """Who comes second finds the rows gone, and takes back its event."""
    store(5)
    seal()
    first = prune.Run(of_days(1), why="a test")
    second = prune.Run(of_days(1), why="a test")
    stale = second.prunable.below
    found = stale(*arguments(second))
    list(first.steps())
    second.prunable.below = lambda *_: found
    with pytest.raises(RedactionError, match="Another prune"), transaction.atomic():
        list(second.steps())
    assert SignalEvent.objects.filter(signal=MAINTENANCE).count() == 1


def arguments(run):
    """What a run looks through first."""
    tree = SealTree.objects.get()
    newest = SignalEvent.objects.order_by("-pk")[0].pk
    return tree, list(tree.tiles.filter(level=0)), tree.size, newest


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), 'Everything is kept: SIGNAL_LOG."RETENTION_DAYS". is not set. Give --keep-days N or --before TIME'),
        (("--keep-days", "0"), "--keep-days 0 is no number of days"),
        (("--keep-days", "soon"), "is no number of days"),
        (("--before", "yesterday"), "must be a date"),
        (("--before", "2999-01-01"), "in the future: .* UTC, so 2999-01-01 00:00:00 there, where it is 20.* now"),
        (("--keep-days", "1", "--model", "auth.Usr"), "There is no model 'auth.Usr'"),
        (("--keep-days", "1"), "Nothing is sealed"),
    ],
)
def test_bad_input(args, words):
    """One sentence, status 2, and nothing removed."""
    store(2)
    with pytest.raises(CommandError, match=words) as caught:
        run(*args)
    assert caught.value.returncode == 2
    assert SignalEvent.objects.count() == 2


def test_an_archive_that_cannot_be_written_keeps_everything(tmp_path):
    """A damaged manifest, or a file in the place of the folder."""
    store(3)
    seal()
    (tmp_path / "file").write_text("")
    (tmp_path / "g1-0-255.json").write_text("{")
    for given, words in {"file": "is no archive", "": "is no JSON", "file/below": "could not be written"}.items():
        with pytest.raises(CommandError, match=words) as caught:
            run("--keep-days", "1", "--archive", str(tmp_path / given))
        assert caught.value.returncode == 2
    assert SignalEvent.objects.count() == 3
    assert not ReceiverCall.objects.exists()
