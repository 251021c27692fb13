"""A session's file that is not what it says is refused in one sentence, before it costs much or breaks a page."""

from __future__ import annotations

import copy
import hashlib
import time
import tracemalloc
from typing import Any

import orjson
import pytest

from signal_log.errors import SessionError
from signal_log.show.sessions import parts
from signal_log.show.sessions.document import read_document

TRACE = "0197c2b1-0000-7000-8000-00000000abcd"
EVENT = {
    "signal": "post_save", "sender": "shop.Item", "using": "default", "trace_id": TRACE, "position": 2, "operation": 1,
    "source": "http", "occurred_at": "2026-11-22T09:42:17.950112Z", "process": "test:1", "created": True,
    "changes": {"name": [None, "a"]}, "origin": None, "parent_position": None,
}  # fmt: skip
HELD: dict[str, Any] = {
    "session": {
        "name": "s", "scope": "browser", "started_by": "ada", "started_at": "2026-11-22T09:42:17Z",
        "ended_at": "2026-11-22T10:42:17+01:00", "why_ended": "Stopped.",
    },
    "traces": [
        {
            "trace_id": TRACE, "started_at": "2026-11-22T09:42:17Z", "source": "http", "name": "POST /",
            "actor_repr": "", "status": "200", "duration_us": 9, "events": 2, "operations": 1, "failed": 0, "silent": 0,
            "deeper": {
                "request": {"method": "POST", "path": "/", "query": [], "form": [["a", "b"]], "files": []},
                "texts": ["SELECT 1"], "statements": [[0, None, 1, 2, 1, "", 0]], "stacks": [[["a.py:1 in f", ""]]],
                "operations": {"1": 0}, "omitted": 0,
            },
            "log": [EVENT],
            "calls": [
                {"position": 2, "signal": "post_save", "receiver": "shop.f", "started_us": 1, "total_us": 2,
                 "queries": 0, "error": ""}
            ],
        }
    ],
}  # fmt: skip


def written(held: dict[str, Any]) -> bytes:
    digest = hashlib.sha256(orjson.dumps(held, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return orjson.dumps({"format": "signal_log.session/1", "sha256": digest, **held}, option=orjson.OPT_INDENT_2)


def refused(content: bytes) -> str:
    with pytest.raises(SessionError) as error:
        read_document(content)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_file_that_is_one_is_read_whatever_its_layout():
    """Indented and with its keys in another order."""
    held = {"traces": HELD["traces"], "session": HELD["session"]}
    session, (trace,) = read_document(written(HELD))
    assert (session.name, session.scope, trace.name, trace.duration_us) == ("s", "browser", "POST /", 9)
    whole = orjson.loads(written(HELD))
    assert read_document(orjson.dumps({**held, "sha256": whole["sha256"], "format": whole["format"]}))[1]
    assert read_document(written({**HELD, "traces": []}))[1] == []


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        ("session.started_at", "9999-12-31T23:59:59-14:00", "session, started_at is not a time with its offset"),
        ("session.started_at", "0001-01-01T00:00:00+14:00", "session, started_at is not a time"),
        ("session.ended_at", "2026-11-22T09:42:17", "session, ended_at is not a time"),
        ("session.ended_at", None, "session, ended_at is not a time"),
        ("session.scope", "all", "session, scope is not one of browser, client"),
        ("session.why_ended", 7, "session, why_ended is not a text"),
        ("traces.0", [], "trace 1, it is not an object"),
        ("traces.0.events", -1, "events is not a whole number from 0 to 2,147,483,647"),
        ("traces.0.failed", True, "failed is not a whole number"),
        ("traces.0.duration_us", 2**64 - 1, "duration_us is not a whole number"),
        ("traces.0.trace_id", TRACE.upper(), "trace_id is not the id of a trace"),
        ("traces.0.started_at", "2300-01-01T00:00:00Z", "started_at is not a time"),
        ("traces.0.deeper.request", "x", "deeper.request is not an object"),
        ("traces.0.deeper.request", [1], "deeper.request is not an object"),
        ("traces.0.deeper.request.form", 5, "deeper.request.form is not a list"),
        ("traces.0.deeper.request.form", [["a", 5]], "deeper.request.form.0.1 is not a text"),
        ("traces.0.deeper.texts", [None], "deeper.texts.0 is not a text"),
        ("traces.0.deeper.statements", [[0, 1]], "deeper.statements.0 is not a list of 7"),
        ("traces.0.deeper.statements", [[1, 0, 1, 2, 1, "", 0]], "of a statement is not that of a text"),
        ("traces.0.deeper.statements", [[-1, 0, 1, 2, 1, "", 0]], "deeper.statements.0.0 is not a whole number"),
        ("traces.0.deeper.statements", [[0, 0, 1, 2, 1, "", 1]], "of a stack is not that of a stack"),
        ("traces.0.deeper.operations", {"1": 9}, "of a stack is not that of a stack"),
        ("traces.0.deeper.operations", {"x": 0}, "deeper.operations is not positions"),
        ("traces.0.deeper.stacks", [["a"]], "deeper.stacks.0.0 is not a list of 2"),
        ("traces.0.log.0.occurred_at", "0001-01-01T00:00:00+14:00", "log.0.occurred_at is not a time"),
        ("traces.0.log.0.parent_position", [1], "log.0.parent_position is not a whole number"),
        ("traces.0.log.0.position", 2**31, "log.0.position is not a whole number"),
        ("traces.0.log.0.sender", None, "log.0.sender is not a text"),
        ("traces.0.log.0.outcome", "x", "log.0.outcome is not one of committed"),
        ("traces.0.log.0.changes", [], "log.0.changes is not an object"),
        ("traces.0.log.0.trace_id", "0197c2b1-0000-7000-8000-00000000abce", "of an event is not that trace's"),
        ("traces.0.calls.0.total_us", 2**62, "calls.0.total_us is not a whole number"),
        ("traces.0.calls.0.receiver", None, "calls.0.receiver is not a text"),
        ("traces.0.calls", [{"position": "1"}], "calls.0.signal is not there"),
    ],
)  # fmt: skip
def test_each_field_has_a_kind_and_a_range(where, value, said):
    """Whoever makes a right sum over wrong content learns where it is, and no page ever meets it."""
    held = copy.deepcopy(HELD)
    *path, last = where.split(".")
    inside: Any = held
    for name in path:
        inside = inside[int(name)] if name.isdigit() else inside[name]
    inside[int(last) if last.isdigit() else last] = value
    assert said in refused(written(held))


