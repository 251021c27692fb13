"""The websocket of a real daphne: subscribing, resuming, filters, acknowledgements, restarts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from signal_log.models import SignalEvent
from tests.factories import event_value, make_event
from tests.tail import database_url, log_in, make_observer, open_socket

if TYPE_CHECKING:
    from tests.servers.daphne import Daphne

pytestmark = pytest.mark.django_db(transaction=True)


def make_events(count: int, **fields: Any) -> list[int]:
    """Create many rows at once, and return their ids."""

    rows = [SignalEvent(**event_value(**fields)._asdict()) for _ in range(count)]
    return [row.pk for row in SignalEvent.objects.bulk_create(rows)]


def test_backfill_then_live(server: Daphne, session: Any) -> None:
    """The last N matching events come first, oldest first, then each new event, as it is shown."""
    old = make_events(5)
    with open_socket(server, session) as page:
        ready = page.subscribe(backfill=3)
        assert ready["server_time"].endswith("Z")
        assert page.until(lambda: len(page.ids) == 3)
        new = make_event(object_repr="<b>Ada</b>", changes={"bio": [None, "ü\u2028"]})
        assert page.until(lambda: new.pk in page.ids)
    assert page.ids == [*old[2:], new.pk]
    assert page.events[-1]["object_repr"] == "<b>Ada</b>"
    assert page.events[-1]["changes"] == {"bio": [None, "ü\u2028"]}
    assert page.events[-1]["digest"] == bytes(new.digest).hex()


def test_resuming_brings_all_that_was_missed_in_order(server: Daphne, session: Any) -> None:
    """A cursor brings every matching row after it, more than a backfill could hold, each once."""
    with open_socket(server, session) as page:
        page.subscribe()
    make_events(400, sender="shop.Order")
    missed = make_events(1500)
    with open_socket(server, session) as again:
        again.subscribe(after=page.cursor, sender="auth.User")
        assert again.until(lambda: len(again.ids) == 1500)
        live = make_event()
        assert again.until(lambda: live.pk in again.ids)
    assert again.ids == [*missed, live.pk]


@pytest.mark.one_database
def test_filters_are_those_of_the_history_and_change_on_the_open_socket(server: Daphne, session: Any) -> None:
    """Only matching events come; subscribing again replaces the filters and may bring a backfill."""
    with open_socket(server, session) as page:
        page.subscribe(signal="pre_save", q="AUGUSTA")
        make_event()
        wanted = make_event(signal="pre_save")
        make_event(signal="pre_save", changes={})
        assert page.until(lambda: wanted.pk in page.ids)
        page.subscribe(backfill=10, actor=["alan", "!grace"])
        other = make_event(actor_repr="alan")
        make_event(actor_repr="grace")
        last = make_event(actor_repr="alan")
        assert page.until(lambda: last.pk in page.ids)
    assert page.ids == [wanted.pk, other.pk, last.pk]


@pytest.mark.one_database
def test_changing_filters_loses_no_event_that_comes_during_it(server: Daphne, session: Any) -> None:
    """While the filters switch back and forth, an event that matches both arrives exactly once."""
    with open_socket(server, session) as page:
        page.subscribe()
        made = []
        for turn in range(30):
            page.tell(type="subscribe", after=None, filters={"sender": ["auth.User", f"x.Y{turn}"]})
            made.append(make_event().pk)
        assert page.until(lambda: set(made) <= set(page.ids))
    assert page.ids == made


SPOILED: list[tuple[Callable[[str, int], str], str]] = [
    (lambda cursor, _: "0badcafe" + cursor[8:], "foreign"),
    (lambda cursor, top: cursor.replace(f":{top}:", f":{2**63 - 1}:"), "rewound"),
    (lambda cursor, _: cursor[:-8] + "00000000", "rewound"),
    (lambda cursor, top: cursor.replace(f":{top}:", f":{top + 50}:"), "rewound"),
]


def test_a_cursor_that_cannot_be_continued_gets_a_reset(server: Daphne, session: Any) -> None:
    """A cursor of another log, of a reused id or from the future gets a `reset`, then a fresh start."""
    newest = make_events(4)[-1]
    oldest = SignalEvent.objects.order_by("id").values_list("id", flat=True)[0]
    for number, (spoil, reason) in enumerate(SPOILED):
        with open_socket(server, session) as page:
            page.subscribe()
            assert page.cursor is not None
            page.tell(type="subscribe", after=spoil(page.cursor, newest), backfill=1)
            reset = page.wait_for("reset")
            assert (reset["reason"], reset["oldest"]) == (reason, oldest), number
            assert page.until(lambda page=page, newest=newest: page.ids == [newest]), number
            newest = make_event().pk
            assert page.until(lambda page=page, newest=newest: newest in page.ids), number


def test_a_cursor_older_than_the_retained_log_is_expired(server: Daphne, session: Any) -> None:
    """If the cursor's row and rows after it were pruned, `reset` says so instead of leaving a silent hole."""
    with open_socket(server, session) as page:
        page.subscribe()
        kept = make_events(4)[2:]
        _forget(list(SignalEvent.objects.filter(pk__lt=kept[0]).values_list("pk", flat=True)))
        page.tell(type="subscribe", after=page.cursor, backfill=1)
        reset = page.wait_for("reset")
        assert (reset["reason"], reset["oldest"]) == ("expired", kept[0])


