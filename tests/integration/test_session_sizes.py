"""Recorded sessions that hold more than is read at once: what is left out is said, and nothing small is."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from signal_log import clock
from signal_log.models import DebugSession, ReceiverCall, SessionTrace, SignalEvent
from signal_log.show.cascade.shared_out import level
from signal_log.show.sessions import caught, compared, document, overview
from signal_log.telemetry import read, recorded
from tests.factories import event_value

pytestmark = pytest.mark.django_db

BEGAN = datetime(2026, 11, 22, 9, 42, tzinfo=UTC)


def session(name: str, *, saves: Sequence[int], names: Sequence[str] = (), data: str = "{}") -> DebugSession:
    """A session whose traces have so many saves each, with a call of a receiver for every save."""
    now = clock.now()
    made = DebugSession.objects.create(
        name=name, scope="browser", started_at=now, stops_at=now, ended_at=now, traces=len(saves),
        expires_at=now + timedelta(days=1),
    )  # fmt: skip
    value = event_value(sender="shop.Person", changes={"name": [None, "a"]}, created=True, occurred_at=BEGAN)._asdict()
    events, calls, traces = [], [], []
    for number, many in enumerate(saves):
        trace = uuid.uuid4()
        traces.append(
            SessionTrace(
                session=made, trace_id=trace, source="http", name=names[number] if names else f"POST /{number}/",
                started_at=BEGAN + timedelta(seconds=number), duration_us=1_000, events=2 * many, operations=many,
                failed=0, silent=0, bytes=len(data), data=data,
            )
        )  # fmt: skip
        for save in range(many):
            common = {"trace_id": trace, "position": 2 * save + 2, "signal": "post_save"}
            told = {**value, **common, "operation": 2 * save + 1}
            events += [SignalEvent(**told | {"position": 2 * save + 1, "signal": "pre_save"}), SignalEvent(**told)]
            calls.append(ReceiverCall(**common, sender="shop.Person", receiver="shop.f", started_us=1, duration_us=5,
                                      queries=1))  # fmt: skip
    SessionTrace.objects.bulk_create(traces)
    SignalEvent.objects.bulk_create(events)
    ReceiverCall.objects.bulk_create(calls)
    return made


@pytest.mark.parametrize(
    ("sizes", "most", "share"),
    [([2, 22_000, 2], 20_000, 19_996), ([5, 5], 10, 5), ([5, 6], 10, 5), ([9, 9, 9], 10, 3), ([], 10, 0),
     ([1] * 5, 3, 0), ([0, 7], 4, 4)],
)  # fmt: skip
def test_what_can_be_read_is_shared_out(sizes, most, share):
    assert level(sizes, most) == share
    assert sum(min(size, share) for size in sizes) <= most


def test_small_traces_are_whole_beside_a_large_one(monkeypatch):
    """Three requests, the second of which saved far more than is read: it is cut and said to be, the others are not."""
    monkeypatch.setattr(caught, "MOST_EVENTS", 40)
    made = session("s", saves=[1, 30, 1])
    chosen = caught.choose(made)
    assert [(len(one.found), one.left_out) for one in chosen.traces] == [(2, 0), (36, 24), (2, 0)]
    told = list(overview.lines(chosen))
    assert told[0] == "Of 1 trace only the first part is read, without 24 events; comparing leaves them out."
    other = session("t", saves=[1, 29, 1])
    found = {pair.name: pair for pair in compared.pairs(chosen, caught.choose(other))}
    assert [found[name].differs for name in ("POST /0/", "POST /1/", "POST /2/")] == [False, False, False]
    lines = list(compared.lines(list(found.values()), "s", "t"))
    assert lines[:2] == [
        f"? POST /1/   × 1 → × 1   {compared.NOT_COMPARED}",
        "2 of 3 names the same.",
    ]
    assert compared.as_json(found["POST /1/"])["compared"] is False
    assert compared.findings_on_one_side(chosen, caught.choose(session("u", saves=[1, 1, 1]))).before == []


def test_a_file_has_every_event_of_every_trace(monkeypatch):
    """However many are read for a page; only what no file can hold is cut, and the file says so."""
    monkeypatch.setattr(caught, "MOST_EVENTS", 40)
    monkeypatch.setattr(document, "EVENTS_AT_ONCE", 10)
    made = session("s", saves=[1, 30, 1])
    whole = document.written(made)
    assert ([len(trace["log"]) for trace in orjson.loads(whole.content)["traces"]], whole.cut) == ([2, 60, 2], 0)
    monkeypatch.setattr(document, "MOST_BYTES", len(whole.content) * 2 // 3)
    cut = document.written(made)
    assert cut.cut == 1
    assert len(cut.content) < document.MOST_BYTES
    assert [len(trace["log"]) for trace in orjson.loads(cut.content)["traces"]] == [2, 30, 2]
    copy, traces = document.read_document(cut.content, name="copy")
    recorded.save(copy, traces)
    assert [(len(one.found), one.left_out) for one in caught.choose(copy).traces] == [(2, 0), (30, 30), (2, 0)]
    assert orjson.loads(document.as_document(copy))["traces"] == orjson.loads(cut.content)["traces"]
    monkeypatch.setattr(document, "MOST_BYTES", 900)
    with pytest.raises(document.SessionError, match="larger than a file"):
        document.written(made)


def test_each_name_is_read_beside_one_with_many_traces(monkeypatch):
    """Or a comparison would say of a name that is seldom called that it is gone."""
    names = ["GET /seldom/", *["GET /often/"] * 8]
    made = session("s", saves=[1] * 9, names=names)
    chosen = caught.choose(made, most=4)
    assert [one.row.name for one in chosen.traces] == ["GET /seldom/", *["GET /often/"] * 3]
    assert next(chosen.remarks()) == "What follows is of 4 of 9 traces, the newest of each name."
    pairs = compared.pairs(chosen, caught.choose(made))
    assert [(pair.name, pair.before, pair.after, pair.differs) for pair in pairs] == [
        ("GET /seldom/", 1, 1, False),
        ("GET /often/", 8, 8, False),
    ]
    distinct = caught.choose(session("t", saves=[1] * 5), most=3)
    assert [one.row.name for one in distinct.traces] == ["POST /2/", "POST /3/", "POST /4/"]
    assert [pair.is_open for pair in compared.pairs(distinct, distinct)] == [True, True, False, False, False]


def test_a_trace_with_more_calls_than_are_read_is_not_compared(monkeypatch):
    """And takes none from the others."""
    monkeypatch.setattr(read, "MAX_CALLS", 4)
    chosen = caught.choose(session("s", saves=[2, 9, 1, 3]))
    assert [one.is_whole for one in chosen.traces] == [True, False, True, True]
    assert [sum(map(len, one.runs.values())) for one in chosen.traces] == [2, 4, 1, 3]
    assert next(chosen.remarks()).startswith("Of 1 trace only the first part is read, without some calls of receivers")


def test_statements_that_were_not_kept_are_told():
    data = orjson.dumps(
        {"texts": ["SELECT 1"], "statements": [[0, 0, 1, 700, 0, "", -1]] * 2, "omitted": 8_998}
    ).decode()
    chosen = caught.choose(session("s", saves=[1, 1], data=data))
    (asked,), omitted = overview.statements_of(chosen.traces)
    assert (asked.times, asked.took_us, omitted) == (4, 2_800, 17_996)
    assert list(overview.lines(chosen))[-1] == "  17,996 more statements were counted and left out."


def test_many_traces_are_read_with_few_queries():
    """Not one for the calls of each."""
    made = session("s", saves=[2] * 60)
    with CaptureQueriesContext(connection) as queries:
        chosen = caught.choose(made)
        list(overview.lines(chosen))
    assert len(chosen.traces) == 60
    assert len(queries) <= 6
