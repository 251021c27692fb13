"""A database that cuts connections, vanishes or hangs delays the live pages but never loses an event."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from django.db import connection

from signal_log.models import SignalEvent
from signal_log.store.follow import APPLICATION_NAME, Follower
from tests.factories import insert_event, make_event
from tests.tail import log_in, make_observer, open_socket

if TYPE_CHECKING:
    from tests.servers.daphne import Daphne

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

Start = Callable[..., "Daphne"]


def test_sessions_are_not_closed_by_an_outage_of_the_database(start: Start, session: Any) -> None:
    """When all connections are cut, the page gets at most one error, stays open and receives what comes after."""
    server = start()
    with open_socket(server, session) as page:
        page.subscribe()
        for _ in range(3):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND application_name = %s AND pid <> pg_backend_pid()",
                    [APPLICATION_NAME],
                )
                assert cursor.fetchall(), "no connection was cut"
            new = make_event().pk
            assert page.until(lambda new=new: new in page.ids, 6), server.log_tail()
            # The permission check makes the query thread reconnect, if nothing else does.
            assert page.until(lambda new=new: page.frames[-1].get("database") == "ok", 12)
    codes = [frame["code"] for frame in page.frames if frame["type"] == "error"]
    assert set(codes) <= {"database_unavailable"}
    assert len(codes) <= 3
    assert len(page.ids) == len(set(page.ids)) == 3
    assert "Traceback" not in server.log_text()


def test_a_database_server_that_vanished_without_a_word_is_not_waited_for_for_hours() -> None:
    """The reader's connection lets the operating system check whether the server is still there."""

    def ask() -> dict[str, str]:
        follower = Follower()
        follower.extent()
        found = connection.connection.info.get_parameters()
        follower.close()
        return dict(found)

    with ThreadPoolExecutor(1) as thread:  # a follower replaces its thread's connection
        given = thread.submit(ask).result()
    assert given["tcp_user_timeout"] == "10000"
    assert given["keepalives_idle"] == "10"
    assert given["application_name"] == APPLICATION_NAME


def test_a_hanging_database_is_reported_and_nothing_is_lost(
    start: Start, session: Any, other_connection: Callable[[], psycopg.Connection]
) -> None:
    """Reads neither fail nor return: after 5 s the page is told, and later that all is well again."""
    server, migration = start(), other_connection()
    with open_socket(server, session) as page:
        page.subscribe()
        migration.execute(f'LOCK TABLE "{SignalEvent._meta.db_table}"')
        during = insert_event(migration)
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


def test_reloads_while_the_database_hangs_leave_nothing_waiting_there(
    start: Start, session: Any, other_connection: Callable[[], psycopg.Connection]
) -> None:
    """Once a page is closed, no connection of its stays in the queue for the lock."""
    server, migration = start(), other_connection()
    migration.execute(f'LOCK TABLE "{SignalEvent._meta.db_table}"')
    for _ in range(3):
        with open_socket(server, session) as page:
            page.tell(type="subscribe", after=None, backfill=5, filters={})
            assert eventually(lambda: readers_in_the_queue() == 1)
        assert eventually(lambda: readers_in_the_queue() == 0)
    migration.commit()
    with open_socket(server, session) as page:
        page.subscribe()
        after = make_event().pk
        assert page.until(lambda: page.ids == [after], 3)
    assert "Traceback" not in server.log_text()


def readers_in_the_queue() -> int:
    """Return how many of our connections wait for a lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'",
            [APPLICATION_NAME],
        )
        return int(cursor.fetchone()[0])


def eventually(reached: Callable[[], bool], seconds: float = 5) -> bool:
    """Return whether the condition holds within this many seconds."""
    deadline = time.monotonic() + seconds
    while not reached() and time.monotonic() < deadline:
        time.sleep(0.05)
    return reached()


def test_a_log_out_during_a_database_hang_stops_delivery(
    start: Start, session: Any, other_connection: Callable[[], psycopg.Connection]
) -> None:
    """What was committed meanwhile is sent only once it is certain again who may see it."""
    other = make_observer("alan")
    server, migration = start(), other_connection()
    with open_socket(server, session) as page, open_socket(server, log_in(other)) as theirs:
        page.subscribe()
        theirs.subscribe()
        migration.execute(f'LOCK TABLE "{SignalEvent._meta.db_table}", django_session')
        during = insert_event(migration)
        assert page.wait_for("error", 9)["code"] == "database_unavailable"
        migration.execute("DELETE FROM django_session WHERE session_key = %s", [session.session_key])
        migration.commit()
        assert theirs.until(lambda: theirs.ids == [during], 3)
        assert page.closed(3) == 4401
    assert page.ids == []
