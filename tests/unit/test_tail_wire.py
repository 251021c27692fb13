"""The websocket's frames: hostile input is answered, large output is split, no cursor runs ahead."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signal_log.tail import wire
from signal_log.tail.cursor import START, Anchor, Token
from signal_log.tail.window import ACK_TIMEOUT, MAX_BYTES, MAX_EVENTS, Window
from signal_log.tail.wire import Ack, Encoded, MessageError, Ping, Subscribe, decode, encode


def event(number: int, text: str = "") -> Encoded:
    return encode({"id": number, "digest": f"{number:064x}", "object_repr": text})


def attempt(text: str) -> wire.Message | MessageError:
    try:
        return decode(text)
    except MessageError as problem:
        return problem


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300)
@given(st.text() | st.binary().map(lambda b: b.decode("latin-1")) | JSON.map(json.dumps))
def test_any_text_is_a_message_or_is_refused_with_a_sentence(text: str) -> None:
    """Invalid input raises only the error that has a code and a sentence for the client."""
    found = attempt(text)
    if isinstance(found, MessageError):
        assert found.code
        assert found.detail.endswith(".")
    else:
        assert isinstance(found, (Subscribe, Ack, Ping))


@settings(max_examples=300)
@given(
    st.dictionaries(st.sampled_from(["after", "backfill", "filters", "id", "x"]), JSON),
    st.sampled_from(["subscribe", "ack"]),
)
def test_any_values_in_a_known_message_are_taken_or_refused(message: dict[str, Any], kind: str) -> None:
    """Fields of wrong types are refused but never fatal: the socket stays open."""
    found = attempt(json.dumps({**message, "type": kind}))
    if isinstance(found, MessageError):
        # NaN and Infinity are not JSON, though Python writes them.
        assert not found.fatal or any(word in json.dumps(message) for word in ("NaN", "Infinity", "\\ud"))
    elif isinstance(found, Subscribe):
        assert 0 <= found.backfill <= wire.MAX_BACKFILL


@pytest.mark.parametrize(
    ("text", "data", "code"),
    [
        (None, b"{}", "bad_message"),
        ("{", None, "bad_message"),
        ("", None, "bad_message"),
        (json.dumps({"type": "ping", "x": "é" * 40_000}), None, "bad_message"),
        ("[" * 60_000, None, "bad_message"),
    ],
)
def test_anything_but_json_text_of_a_sane_size_is_fatal(text: str | None, data: bytes | None, code: str) -> None:
    """Binary, broken and oversized frames close the socket."""
    with pytest.raises(MessageError) as caught:
        decode(text, data)
    assert (caught.value.code, caught.value.fatal) == (code, True)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ([], "bad_message"),
        ({}, "unknown_type"),
        ({"type": ["subscribe"]}, "unknown_type"),
        ({"type": "subscribe", "after": 5}, "bad_cursor"),
        ({"type": "subscribe", "after": "5"}, "bad_cursor"),
        ({"type": "subscribe", "backfill": "many"}, "bad_backfill"),
        ({"type": "subscribe", "backfill": True}, "bad_backfill"),
        ({"type": "subscribe", "filters": {"colour": "red"}}, "bad_filter"),
        ({"type": "subscribe", "filters": {"q": "a\x00b"}}, "bad_filter"),
        ({"type": "subscribe", "filters": ["q"]}, "bad_filter"),
        ({"type": "ack"}, "bad_id"),
        ({"type": "ack", "id": 1.5}, "bad_id"),
    ],
)
def test_a_wrong_field_is_named_and_the_socket_lives(message: object, code: str) -> None:
    """The error code names the wrong field, and the socket stays open."""
    with pytest.raises(MessageError) as caught:
        decode(json.dumps(message))
    assert (caught.value.code, caught.value.fatal) == (code, False)


@pytest.mark.parametrize(("asked", "given_"), [(1_000_000, 1000), (-3, 0), (200, 200), (None, 0)])
def test_the_backfill_is_clamped(asked: int | None, given_: int) -> None:
    """A backfill of a million is reduced to the maximum, and the message says so."""
    found = decode(json.dumps({"type": "subscribe", "backfill": asked}))
    assert isinstance(found, Subscribe)
    assert found.backfill == given_
    assert found.clamped == (asked in (1_000_000, -3))


@pytest.mark.parametrize("value", ["\ud800", 2**70, "</script>\u2028", 'a"b\\'])
def test_any_stored_value_can_be_encoded(value: object) -> None:
    """Any stored value can be encoded; a lone surrogate or a huge integer does not stop the tail."""
    encoded = encode({"id": 1, "digest": "ab" * 32, "object_repr": value})
    assert json.loads(encoded.text)["object_repr"] == value
    encoded.text.encode()


@given(st.lists(st.integers(1, 70_000), max_size=30), st.integers(0, 100))
def test_frames_are_bounded_and_no_cursor_runs_ahead(sizes: list[int], settled: int) -> None:
    """A frame holds at most 200 events and 64 KB, unless one event is larger, and its cursor never runs ahead."""
    events = [event(number, "x" * size) for number, size in enumerate(sizes, 1)]
    frames = list(wire.frames(events, "0badcafe", Anchor(settled, "00000000") if settled else START))
    assert [e.id for frame in frames for e in frame.events] == [e.id for e in events]
    following = [*frames[1:], None][: len(frames)]
    for frame, after in zip(frames, following, strict=True):
        assert len(frame.events) == 1 or frame.size <= wire.BYTES_PER_FRAME
        body = json.loads(frame.text)
        assert [e["id"] for e in body["events"]] == [e.id for e in frame.events]
        reached = Token.parse(body["cursor"]).anchor.id
        assert reached <= settled
        if after is not None:
            assert reached < after.events[0].id


def test_a_frame_has_at_most_200_events() -> None:
    """Many small events are split by number."""
    assert [len(f.events) for f in wire.frames([event(n) for n in range(1, 451)], "0badcafe", START)] == [200, 200, 50]


def test_a_window_closes_at_its_limits_and_opens_with_acknowledgements() -> None:
    """With 2,000 events or 256 KB unacknowledged, no more frames are sent until an acknowledgement arrives."""
    window = Window()
    for start in range(0, MAX_EVENTS, 200):
        assert window.open
        window.sent(list(range(start, start + 200)), 10, now=0)
    assert not window.open
    assert window.acknowledge(399, now=1)
    assert window.events == MAX_EVENTS - 400
    window.sent([5000], MAX_BYTES, now=1)
    assert not window.open
    assert window.acknowledge(5000, now=2)
    assert (window.events, window.size) == (0, 0)


def test_a_windows_capacity_depends_on_the_size_of_events() -> None:
    """The number of events to read follows their size, so a small window does not read many large rows."""
    window = Window()
    assert window.room(1) == MAX_EVENTS
    assert window.room(8 * 1024) == (256 + 64) // 8
    window.sent([1], 200 * 1024, now=0)
    assert window.room(8 * 1024) == (56 + 64) // 8
    assert window.room(0) == MAX_EVENTS - 1
    window.sent([2], MAX_BYTES, now=0)
    assert window.room(8 * 1024) == 1


def test_a_late_event_may_be_acknowledged_by_its_own_id_or_by_the_highest() -> None:
    """A late event has a low id, so it may be acknowledged by that id or by the highest one received."""
    for number in (5, 100):
        window = Window()
        window.sent([99, 100], 10, now=0)
        window.sent([5], 10, now=0)
        assert window.acknowledge(number, now=1)
        assert window.events == 0
    assert not window.acknowledge(100, now=1)


def test_silence_is_overdue_only_while_something_is_outstanding() -> None:
    """A client that owes an acknowledgement becomes overdue, and answering helps; an idle client never does."""
    window = Window()
    assert not window.overdue(ACK_TIMEOUT * 10)
    window.sent([1], 10, now=100)
    window.sent([2], 10, now=100 + ACK_TIMEOUT)
    assert not window.overdue(100 + ACK_TIMEOUT)
    assert window.overdue(101 + ACK_TIMEOUT)
    window.acknowledge(1, now=101 + ACK_TIMEOUT)
    assert not window.overdue(102 + ACK_TIMEOUT)
