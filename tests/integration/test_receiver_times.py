"""How long each receiver usually takes: read from its newest calls by index, and shown beside each run."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from signal_log import clock
from signal_log.models import ReceiverCall, SignalEvent, SignalTrace
from signal_log.show.trace import receivers
from signal_log.show.trace.percentiles import Percentiles
from signal_log.telemetry import read
from tests.factories import calls_of, event_value, make_event

pytestmark = pytest.mark.django_db

RESTOCK = "shop.signals.restock"
MAIL = "shop.signals.mail"


def run(us: int, name: str = RESTOCK, error: str = "") -> dict[str, Any]:
    """Return a receiver's run as telemetry has it."""
    return {"receiver": name, "duration_us": us, "error": error}


def many(number: int, *runs: dict[str, Any], sender: str = "shop.Item", signal: str = "post_save") -> None:
    """Store the calls of this many events in which these receivers ran."""
    calls = []
    for _ in range(number):
        value = event_value(sender=sender, signal=signal, trace_id=uuid.uuid4())
        calls += calls_of(SignalEvent(**value._asdict()), runs)
    ReceiverCall.objects.bulk_create(calls)


def slow_event(ms: int = 150) -> SignalEvent:
    """Create one event among 100 fast ones: mailing took so long, restocking as long as always."""
    many(100, run(300), run(400, MAIL))
    event = make_event(sender="shop.Item", receivers=[run(300), run(ms * 1_000, MAIL)])
    SignalTrace.objects.create(
        trace_id=event.trace_id, source="http", name="POST /", started_at=event.occurred_at, duration_us=400_000,
        status="200", events=2, operations=1, failed=0, silent=0, slowest_us=ms * 1_000,
    )  # fmt: skip
    return event


def test_the_newest_of_the_kind_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only calls of this receiver for this signal and sender are read, newest first, up to the limit."""
    monkeypatch.setattr(read, "LIMIT", 3)
    many(5, run(1))
    for us in (2, 3):
        many(1, run(us), run(9, MAIL))
    many(2, run(9), sender="shop.Category")
    many(2, run(9), signal="pre_save")
    assert list(read.newest_durations(RESTOCK, "post_save", "shop.Item").values()) == [3, 2, 1]


def test_the_calls_of_many_events_are_read_at_once() -> None:
    """One query a trace, in the order of the calls; an event without receivers gets an empty list."""
    trace = uuid.uuid4()
    events = [
        make_event(trace_id=trace, position=position, receivers=[run(position), run(9, MAIL)] if position % 2 else [])
        for position in range(1, 20)
    ]
    many(3, run(1))
    with CaptureQueriesContext(connection) as queries:
        read.add_calls(events)
        found = [[(call.receiver, call.duration_us) for call in event.calls] for event in events]
    assert len(queries) == 1
    assert found == [[(RESTOCK, n), (MAIL, 9)] if n % 2 else [] for n in range(1, 20)]
    fresh = SignalEvent.objects.get(pk=events[0].pk)
    assert fresh.receivers == [run(1) | {"queries": 0}, run(9, MAIL) | {"queries": 0}]


def test_an_event_shows_its_slowest_receiver_on_top(mira: Client) -> None:
    """It is shown with its place among the calls, its p50 and p99, and a mark if it is slow."""
    event = slow_event()
    before, _, page = mira.get(f"/events/{event.pk}/").content.decode().partition("Receivers, slowest first")
    assert "375 × p50" in before  # among its effects, in order of time
    assert page.index(MAIL) < page.index(RESTOCK)
    for expected in ("call 2 of 2", "150 ms", "p50 400 µs · p99 400 µs · n=100", "slow, 375 ",
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
    assert restock["standing"]["unusual"] is restock["slow"] is False
    assert mail["standing"]["text"] == "p50 400 µs · p99 400 µs · n=100"
    assert (mail["standing"]["unusual"], mail["standing"]["times"], mail["standing"]["at"]) == (True, 375, 100)
    assert mail["slow"] is True
    assert mira.get("/events/999999999/?format=receivers").status_code == 404


@pytest.mark.parametrize(("ms", "slow"), [(99, True), (80, True), (79, False)])
def test_slow_is_what_the_page_of_its_trace_says(mira: Client, ms: int, slow: bool) -> None:
    """A fifth of a trace of 400 ms, however unusual; what a receiver caused does not count as its own time."""
    event = slow_event(ms)
    page = mira.get(f"/events/{event.pk}/").content.decode().partition("Receivers, slowest first")[2]
    trace = mira.get(f"/traces/{event.trace_id}/").content.decode()
    told = mira.get(f"/events/{event.pk}/?format=receivers").json()["receivers"][1]
    assert ('class="slow"' in page, 'class="slow"' in trace, told["slow"]) == (slow, slow, slow)
    assert (f"{ms * 10 // 4} × p50" in page, told["standing"]["unusual"]) == (True, True)


def test_the_time_of_what_a_receiver_caused_is_not_its_own(mira: Client) -> None:
    """A receiver of 150 ms that saved for 100 of them is not slow itself."""
    trace, now = uuid.uuid4(), clock.now()
    outer = make_event(trace_id=trace, occurred_at=now, receivers=[run(150_000)])
    about = {"trace_id": trace, "operation": 3, "parent_position": 2, "caused_by": RESTOCK, "sender": "shop.Item"}
    make_event(**about, signal="pre_save", position=3, occurred_at=now + timedelta(milliseconds=10))
    make_event(**about, position=4, occurred_at=now + timedelta(milliseconds=110))
    (told,) = mira.get(f"/events/{outer.pk}/?format=receivers").json()["receivers"]
    assert (told["duration_us"], told["slow"]) == (150_000, False)
    assert 'class="slow"' not in mira.get(f"/events/{outer.pk}/").content.decode()


def test_the_history_tells_the_calls_of_what_it_selects(mira: Client) -> None:
    """Newest event first, in the order of the calls, with each call's event; page by page, like the events."""
    make_event(sender="shop.Category", receivers=[run(1)])
    first = make_event(sender="shop.Item", receivers=[run(300), run(400, MAIL, "OSError: no route")])
    second = make_event(sender="shop.Item", receivers=[run(200)])
    told = mira.get("/events/?format=receivers&sender=shop.Item").json()
    assert [(one["event"], one["receiver"], one["duration_us"], one["error"]) for one in told["receivers"]] == [
        (second.pk, RESTOCK, 200, ""), (first.pk, RESTOCK, 300, ""), (first.pk, MAIL, 400, "OSError: no route"),
    ]  # fmt: skip
    assert told["complete"] is True
    page = mira.get("/events/?format=receivers&sender=shop.Item&size=1").json()
    assert [one["event"] for one in page["receivers"]] == [second.pk]
    page = mira.get(f"/events/?format=receivers&sender=shop.Item&before={page['older']}").json()
    assert {one["event"] for one in page["receivers"]} == {first.pk}
    assert mira.get("/events/?format=receivers&size=0").json()["problems"].keys() == {"size"}


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
    """The call itself is left out if it is among the newest; an older one is not read anyway."""
    event = slow_event()
    _, mail = event.calls
    for number in (100, 101):
        sampled = receivers.known_for([event])[MAIL, "post_save", "shop.Item"]
        usual = receivers.percentiles_of(mail, sampled)
        assert usual == Percentiles(number, 400, 400)
        many(101, run(300), run(400, MAIL))
        monkeypatch.setattr(read, "LIMIT", 101)