def _forget(ids: list[int]) -> None:
    """Remove rows in spite of the table's protection, as retention will."""
    table = SignalEvent._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
        else:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [table])
            triggers = cursor.fetchall()
            for name, _ in triggers:
                cursor.execute(f"DROP TRIGGER {name}")
        SignalEvent.objects.filter(pk__in=ids)._raw_delete("default")
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = origin")
        else:
            for _, sql in triggers:
                cursor.execute(sql)


@pytest.mark.one_database
def test_a_client_that_does_not_acknowledge_is_paused_and_loses_nothing(server: Daphne, session: Any) -> None:
    """With 256 KB or 2,000 events unacknowledged the stream stops; an acknowledgement brings the rest."""
    with open_socket(server, session, acknowledge=False) as page, open_socket(server, session) as other:
        page.subscribe()
        other.subscribe()
        ids = [pk for _ in range(5) for pk in make_events(200)]
        assert other.until(lambda: len(other.ids) == 1000), "a stalled socket holds up the others"
        assert not page.until(lambda: len(page.ids) == 1000, 2)
        received = sum(len(json.dumps(event)) for event in page.events)
        assert 150_000 < received < 400_000
        stopped = len(page.ids)
        page.acknowledge = True
        page.tell(type="ack", id=page.ids[-1])
        assert page.until(lambda: len(page.ids) == 1000)
        late = make_event()
        assert page.until(lambda: late.pk in page.ids)
    assert 0 < stopped < 1000
    assert page.ids == [*ids, late.pk]
    assert other.ids[:1000] == ids


@pytest.mark.one_database
def test_a_client_that_never_acknowledges_is_closed_and_may_resume(
    transactional_db: None, daphne_server: Callable[..., Daphne]
) -> None:
    """After the time limit (shortened here) it is closed with 4408 and can resume; a client that owes nothing stays."""
    server = daphne_server({"DATABASE_URL": database_url()}, application="tests.servers.short_ack_timeout:application")
    session = log_in(make_observer())
    with open_socket(server, session, acknowledge=False) as silent, open_socket(server, session) as other:
        silent.subscribe()
        other.subscribe()
        assert silent.closed(3) is None, "an idle client is not an unresponsive one"
        first = make_event().pk
        assert other.until(lambda: other.ids == [first])
        assert silent.closed(5) == 4408
        second = make_event().pk
        assert other.until(lambda: other.ids == [first, second])
    with open_socket(server, session) as again:
        again.subscribe(after=silent.cursor)
        assert again.until(lambda: again.ids == [second])
    assert silent.ids == [first]
    server.close()


@pytest.mark.one_database
def test_ping_is_answered_with_the_head_of_the_log(server: Daphne, session: Any) -> None:
    """A heartbeat on demand says how far the client and the log are."""
    new = make_event()
    with open_socket(server, session) as page:
        page.subscribe()
        page.tell(type="ping")
        beat = page.wait_for("heartbeat")
    assert beat["head"] == new.pk
    assert beat["cursor"] == page.cursor
    assert (beat["layer"], beat["database"]) == ("ok", "ok")


@pytest.mark.one_database
def test_a_stopping_server_says_that_it_restarts(server: Daphne, session: Any) -> None:
    """On SIGTERM each socket is closed with 1012, and its cursor works with the next server."""
    with open_socket(server, session) as page, open_socket(server, session) as second:
        page.subscribe()
        second.subscribe()
        server.terminate()
        assert page.closed(5) == 1012
        assert second.closed(5) == 1012
    missed = make_event()
    server.start()
    with open_socket(server, session) as again:
        again.subscribe(after=page.cursor)
        assert again.until(lambda: again.ids == [missed.pk])


def test_a_log_that_starts_over_is_noticed_on_the_open_socket(server: Daphne, session: Any) -> None:
    """If the table is emptied and its ids start over while a page is open, it gets a `reset` and then new events."""
    make_events(3)
    with open_socket(server, session) as page:
        page.subscribe()
        table = SignalEvent._meta.db_table
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
                cursor.execute(f"TRUNCATE {table} RESTART IDENTITY")
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            else:
                _forget(list(SignalEvent.objects.values_list("id", flat=True)))
                cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
        assert page.wait_for("reset")["reason"] == "rewound"
        new = make_event()
        assert page.until(lambda: new.pk in page.ids)
