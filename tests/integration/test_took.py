"""The filter ``took``: events by how long their operation or one of its receivers took, on every surface."""

from __future__ import annotations

import io
import json
import re
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from signal_log import clock
from signal_log.filters import Filters
from signal_log.models import SignalEvent, SignalTrace
from signal_log.store import took
from signal_log.store.ended_traces import Ends
from signal_log.store.follow import Follower
from signal_log.store.read import events, filtered
from signal_log.store.span import selected
from signal_log.tail.following import Following
from signal_log.telemetry.waiting import waiting
from tests.exports import fetch, parts
from tests.factories import make_event
from tests.tail import open_socket

if TYPE_CHECKING:
    from tests.servers.daphne import Daphne

pytestmark = pytest.mark.django_db

SYNC = "shop.signals.sync_stock"


def over(trace: uuid.UUID, ms: int, **fields: Any) -> SignalTrace:
    """Store the row of a trace that has ended after so many milliseconds."""
    given = {
        "source": "http", "name": "POST /checkout/", "duration_us": ms * 1_000, "status": "200", "events": 2,
        "operations": 1, "failed": 0, "silent": 0, "slowest_us": 0, "started_at": clock.now() - timedelta(seconds=1),
    }  # fmt: skip
    return SignalTrace.objects.create(trace_id=trace, **(given | fields))


def of_us() -> None:
    """Keep the times of this file's traces alone, not those of making people, be they written yet or not."""
    waiting.forget()
    SignalTrace.objects.exclude(name="POST /checkout/").delete()


def saved(span_ms: int = 1, receiver_ms: int = 0, pre_ms: int = 0, *, ended: bool = True) -> list[SignalEvent]:
    """Store the two events of a save so far apart, with receivers that took so long, and the row of their trace."""
    trace, now = uuid.uuid4(), clock.now() - timedelta(seconds=1)
    runs = [[{"receiver": SYNC, "duration_us": ms * 1_000}] if ms else [] for ms in (pre_ms, receiver_ms)]
    about = {"trace_id": trace, "operation": 1}
    before = make_event(**about, signal="pre_save", position=1, occurred_at=now, receivers=runs[0])
    after = make_event(
        **about, position=2, occurred_at=now + timedelta(milliseconds=span_ms), receivers=runs[1],
    )  # fmt: skip
    if ended:
        over(trace, span_ms + receiver_ms)
    return [before, after]


@pytest.fixture
def kinds() -> dict[str, list[SignalEvent]]:
    """One save of each kind, by how it took its time."""
    found = {
        "quick": saved(2),
        "slow statement": saved(150),
        "slow after": saved(2, receiver_ms=150),
        "slow before": saved(151, pre_ms=150),
        "running": saved(150, receiver_ms=150, ended=False),
    }
    trace = uuid.uuid4()
    silent = make_event(trace_id=trace, signal="silent_update", position=1, operation=1, created=None)
    found["silent"] = [silent, make_event(trace_id=trace, position=3, operation=2)]
    over(trace, 500)
    return found


def matching(value: str | list[str]) -> set[int]:
    found, _ = selected(Filters.parse({"took": value}), None, None)
    return set(found.values_list("pk", flat=True))