def test_events_without_receivers_cost_no_look(mira: Client) -> None:
    """Most events of most projects have no receivers."""
    event = make_event(receivers=[])
    with CaptureQueriesContext(connection) as queries:
        assert mira.get(f"/events/{event.pk}/?format=receivers").json() == {"receivers": []}
    # One for the event itself, one for its calls.
    assert sum("signal_log_" in query["sql"] for query in queries) == 2


def test_a_page_with_many_kinds_looks_up_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of lookups is limited, and so is their time."""
    found = [make_event(sender=f"shop.Model{n}", receivers=[run(n * 10)]) for n in range(5)]
    monkeypatch.setattr(receivers, "MAX_KINDS", 2)
    assert [sender for _, _, sender in receivers.known_for(found)] == ["shop.Model4", "shop.Model3"]
    monkeypatch.setattr(receivers, "SECONDS", -1)
    assert [sender for _, _, sender in receivers.known_for(found)] == ["shop.Model4"]


def test_a_receiver_that_raised_after_the_commit_undid_nothing(mira: Client) -> None:
    """The pages of the event and of its trace say that the change stays committed; those of undone work do not."""
    said = "The change stays committed"
    trace = uuid.uuid4()
    raised = make_event(trace_id=trace, receivers=[run(300, error="OSError: no mail")])
    undone = make_event(outcome="rolled_back", receivers=[run(300, error="OSError: no mail")])
    assert said in mira.get(f"/events/{raised.pk}/").content.decode()
    assert said not in mira.get(f"/events/{undone.pk}/").content.decode()
    page = mira.get(f"/traces/{trace}/").content.decode()
    assert "OSError: no mail · the change stays committed" in page
    assert "1 receiver error" in page
    (told,) = mira.get(f"/events/{raised.pk}/?format=receivers").json()["receivers"]
    assert (told["stands"], told["error"], told["queries"]) == (True, "OSError: no mail", 0)


def test_telemetry_that_is_gone_leaves_no_zeros(mira: Client) -> None:
    """Without calls, because there were none or they were pruned, a page shows no duration instead of zero."""
    event = make_event()
    page = mira.get(f"/events/{event.pk}/").content.decode()
    assert "in its receivers" not in page
    assert "0 µs" not in page
