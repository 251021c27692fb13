"""Nothing is lost: commits out of order, other processes, a layer, a database or a server that goes away."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from django.db import connection
from psycopg.types.json import Json

from signal_log.models import SignalEvent
from signal_log.store.follow import APPLICATION_NAME, Follower
from tests.factories import event_value, make_event
from tests.tail import Page, database_url, log_in, make_observer

if TYPE_CHECKING:
    from tests.servers.daphne import Daphne
    from tests.servers.valkey import Valkey

pytestmark = pytest.mark.django_db(transaction=True)

Start = Callable[..., "Daphne"]


@pytest.fixture
def start(transactional_db: None, daphne_server: Start) -> Iterator[Start]:
    """Starts daphnes on this test's database; they are stopped before it is emptied."""
    with contextlib.ExitStack() as stack:
        yield lambda **env: stack.enter_context(daphne_server({"DATABASE_URL": database_url(), **env}))


@pytest.fixture
def session(transactional_db: None) -> Any:
    """The session of a person who may see events."""
    return log_in(make_observer())


@pytest.fixture
def other_connection() -> Iterator[Callable[[], psycopg.Connection]]:
    """Opens further connections to this test's PostgreSQL, each with a transaction of its own."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(psycopg.connect(database_url()))


def insert(writer: psycopg.Connection) -> int:
    """An event in the open transaction of a connection; its id."""
    fields = event_value()._asdict()
    for name in ("update_fields", "origin", "changes", "receivers"):
        fields[name] = None if fields[name] is None else Json(fields[name])
    names = ", ".join(f'"{name}"' for name in fields)
    marks = ", ".join(["%s"] * len(fields))
    table = SignalEvent._meta.db_table
    statement = f'INSERT INTO "{table}" ({names}) VALUES ({marks}) RETURNING id'  # noqa: S608  our own names
    row = writer.execute(statement, list(fields.values()))
    return row.fetchone()[0]  # type: ignore[index]


@pytest.mark.postgresql  # SQLite has one writer: commits cannot overtake each other
def test_commits_in_the_opposite_order_of_their_ids_reach_everybody_once(
    start: Start, session: Any, other_connection: Callable[[], psycopg.Connection]
) -> None:
    """The higher id commits first; a subscribed page and one that reconnects between get both, once each."""
    server = start()
    slow, quick, never = other_connection(), other_connection(), other_connection()
    with Page(server, session) as page, Page(server, session) as leaving:
        page.subscribe()
        leaving.subscribe()
        low, dead, high = insert(slow), insert(never), insert(quick)
        assert low < dead < high
        quick.commit()
        assert page.until(lambda: page.ids == [high])
        assert leaving.until(lambda: leaving.ids == [high])
        leaving.socket.close()
        with Page(server, session) as back:
            back.subscribe(after=leaving.cursor)
            slow.commit()
            never.rollback()
            assert page.until(lambda: low in page.ids, 3)
            assert back.until(lambda: low in back.ids, 3)
            last = make_event().pk
            assert page.until(lambda: last in page.ids)
            assert back.until(lambda: last in back.ids)
    assert page.ids == [high, low, last]
    # What came before the cut may come again after it; the client drops what it has, by id.
    assert sorted({*leaving.ids, *back.ids}) == [low, high, last]
    assert len(back.ids) == len(set(back.ids))
    assert int(str(page.cursor).split(":")[1]) == last, "the dead id no longer holds the cursor back"


@pytest.mark.postgresql  # SQLite has one writer: commits cannot overtake each other
def test_a_transaction_open_before_the_first_socket_is_not_missed(
    start: Start, session: Any, other_connection: Callable[[], psycopg.Connection]
) -> None:
    """The reader starts when ids below the newest have yet to commit: they come late, but they come."""
    server = start()
    slow = other_connection()
    low = insert(slow)
    high = make_event().pk
    with Page(server, session) as page:
        page.subscribe(backfill=1)
        assert page.until(lambda: page.ids == [high])
        slow.commit()
        assert page.until(lambda: page.ids == [high, low], 3)


def test_a_save_in_another_process_arrives_within_a_second(start: Start, session: Any) -> None:
    """Without any layer between them, a commit of another process is noticed by looking."""
    with Page(start(), session) as page:
        page.subscribe()
        for _ in range(3):
            new = make_event().pk
            began = time.monotonic()
            assert page.until(lambda new=new: new in page.ids, 5)
            assert time.monotonic() - began < 1.5


def test_two_servers_with_a_layer_ring_each_other(start: Start, session: Any, valkey: Valkey) -> None:
    """What one daphne records, a page of the other shows in well under the second of the fallback."""
    servers = [start(REDIS_URL=valkey.url), start(REDIS_URL=valkey.url)]
    with Page(servers[0], session) as page:
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


def test_without_the_layer_events_still_come_and_the_page_is_told(start: Start, session: Any, valkey: Valkey) -> None:
    """Valkey stops and starts again: an error frame, events by polling, then all is well again."""
    server = start(REDIS_URL=valkey.url)
    with Page(server, session) as page:
        page.subscribe()
        valkey.terminate()
        try:
            during = make_event().pk
            assert page.until(lambda: during in page.ids, 3)
            assert page.until(lambda: any(f.get("code") == "doorbell_unavailable" for f in page.frames), 15)
        finally:
            told = len(page.frames)
            valkey.start()
        assert page.until(lambda: any(f.get("layer") == "ok" for f in page.frames[told:]), 20)
        after = make_event().pk
        assert page.until(lambda: after in page.ids, 3)
    assert page.ids == [during, after]


def test_a_socket_can_be_opened_while_the_layer_is_down(start: Start, session: Any, valkey: Valkey) -> None:
    """The live page needs no layer to start."""
    valkey.terminate()
    try:
        with Page(start(REDIS_URL=valkey.url), session) as page:
            page.subscribe()
            new = make_event().pk
            assert page.until(lambda: new in page.ids, 3)
    finally:
        valkey.start()


def test_a_killed_server_loses_nothing(start: Start, session: Any) -> None:
    """`kill -9`, events meanwhile, a new process: the cursor brings exactly the rest."""
    server = start()
    with Page(server, session) as page:
        page.subscribe()
        first = make_event().pk
        assert page.until(lambda: page.ids == [first])
        server.kill()
        assert page.closed(5) == 1006
    missed = [make_event().pk for _ in range(3)]
    server.start()
    with Page(server, session) as again:
        again.subscribe(after=page.cursor)
        assert again.until(lambda: len(again.ids) == 3)
        assert again.ids == missed


@pytest.mark.postgresql
def test_sessions_are_not_closed_by_an_outage_of_the_database(start: Start, session: Any) -> None:
    """All connections are cut: the page is told at most once, stays open and gets what was committed since."""
    server = start()
    with Page(server, session) as page:
        page.subscribe()
        for _ in range(3):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND application_name = %s",
                    [APPLICATION_NAME],
                )
                assert cursor.fetchall(), "no connection was cut"
            new = make_event().pk
            assert page.until(lambda new=new: new in page.ids, 6), server.log_tail()
            # The guard's round makes the library connect again, if nothing else does.
            assert page.until(lambda new=new: page.frames[-1].get("database") == "ok", 12)
    codes = [frame["code"] for frame in page.frames if frame["type"] == "error"]
    assert set(codes) <= {"database_unavailable"}
    assert len(codes) <= 3
    assert len(page.ids) == len(set(page.ids)) == 3
    assert "Traceback" not in server.log_text()


@pytest.mark.postgresql
def test_a_database_server_that_vanished_without_a_word_is_not_waited_for_for_hours() -> None:
    """The reader's connection has the operating system look whether the other side is still there."""

    def ask() -> dict[str, str]:
        follower = Follower()
        follower.extent()
        found = connection.connection.info.get_parameters()
        follower.close()
        return dict(found)

    with ThreadPoolExecutor(1) as thread:  # a follower takes the place of its thread's connection
        given = thread.submit(ask).result()
    assert given["tcp_user_timeout"] == "10000"
    assert given["keepalives_idle"] == "10"
    assert given["application_name"] == APPLICATION_NAME