@pytest.mark.parametrize("few", [1_000, 0], ids=["few slow traces", "many"])
def test_an_operation_is_slow_by_its_span_or_by_a_receiver(
    kinds: dict[str, list[SignalEvent]], few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both of its events match; what has no times matches neither way, and an exclusion lets it pass."""
    monkeypatch.setattr(took, "FEW", few)

    def names(value: str | list[str]) -> list[str]:
        pks = matching(value)
        for name, pair in kinds.items():  # an operation matches as a whole
            assert len({event.pk in pks for event in pair}) == 1, (name, value)
        return [name for name, pair in kinds.items() if pair[0].pk in pks]

    slow = ["slow statement", "slow after", "slow before"]
    assert names(">100ms") == names(">=150ms") == names("150ms") == slow
    assert names(">151ms") == ["slow before"]
    assert names(">1s") == []
    assert names("<100ms") == ["quick", "silent"]
    assert names("!>100ms") == ["quick", "running", "silent"]
    assert names([">1s", "<2ms"]) == ["quick", "silent"]
    assert names([">1ms", "!>100ms"]) == ["quick"]


def test_the_other_event_of_an_operation_is_sought_nearby(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pre event far from its post event, as of a large delete, is judged by itself; the post event always knows."""
    monkeypatch.setattr(took, "APART", 3)
    trace, now = uuid.uuid4(), clock.now()
    later = now + timedelta(milliseconds=200)
    found = [
        make_event(trace_id=trace, signal=signal, position=position, operation=operation, occurred_at=at)
        for signal, position, operation, at in (
            ("pre_delete", 1, 1, now), ("pre_delete", 2, 2, now), ("post_delete", 5, 2, later),
            ("post_delete", 6, 1, later),
        )
    ]  # fmt: skip
    over(trace, 300)
    assert matching(">100ms") == {event.pk for event in found[1:]}


def test_indexes_answer_it(kinds: dict[str, list[SignalEvent]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A few slow traces lead to their events; otherwise each event of a window is looked up, without a scan."""
    for few in (1_000, 0):
        monkeypatch.setattr(took, "FEW", few)
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET LOCAL enable_seqscan = off")  # the tables are small
            found = filtered(events(), Filters.parse({"took": ">100ms"})).filter(pk__gte=1, pk__lte=10**6)
            plan = found.order_by("-pk").explain()
        assert not re.search(r"Seq Scan|hashed|SCAN (?!.*USING)", plan), plan
        assert {"signal_log_call", "signal_log_trace"} <= set(re.findall(r"signal_log_\w+", plan))
        assert took.is_indexed(Filters.parse({"took": ">100ms"})) == bool(few)
    assert not took.is_indexed(Filters.parse({"took": "<100ms"}))


def test_a_few_traces_with_very_many_events_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow command of a million saves is searched in windows, as every history that no index answers."""
    over(uuid.uuid4(), 200, events=took.FEW_EVENTS + 1)
    assert not took.is_indexed(Filters.parse({"took": ">100ms"}))
    assert took.is_indexed(Filters.parse({"took": ">1s"}))


@pytest.mark.parametrize("value", ["abc", ">", ">100", "100 parsecs", "!>x", ">-1ms"])
def test_what_is_no_duration_is_said_everywhere(mira: Client, value: str) -> None:
    """The history says it below the field with 400, JSON and exports as a problem, commands in a sentence."""
    said = "'took' must be a duration such as 100ms, 1.5s or 250us"
    page = mira.get("/events/", {"took": value})
    assert page.status_code == 400
    assert said in page.content.decode().replace("&#x27;", "'")
    for kind in ("json", "csv", "counts"):
        answer = mira.get("/events/", {"took": value, "format": kind})
        assert (answer.status_code, said in answer.json()["problems"]["took"]) == (400, True)
    for command in ("signal_export", "signal_tail"):
        with pytest.raises(CommandError, match="must be a duration") as raised:
            call_command(command, f"--took={value}")
        assert raised.value.returncode == 2


def test_the_history_has_a_field_a_pill_and_files(mira: Client, kinds: dict[str, list[SignalEvent]]) -> None:
    """Operations that took so long, with how many match; an export holds the same and names the filter."""
    of_us()
    page = mira.get("/events/", {"took": ">100ms"}).content.decode()
    assert 'name="took" value="&gt;100ms"' in page
    assert "3 operations match" in page
    assert page.count('<td class="t">') == 3
    assert "<b>took</b>" in page
    slow = {event.pk for name, pair in kinds.items() if name.startswith("slow") for event in pair}
    told = mira.get("/events/", {"took": ">100ms", "format": "json"}).json()
    assert {event["id"] for event in told["events"]} == slow
    out = io.StringIO()
    call_command("signal_tail", "--no-follow", "--json", "--took", ">100ms", stdout=out)
    assert {json.loads(line)["id"] for line in out.getvalue().splitlines()} == slow
    begin, exported, _ = parts(fetch(mira, took=">100ms"))  # last, for it is an event that may be slow
    assert {event["id"] for event in exported} == slow
    assert begin["filters"] == {"took": [">100ms"]}


def test_where_times_are_not_kept_the_pages_say_so(mira: Client, settings: Any) -> None:
    """A filter that can find nothing new is no silent hole."""
    said = 'because <code>SIGNAL_LOG["TRACES"]</code> is off'
    address = "/events/?took=%3E1s"
    assert said not in mira.get(address).content.decode()
    settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "TRACES": False}
    for page in (address, "/"):
        assert said in mira.get(page).content.decode()
    assert said not in mira.get("/events/").content.decode()


def test_a_rare_match_is_found_at_once(mira: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """With few slow traces no window of ids is scanned, however far back they are."""
    pair = saved(150)
    for _ in range(30):
        saved(1)
    monkeypatch.setattr("signal_log.store.span.FIRST_WINDOW", 2)
    monkeypatch.setattr("signal_log.store.span.WIDEST_WINDOW", 2)
    of_us()
    with CaptureQueriesContext(connection) as queries:
        page = mira.get("/events/", {"took": ">100ms", "format": "json"}).json()
    assert sum("receivercall" in query["sql"] for query in queries) == 1
    assert [event["id"] for event in page["events"]] == [event.pk for event in reversed(pair)]
    assert page["searched_to"] is None


# --- as traces end ------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_the_socket_brings_an_event_when_its_trace_is_over(server: Daphne, session: Any) -> None:
    """Neither before nor twice; what ended before comes by the backfill; a wrong duration is refused in words."""
    old = saved(2, receiver_ms=150)
    with open_socket(server, session) as page:
        page.tell(type="subscribe", filters={"took": "abc"})
        assert "'took' must be a duration" in page.wait_for("error")["detail"]
        of_us()
        page.subscribe(backfill=10, took=">100ms", sender="auth.User")
        assert page.until(lambda: old[1].pk in page.ids)
        running, quick = saved(2, receiver_ms=150, ended=False), saved(2, ended=False)
        late = saved(2, receiver_ms=150)  # ended before the tail has brought it
        assert page.until(lambda: late[1].pk in page.ids)
        assert running[1].pk not in page.ids
        cursor = page.cursor
        over(running[0].trace_id, 200)
        over(quick[0].trace_id, 20)
        assert page.until(lambda: running[1].pk in page.ids)
    assert page.ids == [event.pk for event in (*old, *late, *running)]
    with open_socket(server, session) as again:  # a cursor waits for the traces that were not over
        again.subscribe(after=cursor, took=">100ms")
        assert again.until(lambda: running[1].pk in again.ids)
    assert set(again.ids) <= {event.pk for event in (*old, *running, *late)}


@pytest.fixture
def on_a_thread() -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """Run questions on one thread, as a reader's connection takes the place of the thread's own."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        yield lambda question: thread.submit(question).result()


@pytest.mark.django_db(transaction=True)
def test_following_waits_for_the_end_of_a_trace(on_a_thread: Callable[[Callable[[], Any]], Any]) -> None:
    """``signal_tail --took`` tells an event once its trace is over, and what was before, each once."""
    old, pending = saved(150), saved(150, ended=False)
    follow = Following(Filters.parse({"took": ">100ms"}), clock.now() - timedelta(hours=1), pytest.fail)
    batches = iter(follow)
    found: list[int] = []

    def until(number: int) -> list[int]:
        for _ in range(60):
            if len(found) >= number:
                break
            found.extend(row["id"] for row in on_a_thread(lambda: next(batches)).rows)
        return found

    try:
        assert until(2) == [event.pk for event in old]
        new = saved(150, ended=False)
        over(pending[0].trace_id, 200)
        assert until(4) == [event.pk for event in (*old, *pending)]
        over(new[0].trace_id, 200)
        assert until(6) == [event.pk for event in (*old, *pending, *new)]
    finally:
        on_a_thread(follow.close)


@pytest.mark.django_db(transaction=True)
def test_a_trace_has_ended_when_its_row_says_how(
    on_a_thread: Callable[[Callable[[], Any]], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long trace's first row has no status, and is read again; rows that become visible late are not missed."""
    log = Follower()
    ends = Ends(log.alias)

    def look() -> dict[str, str]:
        return on_a_thread(lambda: log.borrow(ends.look))

    pair, gone = saved(1, ended=False), saved(1)
    below, unended = on_a_thread(lambda: log.borrow(lambda: ends.begin(gone[1].pk)))
    assert [one.id for one in unended] == [event.pk for event in pair]
    assert below[0] < pair[0].pk
    look()
    trace = pair[0].trace_id
    row = over(trace, 100, status="", events=1_000)
    skipped = over(uuid.uuid4(), 1, pk=row.pk + 2)
    told = look()
    assert (str(skipped.trace_id) in told, str(trace) in told) == (True, False)
    late = over(uuid.uuid4(), 1, pk=row.pk + 1)
    assert str(late.trace_id) in look()
    monkeypatch.setattr("signal_log.store.ended_traces.LATE", -1)  # it is no longer among the newest
    look()
    SignalTrace.objects.filter(pk=row.pk).update(status="0")
    assert str(trace) in look()
    assert look() == {}
    on_a_thread(log.close)