def test_what_a_later_version_may_add_is_left_out():
    held = copy.deepcopy(HELD)
    held["traces"][0]["later"] = held["traces"][0]["log"][0]["later"] = held["traces"][0]["deeper"]["later"] = "x"
    _, (trace,) = read_document(written(held))
    assert "later" not in trace.data


def test_a_trace_is_in_a_file_once():
    assert "trace 2 is in it twice" in refused(written({**HELD, "traces": HELD["traces"] * 2}))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text.replace(b'"b"', b"[" * 300 + b"]" * 300), "nested deeper"),
        (lambda text: text.replace(b'"b"', b"[" * 300), "nested deeper"),
        (lambda text: text.replace(b'"SELECT 1"', b'"SELECT 1'), "not JSON"),
        (lambda text: text.replace(b'"traces":[', b'"traces":[,'), "its traces are not"),
        (lambda text: text.replace(b'"traces":[{', b'"traces":[7,{'), "its traces are not"),
        (lambda text: text.replace(b'"traces":[{', b'"traces":[{}{'), "not JSON"),
        (lambda text: text.replace(b'"traces":', b'"tr\\u0061ces":'), "lacks"),
        (lambda text: text + b'"' + b"a" * 100_000, "not JSON"),
        (lambda text: b"[" * 100_000, "nested deeper"),
        (lambda text: b"", "not JSON"),
        (lambda text: b"7", "not a recorded session"),
        (lambda text: b"\xff" + text, "not JSON"),
    ],
)
def test_what_is_no_such_file_is_refused(spoil, said):
    assert said in refused(spoil(orjson.dumps(orjson.loads(written(HELD)))))


def test_a_file_of_more_traces_than_a_session_holds_is_refused():
    traces = [{"trace_id": str(number)} for number in range(parts.MAX_TRACES + 1)]
    assert "more traces than a session holds (2,000)" in refused(written({**HELD, "traces": traces}))


@pytest.mark.parametrize("many", [b"[]," * 100_000, b"0.1," * 100_000])
def test_a_small_file_does_not_take_much_memory(monkeypatch, many):
    """Ten million empty lists are 28 MB of text and would be a gigabyte of objects; here all is smaller."""
    monkeypatch.setattr(parts, "MOST_BRACKETS", 5_000)
    monkeypatch.setattr(parts, "MOST_COMMAS", 20_000)
    content = orjson.dumps(orjson.loads(written(HELD))).replace(b'"form":[', b'"form":[' + many)
    tracemalloc.start()
    try:
        assert "more values" in refused(content)
        assert tracemalloc.get_traced_memory()[1] < len(content)
    finally:
        tracemalloc.stop()


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(parts.MOST_BYTES + 1)
    began = time.monotonic()
    with pytest.raises(SessionError, match="larger than a session can be"):
        parts.read(path)
    assert time.monotonic() - began < 1