@pytest.mark.postgresql  # readers of SQLite's write-ahead log wait for nobody
def test_a_database_that_hangs_is_told_and_nothing_is_lost(
    start: Start, session: Any, other_connection: Callable[[], psycopg.Connection]
) -> None:
    """Reads do not fail but do not come back either: after 5 s the page hears of it, later that all is well."""
    server, migration = start(), other_connection()
    with Page(server, session) as page:
        page.subscribe()
        migration.execute(f'LOCK TABLE "{SignalEvent._meta.db_table}"')
        during = insert(migration)
        assert page.wait_for("error", 9)["code"] == "database_unavailable"
        page.tell(type="ping")
        assert page.wait_for("heartbeat")["database"] == "down"
        migration.commit()
        assert page.until(lambda: page.ids == [during], 3)
        assert page.until(lambda: page.frames[-1].get("database") == "ok", 3)
        after = make_event().pk
        assert page.until(lambda: page.ids == [during, after], 3)
    assert sum(frame["type"] == "error" for frame in page.frames) == 1
    assert "Traceback" not in server.log_text()


@pytest.mark.postgresql
def test_reloads_while_the_database_hangs_leave_nothing_waiting_there(
    start: Start, session: Any, other_connection: Callable[[], psycopg.Connection]
) -> None:
    """Who leaves is not waited for any longer: no connection of theirs stays in the queue for the lock."""
    server, migration = start(), other_connection()
    migration.execute(f'LOCK TABLE "{SignalEvent._meta.db_table}"')
    for _ in range(3):
        with Page(server, session) as page:
            page.tell(type="subscribe", after=None, backfill=5, filters={})
            assert becomes(lambda: readers_in_the_queue() == 1)
        assert becomes(lambda: readers_in_the_queue() == 0)
    migration.commit()
    with Page(server, session) as page:
        page.subscribe()
        after = make_event().pk
        assert page.until(lambda: page.ids == [after], 3)
    assert "Traceback" not in server.log_text()


