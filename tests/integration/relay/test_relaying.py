"""A relay sends each event at least once, those of one object in order, and writes down how far it has come."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from threading import Event, Thread

import pytest
from django.db import connection, connections
from django.utils import timezone

from signal_log import clock
from signal_log.conf import conf
from signal_log.errors import RelayError
from signal_log.models import DeadLetter, RelayCursor, SignalEvent
from signal_log.relay import letters, runner
from signal_log.relay.message import Delivery
from signal_log.relay.place import MovedError
from signal_log.relay.runner import office_of
from signal_log.relay.sinks.file import File
from signal_log.seal import elected
from tests.factories import insert_event, make_event, write_saves
from tests.pruned import prune_before

pytestmark = pytest.mark.django_db


def row():
    """Where the relay is."""
    return RelayCursor.objects.get(name="siem")


def all_ids():
    """The whole log."""
    return [*SignalEvent.objects.order_by("pk").values_list("pk", flat=True)]


def test_everything_once_and_in_order(relayed):
    """From the oldest event; a later run goes on where this one was, and the place says so."""
    write_saves(map(str, range(150)))
    assert relayed() == all_ids()
    assert relayed() == []
    newest = make_event()
    assert relayed() == [newest.pk]
    at = row()
    assert (at.reached, at.sent, at.failed, at.problem, at.runner) == (newest.pk, 301, 0, "", "")
    assert at.cursor.split(":")[1:] == [str(newest.pk), bytes(newest.digest).hex()[:8]]
    assert {one["uid"].rpartition("/")[2] for one in relayed.receiver.bodies} == {*map(str, all_ids())}
    assert relayed.receiver.got[-1].key == "auth.User:1"


def test_what_is_not_acknowledged_comes_again(relayed):
    """A receiver that fails, and one that takes only some: nothing is lost, and each object keeps its order."""
    events = [make_event(object_pk=str(at % 5)) for at in range(40)]
    calls = Counter()

    def answer(batch):
        calls["all"] += 1
        if calls["all"] % 3 == 1:
            return Delivery(problem="Gone for lunch.", wait=0.001)
        first_of_each = {message.key: message for message in reversed(batch)}
        return Delivery(taken=[*first_of_each.values()], problem="Slowly!")

    relayed.receiver.answer = answer
    relayed()
    assert sorted(relayed.receiver.ids) == [event.pk for event in events]
    for pk in "01234":
        of_one = [message.id for message in relayed.receiver.got if message.key == f"auth.User:{pk}"]
        assert of_one == sorted(of_one)
    assert row().failed > 0
    assert row().problem == ""
    assert row().last_error in ("Gone for lunch.", "Slowly!")
    assert any("takes events again" in said for said in relayed.said)


def test_whoever_waits_for_the_end_is_told_what_is_wrong(relayed):
    """With an end it gives up after some attempts, and the page can tell why and since when."""
    make_event()
    relayed.receiver.answer = lambda _: Delivery(problem="It answered 503.")
    with pytest.raises(RelayError, match=r"/nowhere has not taken all. It answered 503."):
        relayed()
    at = row()
    assert (at.failed, at.problem, at.reached) == (runner.TRIES_ONCE, "It answered 503.", 0)
    assert at.problem_since is not None


def test_only_what_the_filters_select(relayed):
    """The others are passed, so that the lag tells of what is to be sent."""
    for at, sender in enumerate(("auth.User", "shop.Order", "auth.User", "shop.Order")):
        make_event(sender=sender, outcome="rolled_back" if at == 2 else "committed")
    users = relayed(filters="model:auth.User outcome:committed")
    assert [message.key for message in relayed.receiver.got] == ["auth.User:1"]
    assert users == all_ids()[:1]
    assert row().reached == all_ids()[-1]


def test_refused_for_good_is_a_dead_letter(relayed):
    """It is kept without any text, the others go on, and it is sent again when somebody asks for it."""
    bad, good = make_event(object_repr="the one"), make_event()
    refusing = [True]

    def answer(batch):
        bad_ones = [message for message in batch if message.id == bad.pk and refusing[0]]
        taken = [message for message in batch if message not in bad_ones]
        return Delivery(taken, [(message, "It answered 422.") for message in bad_ones])

    relayed.receiver.answer = answer
    assert relayed() == [good.pk]
    letter = DeadLetter.objects.get()
    assert (letter.event, letter.reason, letter.attempts, str(letter)) == (
        bad.pk, "It answered 422.", 1, f"event {bad.pk} for siem",
    )  # fmt: skip
    assert relayed() == []
    assert letters.send_again(letters.of_relay("siem")) == 1
    assert relayed() == []
    letter.refresh_from_db()
    assert (letter.attempts, letter.wanted_at) == (2, None)
    letters.send_again(letters.of_relay("siem"))
    refusing[0] = False
    assert relayed() == [bad.pk]
    assert not DeadLetter.objects.exists()
    assert row().sent == 2


def test_whoever_waits_for_the_end_is_told_of_dead_letters(relay, monkeypatch):
    """What was refused for good in this run is an exit code of its own, for not all is sent."""
    first, _ = make_event(), make_event()

    def send(_, batch):
        bad = [message for message in batch if message.id == first.pk]
        return Delivery([one for one in batch if one not in bad], [(one, "It answered 422.") for one in bad])

    monkeypatch.setattr(File, "send", send)
    said = relay("siem", "--once", returncode=1, sink="file", url="/nowhere")
    assert said.startswith("1 event was refused for good: the dead letters on the page /relays/, and in the admin,")
    assert "refused" not in relay("siem", "--once")
    letters.send_again(letters.of_relay("siem"))
    relay("siem", "--once", returncode=1)


def test_a_receiver_that_refuses_all_empties_no_log_into_letters(relayed, monkeypatch):
    """After many in a row the rest waits, for it is the receiver that is wrong."""
    monkeypatch.setattr(runner, "MOST_REFUSED", 5)
    events = [make_event() for _ in range(9)]
    why = "It answered 401.\nwho is ada?"
    relayed.receiver.answer = lambda batch: Delivery(refused=[(message, why) for message in batch])
    with pytest.raises(
        RelayError, match=r"It answered 401\. So were the 5 events before it, which are dead letters now"
    ):
        relayed()
    assert DeadLetter.objects.count() == 5
    assert row().reached == events[4].pk
    relayed.receiver.answer = lambda _: None
    assert relayed() == [event.pk for event in events[5:]]


def test_one_process_runs_a_relay(relayed, lock_of_another):
    """The second says who does, and ends; it takes over when the first has ended."""
    make_event()
    relayed()
    RelayCursor.objects.update(runner="web1:77", heartbeat_at=clock.now() + timedelta(hours=1))  # a clock that jumped
    with lock_of_another:
        with pytest.raises(RelayError, match=r"run by 'web1:77' already\. Its last sign of life was 0 seconds ago"):
            relayed()
    late = make_event()
    assert relayed() == [late.pk]


@pytest.fixture
def lock_of_another():
    class Lock:
        def __enter__(self):
            self.go, self.is_there = Event(), Event()
            self.thread = Thread(target=self.hold)
            self.thread.start()
            assert self.is_there.wait(5)

        def hold(self):
            assert elected.stand(office_of("siem"))
            self.is_there.set()
            self.go.wait(10)
            elected.resign(office_of("siem"))
            connections[conf.DATABASE].close()

        def __exit__(self, *_):
            self.go.set()
            self.thread.join()

    return Lock()


def test_a_cursor_that_somebody_else_moves_ends_the_run(relayed):
    """As where a lock does not hold: what was taken is not lost, and the two do not overwrite each other."""
    make_event()

    def answer(batch):
        RelayCursor.objects.update(cursor="00000000:0:")

    relayed.receiver.answer = answer
    with pytest.raises(MovedError, match="has moved the cursor"):
        relayed()


def test_a_cursor_of_another_log_is_refused(relayed, relay, tmp_path):
    """Also where the log was rewound below it, or made anew; --reset begins again, and says so in the log."""
    first, second = make_event(), make_event()
    relayed()
    url = {"sink": "file", "url": str(tmp_path / "out"), "format": "json"}
    RelayCursor.objects.update(cursor=f"00000000:{second.pk}:{bytes(second.digest).hex()[:8]}")
    assert "of another log" in relay("siem", "--once", returncode=1, **url)
    assert "--reset" in row().problem
    good = row().cursor
    relay("siem", "--once", "--reset", "--from", second.pk)
    assert [line.split(b",")[1] for line in (tmp_path / "out").read_bytes().splitlines()] == [b'"id":%d' % second.pk]
    told = SignalEvent.objects.latest("pk")
    assert told.signal == "signal_log.exported"
    assert told.labels | {"to": ""} == {
        "action": "reset", "relay": "siem", "to": "", "format": "json", "after": first.pk,
    }  # fmt: skip
    epoch = row().cursor.partition(":")[0]
    for cursor in (f"{epoch}:{second.pk}:ffffffff", f"{epoch}:{second.pk + 10**6}:ffffffff"):
        RelayCursor.objects.update(cursor=cursor)
        assert "rewound" in relay("siem", "--once", returncode=1)
    RelayCursor.objects.update(cursor="nonsense")
    assert "damaged" in relay("siem", "--once", returncode=1)
    assert good != row().cursor


def test_events_that_were_pruned_before_they_were_sent(relayed):
    """It is said how many, and the relay goes on; a cursor whose own event was pruned still holds."""
    old = timezone.now() - timedelta(days=100)
    events = [make_event(occurred_at=old) for _ in range(3)]
    relayed()
    events += [make_event(occurred_at=old) for _ in range(4)]
    kept = make_event()
    assert prune_before(timezone.now() - timedelta(days=10)) == 7
    assert kept.pk in relayed()
    assert relayed.said == ["4 events were pruned before the relay 'siem' could send them."]
    assert (row().missed, row().problem) == (4, "")
    assert relayed() == []


def test_what_was_pruned_before_it_begins_is_not_missed(relay, tmp_path):
    """A relay that begins with a time or an id asks for nothing older; a place behind what is gone holds."""
    for _ in range(3):
        make_event(occurred_at=timezone.now() - timedelta(days=100))
    last = make_event(occurred_at=timezone.now() - timedelta(days=100))
    since = make_event(occurred_at=timezone.now() - timedelta(hours=1))
    assert prune_before(timezone.now() - timedelta(days=10)) == 4
    url = {"sink": "file", "url": str(tmp_path / "out"), "format": "json", "filters": "model:auth.User"}
    for begin in ("2h", since.pk):
        assert "1 event sent" in relay("siem", "--once", "--reset", "--from", begin, **url)
        assert row().missed == 0
    relay("siem", "--once", "--reset", "--from", last.pk, **url)
    assert row().missed == 1


def test_begin_and_replay(relay, tmp_path):
    """--from is for a relay that has never run; --replay sends again, from an id or a time on."""
    events = [make_event(occurred_at=timezone.now() - timedelta(days=9 - at)) for at in range(5)]
    out = tmp_path / "out"
    url = {"sink": "file", "url": str(out), "format": "json", "filters": "model:auth.User"}

    def sent():
        ids = [int(line.split(b",")[1][5:]) for line in out.read_bytes().splitlines()]
        out.write_bytes(b"")
        return ids

    assert "has never run" in relay("siem", "--once", "--replay", events[0].pk, returncode=2, **url)
    said = relay("siem", "--once", "--from", events[3].pk)
    assert sent() == [event.pk for event in events[3:]]
    assert f"2 events sent to {out}." in said
    assert "--replay 1" in relay("siem", "--once", "--from", 1, returncode=2)
    relay("siem", "--once", "--replay", events[1].pk)
    assert sent() == [event.pk for event in events[1:]]
    relay("siem", "--once", "--replay", "now-5d12h", returncode=2)
    relay("siem", "--once", "--replay", "156h")
    assert sent() == [event.pk for event in events[3:]]
    relay("siem", "--once", "--reset", "--from", "now")
    assert sent() == []
    assert "leave --from and --reset out" in relay("siem", "--replay", 1, "--reset", returncode=2)


def test_a_name_that_is_not_configured(relay):
    """The nearest is offered; with none configured, it is said where they are shown."""
    url = {"sink": "file", "url": "/tmp/out"}
    assert "Did you mean 'siem'? Configured: 'siem'." in relay("seim", returncode=2, **url)
    said = relay("siem", returncode=2, sink="kafak", url="x")
    assert "'sink' is 'kafak'" in said
    assert "Did you mean 'kafka'?" in said


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_is_open_holds_only_what_is_behind_it(relayed, other_connection, monkeypatch):
    """So that the order stays; it is said how many wait, and they come with it."""
    monkeypatch.setattr(runner, "SECONDS_TO_SETTLE", 0.1)
    make_event()
    relayed()
    before, slow = make_event(), other_connection()
    late = insert_event(slow)
    behind = make_event()
    ended = relayed.runner(up_to=behind.pk)
    ended.run()
    assert (relayed.receiver.ids[1:], ended.waiting) == ([before.pk], 1)
    slow.commit()
    assert relayed() == [late, behind.pk]


@pytest.mark.django_db(transaction=True)
def test_nothing_is_held_while_a_receiver_takes_its_time(relayed):
    """No transaction, and no lock on the log: the host saves as ever."""
    make_event()
    seen = []

    def answer(batch):
        seen.append(connection.in_atomic_block or not connection.get_autocommit())
        thread = Thread(target=lambda: (make_event(object_pk="99"), connections.close_all()))
        thread.start()
        thread.join(5)
        seen.append(thread.is_alive())

    relayed.receiver.answer = answer
    relayed()
    assert seen == [False, False]
    assert SignalEvent.objects.filter(object_pk="99").count() == 1
