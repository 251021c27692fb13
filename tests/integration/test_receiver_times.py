"""How long each receiver usually takes: read from the newest events by primary key, and shown beside each run."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from signal_log.models import SignalEvent
from signal_log.show.trace import receivers
from signal_log.show.trace.percentiles import Percentiles
from signal_log.show.trace.receivers import calls
from signal_log.store import receiver_times
from signal_log.store.receiver_times import newest_id, newest_receivers
from tests.factories import event_value, make_event

pytestmark = pytest.mark.django_db

RESTOCK = "shop.signals.restock"
MAIL = "shop.signals.mail"


def run(us: int, name: str = RESTOCK, error: str = "") -> dict[str, Any]:
    """Return a receiver's run as an event records it."""
    return {"receiver": name, "duration_us": us, "error": error}


def many(number: int, *runs: dict[str, Any], sender: str = "shop.Item", signal: str = "post_save") -> None:
    """Create this many events in which these receivers ran."""
    value = event_value(sender=sender, signal=signal, receivers=list(runs))
    SignalEvent.objects.bulk_create(
        SignalEvent(**value._replace(trace_id=uuid.uuid4())._asdict()) for _ in range(number)
    )


def slow_event() -> SignalEvent:
    """Create one event among 100 fast ones: mailing took 40 ms, restocking as long as always."""
    many(100, run(300), run(400, MAIL))
    return make_event(sender="shop.Item", receivers=[run(300), run(40_000, MAIL)], duration_us=40_300)


def test_the_newest_of_the_kind_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only events of this signal and sender are read, newest first, up to the limit and none below the window."""
    monkeypatch.setattr(receiver_times, "LIMIT", 3)
    monkeypatch.setattr(receiver_times, "WINDOW", 8)
    many(5, run(1))
    for us in (2, 3):
        many(1, run(us))
    many(2, run(9), sender="shop.Category")
    many(2, run(9), signal="pre_save")
    read = newest_receivers("post_save", "shop.Item", newest_id())
    assert [column[0]["duration_us"] for column in read.values()] == [3, 2, 1]
    many(6, run(9), sender="shop.Category")
    assert newest_receivers("post_save", "shop.Item", newest_id()) == {}


def test_no_row_is_read_but_by_the_key() -> None:
    """The index on sender is not used, because a common model would be read whole and sorted."""
    many(30, run(1))
    with CaptureQueriesContext(connection) as queries:
        newest_receivers("post_save", "shop.Item", newest_id())
    statement = queries[-1]["sql"]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
            plan = " ".join(str(row[-1]) for row in cursor.fetchall())
            assert "USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in plan
        else:
            # The table is tiny here and its statistics depend on other tests, so only the order is asserted.
            for way in ("seqscan", "bitmapscan", "sort"):
                cursor.execute(f"SET LOCAL enable_{way} = off")
            cursor.execute(f"EXPLAIN {statement}")
            plan = " ".join(str(row[0]) for row in cursor.fetchall())
            assert "Index Scan Backward using signal_log_signalevent_pkey" in plan
    assert "signal_log_object" not in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan


def test_an_event_shows_its_slowest_receiver_on_top(mira: Client) -> None:
    """It is shown with its place among the calls, its p50 and p99, and a mark if it is slow."""
    event = slow_event()
    before, _, page = mira.get(f"/events/{event.pk}/").content.decode().partition("Receivers, slowest first")
    assert "slow, 100 " in before  # among its effects, in order of time
    assert page.index(MAIL) < page.index(RESTOCK)
    for expected in ("call 2 of 2", "40.0 ms", "p50 400 µs · p99 400 µs · n=100", "slow, 100 ",
                 "p50 300 µs · p99 300 µs · n=100"):  # fmt: skip
        assert expected in page, expected
    assert page.count("slow,") == 1
    assert page.count('<svg class="spread') == 2


def test_a_small_number_of_runs_is_stated(mira: Client) -> None:
    """The first event of a kind has nothing to be compared with, the second has one other run."""
    event = make_event(sender="shop.Item", receivers=[run(300)])
    assert "no other recent runs" in mira.get(f"/events/{event.pk}/").content.decode()
    many(1, run(200))
    page = mira.get(f"/events/{event.pk}/").content.decode()
    assert "p50 200 µs · n=1, too few for p99" in page
    assert '<svg class="spread' not in page


def test_the_panel_asks_for_one_event(mira: Client) -> None:
    """The runs are in the order of the calls, as numbers and as text."""
    event = slow_event()
    answer = mira.get(f"/events/{event.pk}/?format=receivers")
    assert answer["Cache-Control"] == "no-store"
    restock, mail = answer.json()["receivers"]
    assert restock["receiver"] == RESTOCK
    assert restock["usual"] == {"number": 100, "p50_us": 300, "p99_us": 300}
    assert restock["standing"]["slow"] is False
    assert mail["standing"]["text"] == "p50 400 µs · p99 400 µs · n=100"
    assert (mail["standing"]["slow"], mail["standing"]["times"], mail["standing"]["at"]) == (True, 100, 100)
    assert mira.get("/events/999999999/?format=receivers").status_code == 404


def test_only_observers_are_answered(mira: Client) -> None:
    """As on every page of the log, only people with the permission get an answer."""
    event = slow_event()
    address = f"/events/{event.pk}/?format=receivers"
    assert Client().get(address).status_code == 302
    stranger = Client()
    stranger.force_login(User.objects.create_user("eve"))
    assert stranger.get(address).status_code == 403
    assert mira.get(address).status_code == 200


def test_a_run_is_compared_with_others_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event itself is left out if it is among the newest; an older one is not read anyway."""
    event = slow_event()
    _, mail = calls(event)
    for number in (100, 101):
        sampled = receivers.known_for([event])["post_save", "shop.Item"]
        usual = receivers.percentiles_of(event, mail, sampled)
        assert usual == Percentiles(number, 400, 400)
        many(101, run(300), run(400, MAIL))
        monkeypatch.setattr(receiver_times, "LIMIT", 101)


