"""No event is lost: commits out of order, other processes, a layer or a server that goes away."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from signal_log.models import SignalEvent
from tests.factories import event_value, insert_event, make_event
from tests.tail import open_socket

if TYPE_CHECKING:
    from tests.servers.daphne import Daphne
    from tests.servers.valkey import Valkey

pytestmark = pytest.mark.django_db(transaction=True)

Start = Callable[..., "Daphne"]


@pytest.mark.postgresql  # SQLite has one writer, so commits cannot overtake each other
def test_commits_in_the_opposite_order_of_their_ids_reach_everybody_once(
    start: Start, session: Any, other_connection: Callable[[], psycopg.Connection]
) -> None:
    """The higher id commits first; a subscribed page and one that reconnects in between get both, each once."""
    server = start()
    slow, quick, never = other_connection(), other_connection(), other_connection()
    with open_socket(server, session) as page, open_socket(server, session) as leaving:
        page.subscribe()
        leaving.subscribe()
        low, dead, high = insert_event(slow), insert_event(never), insert_event(quick)
        assert low < dead < high
        quick.commit()
        assert page.until(lambda: page.ids == [high])
        assert leaving.until(lambda: leaving.ids == [high])
        leaving.socket.close()
        with open_socket(server, session) as back:
            back.subscribe(after=leaving.cursor)
            slow.commit()
            never.rollback()
            assert page.until(lambda: low in page.ids, 3)
            assert back.until(lambda: low in back.ids, 3)
            last = make_event().pk
            assert page.until(lambda: last in page.ids)
            assert back.until(lambda: last in back.ids)
    assert page.ids == [high, low, last]
    # What came before the reconnection may be sent again; the client drops ids that it has.
    assert sorted({*leaving.ids, *back.ids}) == [low, high, last]
    assert len(back.ids) == len(set(back.ids))
    assert int(str(page.cursor).split(":")[1]) == last, "the dead id still holds the cursor back"


@pytest.mark.postgresql  # SQLite has one writer, so commits cannot overtake each other
def test_a_transaction_open_before_the_first_socket_is_not_missed(
    start: Start, session: Any, other_connection: Callable[[], psycopg.Connection]
) -> None:
    """The reader starts while ids below the newest are uncommitted: their events come late, but they come."""
    server = start()
    slow = other_connection()
    low = insert_event(slow)
    high = make_event().pk
    with open_socket(server, session) as page:
        page.subscribe(backfill=1)
        assert page.until(lambda: page.ids == [high])
        slow.commit()
        assert page.until(lambda: page.ids == [high, low], 3)


def test_a_save_in_another_process_arrives_within_a_second(start: Start, session: Any) -> None:
    """Without a layer between the processes, the commit is noticed by polling."""
    with open_socket(start(), session) as page:
        page.subscribe()
        for _ in range(3):
            new = make_event().pk
            began = time.monotonic()
            assert page.until(lambda new=new: new in page.ids, 5)
            assert time.monotonic() - began < 1.5


def test_two_servers_with_a_layer_ring_each_other(start: Start, session: Any, valkey: Valkey) -> None:
    """What one daphne records is shown on a page of the other well within the second that polling takes."""
    servers = [start(REDIS_URL=valkey.url), start(REDIS_URL=valkey.url)]
    with open_socket(servers[0], session) as page:
        page.subscribe(source="http")
        delays = []
        for turn in range(5):
            register(servers[1], f"ada{turn}")
            began = time.monotonic()
            assert page.until(lambda turn=turn: len(page.ids) > turn * 2, 5)
            delays.append(time.monotonic() - began)
            page.until(lambda: False, 0.3)
    assert {event["sender"] for event in page.events} >= {"auth.User"}
    assert max(delays) < 1


def register(server: Daphne, name: str) -> None:
    """Fill in the registration form, as a browser does."""
    import urllib.parse
    import urllib.request
    from http.cookiejar import CookieJar

    jar = CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    address = f"{server.url}/accounts/register/"
    browser.open(address, timeout=20).read()
    token = next(cookie.value for cookie in jar if cookie.name == "csrftoken")
    form = {
        "csrfmiddlewaretoken": token,
        "username": name,
        "first_name": name,
        "email": f"{name}@example.org",
        "password1": "Correct-Horse-9",
        "password2": "Correct-Horse-9",
    }
    browser.open(address, urllib.parse.urlencode(form).encode(), timeout=20).read()


@pytest.mark.one_database
def test_events_still_come_without_the_layer_and_the_page_says_so(start: Start, session: Any, valkey: Valkey) -> None:
    """While Valkey is stopped the page gets an error frame and events by polling; then all is well again."""
    server = start(REDIS_URL=valkey.url)
    with open_socket(server, session) as page:
        page.subscribe()
        valkey.terminate()
        try:
            during = make_event().pk
            assert page.until(lambda: during in page.ids, 3)
            assert page.until(lambda: any(f.get("code") == "doorbell_unavailable" for f in page.frames), 15)
        finally:
            seen = len(page.frames)
            valkey.start()
        assert page.until(lambda: any(f.get("layer") == "ok" for f in page.frames[seen:]), 20)
        after = make_event().pk
        assert page.until(lambda: after in page.ids, 3)
    assert page.ids == [during, after]


@pytest.mark.one_database
def test_a_socket_can_be_opened_while_the_layer_is_down(start: Start, session: Any, valkey: Valkey) -> None:
    """The live page needs no layer to start."""
    valkey.terminate()
    try:
        with open_socket(start(REDIS_URL=valkey.url), session) as page:
            page.subscribe()
            new = make_event().pk
            assert page.until(lambda: new in page.ids, 3)
    finally:
        valkey.start()


def test_a_killed_server_loses_nothing(start: Start, session: Any) -> None:
    """After `kill -9`, more events and a new process, the cursor brings exactly the rest."""
    server = start()
    with open_socket(server, session) as page:
        page.subscribe()
        first = make_event().pk
        assert page.until(lambda: page.ids == [first])
        server.kill()
        assert page.closed(5) == 1006
    missed = [make_event().pk for _ in range(3)]
    server.start()
    with open_socket(server, session) as again:
        again.subscribe(after=page.cursor)
        assert again.until(lambda: len(again.ids) == 3)
        assert again.ids == missed


def test_many_events_at_once_come_complete_and_in_order(start: Start, session: Any) -> None:
    """5,000 rows of one commit reach a page that acknowledges them, each once."""
    rows = [SignalEvent(**event_value()._asdict()) for _ in range(5000)]
    with open_socket(start(), session) as page:
        page.subscribe()
        ids = [row.pk for row in SignalEvent.objects.bulk_create(rows, batch_size=500)]
        assert page.until(lambda: len(page.ids) >= 5000, 30)
    assert page.ids == ids
    assert all(len(json.dumps(f)) < 200_000 for f in page.frames)
