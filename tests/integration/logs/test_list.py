"""Logs of several databases are one list by time, read there and never written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from django.contrib.auth.models import User
from django.db import connection, connections
from django.test import Client

from signal_log.event import ACCESSED
from signal_log.models import ReceiverCall, SignalEvent, SignalTrace
from tests.factories import event_value
from tests.integration.logs.elsewhere import IN_THREE_DATABASES, URL, A, B, Begin, C, Elsewhere, names, shown, told
from tests.shop.models import Item

pytestmark = IN_THREE_DATABASES


def test_logs_are_one_list_by_time(begin: Begin, mira: Client) -> None:
    """Each event with its log and the address of its page there, also where two logs have the same event."""
    Item.objects.create(name="chair")
    b, c = begin(B), begin(C)  # copies: both have the chair, with its id and time
    b.create("lamp")
    Item.objects.create(name="table")
    c.create("vase")
    with shown(b, c):
        found = told(mira)
        page = mira.get("/logs/").content.decode()
    assert names(found) == [
        (C, "vase"), (A, "table"), (B, "lamp"), (C, "chair"), (B, "chair"), (A, "chair"),
    ]  # fmt: skip
    assert [(log["origin"], log["is_own"]) for log in found["logs"]] == [
        (A, True), (B, False), (C, False),
    ]  # fmt: skip
    lamp = next(event for event in found["events"] if event["object_repr"].startswith("lamp"))
    assert lamp["url"] == f"{URL}events/{lamp['id']}/"
    assert found["events"][-1]["url"].startswith("http://testserver/events/")
    assert found["problems"] == []
    assert f'href="{URL}events/{SignalEvent.objects.using(b.alias).latest("pk").pk}/"' in page
    assert f'href="{URL}objects/shop.Item/' in page
    assert f'href="{URL}traces/' in page
    assert [page.index(f">{name} in") for name in ("vase", "table", "lamp", "chair")] == sorted(
        page.index(f">{name} in") for name in ("vase", "table", "lamp", "chair")
    )


def test_pages_lose_and_double_nothing(begin: Begin, mira: Client) -> None:
    """Older and older while events arrive, and back; the page's links hold the same places as the JSON."""
    Item.objects.create(name="0")
    b = begin()
    for number in range(1, 6):
        b.create(f"b{number}")
        Item.objects.create(name=f"a{number}")
    with shown(b):
        whole = [(event["log"], event["id"]) for event in told(mira, "size=1000")["events"]]
        seen, page = [], told(mira, "size=3")
        while True:
            seen += [(event["log"], event["id"]) for event in page["events"]]
            if not page["older"]:
                break
            b.create("late")
            page = told(mira, "size=3&" + "&".join(f"before={quote(place)}" for place in page["older"]))
        assert sorted(seen) == sorted(whole)  # each once; in their order, as far as ids have that of time
        back = [(event["log"], event["id"]) for event in page["events"]][::-1]
        while page["newer"]:
            page = told(mira, "size=3&" + "&".join(f"after={quote(place)}" for place in page["newer"]))
            back += [(event["log"], event["id"]) for event in page["events"]][::-1]
        assert len(back) == len(set(back))
        assert set(back) == {(event["log"], event["id"]) for event in told(mira, "size=1000")["events"]}


def test_a_query_is_asked_of_each(begin: Begin, mira: Client) -> None:
    """Filters, times and telemetry are those of the log in which they are looked up."""
    b = begin()
    b.create("lamp", "vase")
    Item.objects.create(name="lamp")
    row = SignalEvent.objects.using(b.alias).filter(object_repr__startswith="lamp").latest("pk")
    SignalTrace(
        trace_id=row.trace_id, source="test", started_at=row.occurred_at, duration_us=9_000_000_000, slowest_us=0,
        events=2, operations=1, failed=0, silent=0,
    ).save(using=b.alias, force_insert=True)  # fmt: skip
    ReceiverCall(
        trace_id=row.trace_id, position=row.position, started_us=0, duration_us=8_000_000_000, queries=0
    ).save(using=b.alias, force_insert=True)  # fmt: skip
    with shown(b):
        assert names(told(mira, "q=lamp")) == [(A, "lamp"), (B, "lamp")]
        assert names(told(mira, "q=name:vase")) == [(B, "vase")]
        assert names(told(mira, f"q=object:shop.Item/{row.object_pk}+lamp")) != []
        assert names(told(mira, "q=model:Item+-lamp")) == [(B, "vase")]
        assert names(told(mira, "q=took:>1h")) == [(B, "lamp")]
        assert told(mira, "until=2001-01-01")["events"] == []
        page = mira.get("/logs/?q=lamp").content.decode()
        assert "/logs/?q=lamp&amp;sender=shop.Item" in page or "/logs/?q=lamp&sender=shop.Item" in page
        wrong = mira.get("/logs/?q=%28lamp")
        assert wrong.status_code == 400
        assert "At character" in wrong.content.decode()
        assert mira.get("/logs/?format=json&before=nonsense").status_code == 400