def test_events_without_receivers_cost_no_look(mira: Client) -> None:
    """Most events of most projects have no receivers."""
    event = make_event(receivers=[])
    with CaptureQueriesContext(connection) as queries:
        assert mira.get(f"/events/{event.pk}/?format=receivers").json() == {"receivers": []}
    assert sum("signal_log_signalevent" in query["sql"] for query in queries) == 1  # for the event itself


def test_a_page_with_many_kinds_looks_up_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of lookups is limited, and so is their time."""
    found = [make_event(sender=f"shop.Model{n}", receivers=[run(n * 10)]) for n in range(5)]
    monkeypatch.setattr(receivers, "MAX_KINDS", 2)
    assert set(receivers.known_for(found)) == {("post_save", "shop.Model4"), ("post_save", "shop.Model3")}
    monkeypatch.setattr(receivers, "SECONDS", -1)
    assert set(receivers.known_for(found)) == {("post_save", "shop.Model4")}


@pytest.mark.parametrize("recorded", [None, {}, "x", [1], [{"receiver": None, "duration_us": "1"}], [{}]])
def test_a_strange_row_is_shown(mira: Client, recorded: Any) -> None:
    """A receiver column of any JSON shape is shown, even in rows this app did not write."""
    event = make_event(sender="shop.Item", receivers=[run(300)])
    value = event_value(sender="shop.Item")._asdict() | {"receivers": recorded if recorded is not None else []}
    strange = SignalEvent.objects.bulk_create([SignalEvent(**value)])[0]
    for pk in (event.pk, strange.pk):
        assert mira.get(f"/events/{pk}/").status_code == 200
        assert mira.get(f"/events/{pk}/?format=receivers").status_code == 200