def readers_in_the_queue() -> int:
    """How many of our connections wait for a lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'",
            [APPLICATION_NAME],
        )
        return int(cursor.fetchone()[0])


def becomes(reached: Callable[[], bool], seconds: float = 5) -> bool:
    """Whether something holds within so many seconds."""
    deadline = time.monotonic() + seconds
    while not reached() and time.monotonic() < deadline:
        time.sleep(0.05)
    return reached()


@pytest.mark.postgresql
def test_who_logs_out_while_the_database_hangs_gets_nothing_from_it_any_more(
    start: Start, session: Any, other_connection: Callable[[], psycopg.Connection]
) -> None:
    """What was committed meanwhile goes out only when it is certain again who may see it."""
    other = make_observer("alan")
    server, migration = start(), other_connection()
    with Page(server, session) as page, Page(server, log_in(other)) as theirs:
        page.subscribe()
        theirs.subscribe()
        migration.execute(f'LOCK TABLE "{SignalEvent._meta.db_table}", django_session')
        during = insert(migration)
        assert page.wait_for("error", 9)["code"] == "database_unavailable"
        migration.execute("DELETE FROM django_session WHERE session_key = %s", [session.session_key])
        migration.commit()
        assert theirs.until(lambda: theirs.ids == [during], 3)
        assert page.closed(3) == 4401
    assert page.ids == []


def test_many_events_at_once_come_complete_and_in_order(start: Start, session: Any) -> None:
    """5,000 rows of one commit reach a page that acknowledges, each once."""
    rows = [SignalEvent(**event_value()._asdict()) for _ in range(5000)]
    with Page(start(), session) as page:
        page.subscribe()
        ids = [row.pk for row in SignalEvent.objects.bulk_create(rows, batch_size=500)]
        assert page.until(lambda: len(page.ids) >= 5000, 30)
    assert page.ids == ids
    assert all(len(json.dumps(f)) < 200_000 for f in page.frames)