def test_an_event_without_a_page_opens_in_its_row(begin: Begin, mira: Client) -> None:
    """Where no address of its pages is known there is no link, and the row has the event's fields."""
    b = begin()
    b.create("<b>lamp</b>")
    hostile = event_value(sender="shop.Item", object_pk="<i>1</i>", path="/<i>x</i>", caused_by="a.<i>b</i>")
    SignalEvent.objects.using(b.alias).bulk_create([SignalEvent(**hostile._asdict())])
    with shown(b, url=""):
        page = mira.get("/logs/?q=model:Item").content.decode()
        events = told(mira)["events"]
    assert 'details class="whole"' in page
    assert "&lt;b&gt;lamp&lt;/b&gt; in" in page
    assert "<b>lamp</b>" not in page
    assert "<i>" not in page
    assert "<dd>shop.Item/&lt;i&gt;1&lt;/i&gt;</dd>" in page
    assert "/events/" not in page.split("<tbody>")[1]
    assert events[0]["url"] == ""


def test_nothing_is_written_there(begin: Begin, mira: Client) -> None:
    """Whatever is asked, another log gets SELECTs alone; on PostgreSQL a role with no other right reads all."""
    b = begin()
    b.create("lamp")
    queries = ("", "q=lamp", "q=took:>1ms", "q=is:pinned", "q=object:shop.Item/1", "since=2001-01-01", "q=model:Item")
    before = _dump(b)
    if connection.vendor == "postgresql":
        b.read_by_role()
    else:
        connections[b.alias].close()
        b.entry["NAME"] = f"file:{b.entry['NAME']}?mode=ro"
    with shown(b):
        for query in queries:
            assert told(mira, query)["problems"] == [], query
        assert names(told(mira)) == [(B, "lamp")]
        with _as_owner(b):
            assert _dump(b) == before


def test_what_was_looked_at_is_recorded_here(begin: Begin, mira: Client) -> None:
    """With READS: of another log how many objects, for their keys are not those of here."""
    Item.objects.create(name="chair")
    b = begin()
    b.create("lamp", "vase")
    with shown(b, READS=["shop.Item"]):
        mira.get("/logs/?q=lamp OR vase")
    seen = SignalEvent.objects.filter(signal=ACCESSED).get()
    assert (seen.object_pk, seen.object_repr, seen.labels) == ("", "2 items", {"objects": 2, "log": B})
    assert not SignalEvent.objects.using(b.alias).filter(signal=ACCESSED).exists()


def test_only_observers_see_them(begin: Begin, client: Client) -> None:
    """As the history: a log-in, the permission, and our policy on the answer."""
    b = begin()
    with shown(b):
        assert client.get("/logs/").status_code == 302
        client.force_login(User.objects.create_user("eve"))
        for query in ("", "?format=json"):
            assert client.get(f"/logs/{query}").status_code == 403
        client.force_login(User.objects.create_superuser("root"))
        assert "default-src 'none'" in client.get("/logs/").headers["Content-Security-Policy"]
        assert client.post("/logs/").status_code == 405


def test_an_export_is_of_one_log(begin: Begin, mira: Client) -> None:
    """Which the page says, and from where to export."""
    with shown(begin()):
        answer = mira.get("/logs/?format=csv")
        assert answer.status_code == 400
        assert "Export each at its own installation" in answer.content.decode()
        assert "Accepted: json" in mira.get("/logs/?format=xml").content.decode()


@contextmanager
def _as_owner(other: Elsewhere) -> Iterator[None]:
    connections[other.alias].close()
    kept = {key: other.entry[key] for key in ("USER", "PASSWORD")}
    other.entry |= {key: connection.settings_dict[key] for key in kept}
    yield
    connections[other.alias].close()
    other.entry |= kept


def _dump(other: Elsewhere) -> list[Any]:
    with connections[other.alias].cursor() as cursor:
        found = []
        for table in sorted(connections[other.alias].introspection.table_names(cursor)):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608  a table's name
            found.append((table, sorted(map(repr, cursor.fetchall()))))
        return found
