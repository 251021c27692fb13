"""``/traces/``: sorted by time, duration and failures, page by page; filters; the slowest receivers beside it."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.test import Client, override_settings

from signal_log import clock
from signal_log.capture.trace.trace import new_trace_id
from signal_log.models import ReceiverCall, SignalTrace
from signal_log.show.query import traces as query
from signal_log.show.query import traces_of_events
from signal_log.show.receivers import slowest as lately
from tests.factories import make_event
from tests.tail import make_observer

pytestmark = pytest.mark.django_db

GIVEN = {
    "source": "http", "name": "POST /checkout/", "duration_us": 5_000, "status": "200", "events": 4, "operations": 2,
    "failed": 0, "silent": 0, "slowest_receiver": "", "slowest_us": 0, "actor_repr": "ada", "actor_pk": "7",
}  # fmt: skip


def trace(**fields) -> SignalTrace:
    return SignalTrace.objects.create(
        **{"trace_id": uuid.UUID(new_trace_id()), "started_at": clock.now(), **GIVEN, **fields}
    )


def call(of: SignalTrace, receiver: str, duration_us: int = 1_000, error: str = "", **fields) -> None:
    given = {"sender": "auth.User", "signal": "post_save", "position": 2, "started_us": 0, "queries": 0} | fields
    ReceiverCall.objects.create(
        trace_id=of.trace_id, receiver=receiver, duration_us=duration_us, error=error, **given
    )  # fmt: skip


@pytest.fixture
def page(client: Client):
    """Fetch the list as JSON, or with ``html`` as a page."""
    client.force_login(make_observer())
    SignalTrace.objects.all().delete()
    ReceiverCall.objects.all().delete()

    def get(address: str = "", *, html: bool = False, status: int = 200):
        response = client.get(
            f"/traces/{address}" if html else f"/traces/{address}{'&' if address else '?'}format=json"
        )
        assert response.status_code == status
        return response.content.decode() if html else response.json()

    return get


def names(told: dict) -> list[str]:
    return [one["name"] for one in told["traces"]]


def test_newest_slowest_or_most_failed_first(page):
    trace(name="quick", duration_us=1, failed=2)
    trace(name="slow", duration_us=900_000)
    trace(name="middle", duration_us=7_000, failed=5)
    assert names(page()) == ["middle", "slow", "quick"]
    assert names(page("?sort=duration")) == ["slow", "middle", "quick"]
    assert names(page("?sort=failed")) == ["middle", "quick"]


@pytest.mark.parametrize("sort", ["time", "duration", "failed"])
def test_pages_follow_each_other_without_a_gap_or_a_repetition(page, monkeypatch, sort):
    monkeypatch.setattr(query, "PAGE_SIZE", 3)
    made = [trace(duration_us=number % 4, failed=1 + number % 2, name=str(number)) for number in range(10)]
    seen, after = [], None
    for _ in range(10):
        told = page(f"?sort={sort}" + (f"&after={after}" if after else ""))
        seen += names(told)
        after = told["next"]
        if after is None:
            break
    assert sorted(seen) == sorted(one.name for one in made)
    assert len(seen) == 10


@pytest.mark.parametrize(
    ("given", "expected"),
    [("took=>100ms", ["slow"]), ("took=<100ms", ["other"]), ("took=900ms", ["slow"]), ("status=500", ["slow"]),
     ("source=task", ["other"]), ("name=SLO", ["slow"]), ("receiver=shop.stock", ["other"]), ("receiver=stock", []),
     ("receiver=sync_profile", ["other"]), ("since=10m", ["other", "slow"]), ("until=10m", []),
     ("since=2099-01-01", []), ("until=2001-01-01", []), ("took=>100ms&source=task", [])],
)  # fmt: skip
def test_filters_select(page, given, expected):
    trace(name="slow", duration_us=900_000, status="500")
    other = trace(name="other", source="task")
    call(other, "shop.stock")
    call(other, "users.signals.sync_profile")  # connected, so that its short name is known
    for sort in ("", "&sort=duration"):
        assert set(names(page(f"?{given}{sort}"))) == set(expected)


@pytest.mark.parametrize(
    ("given", "said"),
    [("took=fast", "must be a duration"), ("sort=name", "must be one of time, duration, failed"),
     ("after=x", "must be a place"), ("colour=red", "Unknown filter"), ("since=soon", "must be a date"),
     ("name=" + "x" * 301, "is longer than 300")],
)  # fmt: skip
def test_what_is_not_valid_is_said_and_nothing_is_listed(page, given, said):
    trace(name="/here/")
    told = page(f"?{given}", status=400)
    assert names(told) == []
    assert said in next(iter(told["problems"].values()))
    html = page(f"?{given}", html=True, status=400)
    assert said in html
    assert "Nothing was looked for" in html
    assert "/here/" not in html


def test_what_no_index_answers_is_looked_for_among_the_newest_and_it_says_so(page, monkeypatch):
    monkeypatch.setattr(query, "WINDOW", 5)
    trace(name="old", status="500")
    for _ in range(7):
        trace()
    told = page("?status=500")
    assert (names(told), told["searched"]) == ([], 5)
    assert "Look further back" in page("?status=500", html=True)
    assert names(page(f"?status=500&after={told['next']}")) == ["old"]


def test_a_row_links_to_its_trace_and_tells_its_failures_and_slowest_receiver(page):
    one = trace(name="POST /<b>checkout</b>/", status="500", failed=1, silent=2, slowest_receiver="shop.signals.stock",
                slowest_us=4_000)  # fmt: skip
    html = page(html=True)
    assert f'href="/traces/{one.trace_id}/"' in html
    assert "POST /&lt;b&gt;checkout" in html
    for told in ('<span class="status bad">500</span>', "1 failed", "2 silent", ">stock</span>", "4.0 ms"):
        assert told in html


def test_equal_lone_operations_of_a_program_are_one_row(page):
    for _ in range(3):
        trace(source="shell", name="shell", operations=1, duration_us=1_000, status="")
    trace(name="GET /a/")
    trace(name="GET /a/")
    html = page(html=True)
    assert "× 3" in html
    assert html.count("GET /a/</a>") == 2


def test_the_traces_of_events_are_found_by_a_query_of_the_history(page, monkeypatch):
    """Beside the other filters; an error has its place, and what nothing can match is told."""
    first, second, other = trace(name="first"), trace(name="second", failed=1), trace(name="other")
    for one, name in ((first, "asked"), (first, "for asked"), (second, "asked"), (other, "unasked-for")):
        make_event(trace_id=one.trace_id, object_repr=name, changes={"email": [name, "x"]})
    assert names(page("?q=email:asked")) == ["second", "first"]
    assert names(page("?q=email:asked&sort=failed")) == ["second"]
    assert names(page('?q="for asked"&name=fir')) == ["first"]
    assert page("?q=email:asked")["searched_to"] is None
    assert "At character 9: There is no such outcome" in page("?q=outcome:x", status=400)["problems"]["q"]
    assert "Did you mean &#x27;email&#x27;?" in page("?q=emial:x", html=True)
    monkeypatch.setattr(traces_of_events, "MOST", 1)
    told = page("?q=email:asked")
    assert (names(told), told["searched_to"] > 0) == (["second"], True)
    assert f"down to {told['searched_to']}." in page("?q=email:asked", html=True)


def test_a_receivers_traces_are_found_whatever_it_was_called_for(page):
    kinds = [(s, m) for s in ("m2m_changed", "post_save", "pre_save") for m in ("auth.User", "users.Profile")]
    for number, (signal, sender) in enumerate(kinds):
        call(trace(name=str(number)), "shop.stock", signal=signal, sender=sender)
    call(trace(name="other"), "shop.other")
    assert names(page("?receiver=shop.stock")) == ["5", "4", "3", "2", "1", "0"]


def test_the_slowest_receivers_of_the_last_hour_stand_beside_it(page):
    now = trace()
    for number in range(20):
        call(now, "shop.slow", 1_000 * (number + 1), error="ValueError" if number == 3 else "")
    call(now, "shop.quick", 5)
    call(trace(trace_id=uuid.uuid4()), "shop.other_kind_of_id", 9_000_000)
    told = page()["receivers"]
    assert told == [
        {"receiver": "shop.slow", "calls": 20, "errors": 1, "p50_us": 10_000, "p95_us": 19_000},
        {"receiver": "shop.quick", "calls": 1, "errors": 0, "p50_us": 5, "p95_us": 5},
    ]
    html = page(html=True)
    assert "20 calls · p50 10.0 ms · p95 19.0 ms" in html
    assert 'href="/traces/?receiver=shop.slow"' in html


def test_a_receiver_is_as_slow_as_it_is_itself(page):
    """Not by what it caused; receivers of one event that run at the same time are not within each other."""
    now = trace()
    call(now, "shop.outer", 10_000, started_us=100)
    call(now, "shop.beside", 9_000, started_us=200)
    call(now, "shop.inner", 6_000, position=4, started_us=300)
    call(now, "shop.innermost", 5_000, position=6, started_us=400)
    call(now, "shop.second", 1_000, position=8, started_us=7_000)
    call(now, "shop.later", 500, position=10, started_us=20_000)
    assert {one["receiver"].partition(".")[2]: one["p50_us"] for one in page()["receivers"]} == {
        "outer": 10_000, "beside": 2_000, "inner": 1_000, "innermost": 5_000, "second": 1_000, "later": 500,
    }  # fmt: skip


def test_calls_of_earlier_hours_do_not_count(monkeypatch):
    call(trace(), "shop.slow")
    (one,) = lately.slowest_lately().receivers
    assert (one.calls, sum(one.counts), one.counts[-1]) == (1, 1, 1)
    later = clock.now() + timedelta(hours=2)
    monkeypatch.setattr(lately.clock, "now", lambda: later)
    assert lately.slowest_lately().receivers == []


def test_empty_pages_say_why(page):
    assert "No traces yet" in page(html=True)
    assert "Nothing has failed" in page("?sort=failed", html=True)
    assert "Remove <b>status</b>" in page("?status=500", html=True)
    with override_settings(SIGNAL_LOG={"MODELS": ["auth.User"], "TRACES": False}):
        assert "Traces are not kept" in page(html=True)


def test_a_page_takes_the_same_few_queries_however_long_the_list(page, django_assert_max_num_queries):
    for _ in range(60):
        call(trace(), "shop.slow")
    with django_assert_max_num_queries(10):  # two of them for the seal
        page(html=True)
