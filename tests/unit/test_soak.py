"""The soak's judge names what is missing, doubled, late, out of order or leaking, and nothing where all is well."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.benchmarks.live.websocket import Socket, handshake
from tests.soak.flat import MB, Life, Sample, growths, longest
from tests.soak.ids import Ids
from tests.soak.judge import LATE, Outcome, Sealed, findings, overlap
from tests.soak.logged import kinds
from tests.soak.page import Page, understood
from tests.soak.plan import EVERYTHING, FIRST_HALF, SECOND_HALF, plan
from tests.soak.receiver import Kept

TABLE = range(1, 2001)
NOON = 1_000_000.0


def frame(*numbers, seconds=0.1):
    """Events as a page takes them, all at noon, and when they came."""
    return [(number, NOON) for number in numbers], NOON + seconds


def outcome(*, pages=None, sent=None, sealed=None, **given):
    """What a run has left, in which all is well but for what is given."""
    if pages is None:
        pages = [Page(), Page()]
        for page in pages:
            page.take(*frame(*TABLE))
    kept = Kept()
    for number, key in sent or [(number, "a.B:1") for number in TABLE]:
        kept.take(number, key)
    table = Ids(TABLE)
    return Outcome(
        **{
            "pages": [json.loads(json.dumps(page.told(table))) for page in pages],
            "codes": {"cut": 7, "1012": 2},
            "said": {"database_unavailable": 4},
            "table": table,
            "kept": kept,
            "kills": {"relay": 1, "web1": 3},
            "sealed": sealed or Sealed(2000, 2000, True, 0, "Intact."),
            "growths": [],
            **given,
        }
    )


def test_a_run_in_which_all_is_well():
    """Nothing is said of it, however often pages came back."""
    page = Page()
    page.take(*frame(*range(1, 1500)))
    page.reconnected()
    page.take(*frame(*range(1400, 2001)))
    assert page.again == 100
    assert findings(outcome(pages=[page])) == []


def test_events_that_a_page_has_not_or_twice_or_that_nobody_committed():
    """Each is named, and how many pages it concerns."""
    good, missing, twice, unknown = Page(), Page(), Page(), Page()
    for page in (good, missing, twice, unknown):
        page.take(*frame(*(number for number in TABLE if page is not missing or number not in (7, 1999))))
    twice.take(*frame(11))
    unknown.take(*frame(2001))
    assert findings(outcome(pages=[good, missing, twice, unknown])) == [
        "2 events never came to 1 of 4 pages: event 7, event 1999",
        "1 events came twice on one socket of 1 of 4 pages: event 11",
        "1 events are in no table, and came to 1 of 4 pages: event 2001",
    ]


def test_late_events():
    """They are named with their time, but for that in which something was away."""
    page = Page()
    page.take(*frame(*(number for number in TABLE if number != 5)))
    page.take(*frame(5, seconds=LATE + 20))
    away = [(NOON - 50, NOON + 3), (NOON + 1, NOON + 9)]
    assert findings(outcome(pages=[page], away=away)) == [
        f"1 events came later than {LATE:.0f} s, with all there that leads to it: event 5 after {LATE + 11:.0f} s"
    ]
    assert findings(outcome(pages=[page], away=[*away, (NOON + 20, NOON + 40)])) == []
    assert overlap(0, 10, [(8, 12), (-3, 2), (1, 3), (9, 10)]) == 5


def test_refused_sockets_and_resets():
    """A page must not be turned away or told to begin afresh."""
    assert findings(outcome(codes={"4408": 1, "cut": 3}, said={"reset: rewound": 2})) == [
        "1 sockets were closed with 4408",
        "2 sockets were told 'reset: rewound', though the log is the same",
    ]


def test_what_the_receiver_lacks_or_has_in_another_order():
    """Of two objects any order is right; what comes again does not count, up to what a killed relay had in hand."""
    sent = [(number, f"a.B:{number % 2}") for number in TABLE if number != 400]
    sent[10], sent[11] = sent[11], sent[10]
    sent[20], sent[22] = sent[22], sent[20]
    sent += sent[:100]
    found = findings(outcome(sent=sent))
    assert found == [
        "1 events never came to the relay's receiver: event 400",
        "The relay sent event 21 of a.B:1 for the first time after 23",
    ]
    again = "101 events came to the relay's receiver again, of a relay that ended 1 times"
    assert findings(outcome(sent=[*sent, sent[0]])) == [*found, again]


def test_the_seal_and_the_processes():
    """A tree that lacks events, a verdict, a part that ended or did not start again."""
    sealed = Sealed(2000, 1990, False, 1, "Tampered with.")
    ended = [("relay", "killed"), ("web2", "MemoryError")]
    assert findings(outcome(sealed=sealed, ended=ended, problems=["caddy did not start again"])) == [
        "The tree has 1,990 leaves, the table 2,000 events",
        "The newest checkpoint is not countersigned",
        "signal_verify ends with 1: Tampered with.",
        "caddy did not start again",
        "web2 ended by itself, and said last: MemoryError",
    ]


def life(part="web1", seconds=400, **leaks):
    """A process that is watched each second, and grows by so much each second."""
    life = Life(part, 1)
    for at in range(seconds):
        warm = 30 * MB * min(at, 60) // 60
        held = {"memory": 80 * MB + warm, "files": 20, "connections": 9, "threads": 12}
        life.samples.append(Sample(at, **{what: held[what] + int(leaks.get(what, 0) * at) for what in held}))
    return life


@pytest.mark.parametrize(
    ("what", "a_second"), [("memory", 0.1 * MB), ("files", 0.1), ("connections", 0.1), ("threads", 0.05)]
)
def test_leaks(what, a_second):
    """Each is named with what it was and is; what fills at the beginning is none, and a minute says nothing."""
    assert findings(outcome(growths=growths(life()))) == []
    (found,) = findings(outcome(growths=growths(life(**{what: a_second}))))
    assert found.startswith(f"The {what} of web1 grew from ")
    growth = next(one for one in growths(life(**{what: a_second})) if one.what == what)
    assert growth.an_hour == pytest.approx(a_second * 3600, rel=0.1)
    assert growths(life(seconds=85, **{what: 9 * a_second})) == []


def test_pages_that_moved_to_a_server_are_no_leak():
    """They may take memory; the life that is judged is the longest."""
    with_pages = life(memory=0.06 * MB)
    assert not all(one.is_flat for one in growths(with_pages))
    with_pages.samples = [one._replace(pages=int(one.at / 2)) for one in with_pages.samples]
    assert all(one.is_flat for one in growths(with_pages))
    assert longest([life(seconds=70), with_pages, life(part="relay")]) == [with_pages, life(part="relay")]


def test_the_plan_of_a_seed():
    """The same each time; all at half-time, each once before any again, and half a run for each process of ours."""
    kills = plan(7, 600, 8)
    assert kills == plan(7, 600, 8) != plan(8, 600, 8)
    (middle,) = [kill for kill in kills if len(kill.parts) > 1]
    assert (middle.at, middle.parts) == (300, EVERYTHING)
    for some, parts in (
        (slice(None, len(FIRST_HALF)), FIRST_HALF),
        (slice(kills.index(middle) + 1, None), SECOND_HALF),
    ):
        assert sorted(kill.parts[0] for kill in kills[some][: len(parts)]) == sorted(parts)
    assert not any("web2" in kill.parts or "relay" in kill.parts for kill in kills if kill.at < 300)
    assert not any("web1" in kill.parts or "witness" in kill.parts for kill in kills if kill.at > 300)


def test_a_frame_is_read_as_it_comes():
    """Its events with their moments, and the cursor to come back with."""
    event = {"id": 3, "occurred_at": "2026-11-29T09:00:00.500Z"}
    text = json.dumps({"type": "events", "events": [event], "cursor": "c:3"}).encode()
    read = understood(text)
    assert (read.kind, read.cursor, read.size) == ("events", "c:3", len(text))
    assert read.events == ((3, 1795942800.5),)


def test_why_a_socket_was_closed():
    """By the server's close frame; one that was cut has no code."""

    class Transport(asyncio.Transport):
        def write(self, data): ...

        def close(self): ...

    socket, cut = (Socket(handshake(80, "/", "", "localhost"), lambda: None, print, lambda: None) for _ in range(2))
    for one in (socket, cut):
        one.connection_made(Transport())
        one.data_received(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    socket.data_received(b"\x88\x02" + (4408).to_bytes(2, "big"))
    assert (socket.code, cut.code) == (4408, None)


def test_errors_in_the_logs_are_counted_by_their_kind():
    """Without numbers and moments, by which they would all differ."""
    lines = [
        "2026-11-29 09:00:00,123 WARNING signal_log.tail: no answer for 5 s",
        "2026-11-29 09:00:07,123 WARNING signal_log.tail: no answer for 6 s",
        "2026-11-29 09:00:07,123 INFO daphne: all is well",
        "Traceback (most recent call last):",
        "psycopg.errors.AdminShutdown: terminating connection",
    ]
    assert kinds("web2", lines) == {
        "web: WARNING signal_log.tail: no answer for 0 s": 2,
        "web: psycopg.errors.AdminShutdown: terminating connection": 1,
    }
