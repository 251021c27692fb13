"""LOGS: logs of several databases as one list, read and never written; what one of them lacks is said, and no more."""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.db import connection, connections
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from signal_log import pause
from signal_log.event import ACCESSED
from signal_log.models import LogIdentity, ReceiverCall, SealTree, SignalEvent, SignalTrace
from signal_log.show.logs import asking
from signal_log.show.query import paging
from signal_log.store.reading import read_from
from signal_log.store.schema import log_identity
from tests.factories import event_value, make_event
from tests.shop.models import Item

B, C = "b.example", "c.example"
ALIASES = {B: "log_b", C: "log_c"}
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", *ALIASES.values()])
URL = "https://b.example/signals/"
ROLE = "reader_of_logs"


class Elsewhere:
    """A log in a database of its own, which begins as a copy of this test's."""

    def __init__(self, folder: Path, origin: str) -> None:
        self.origin, self.alias = origin, ALIASES[origin]
        self.entry = connections.databases[self.alias]
        if connection.vendor == "sqlite":
            connection.ensure_connection()
            with closing(sqlite3.connect(folder / self.alias)) as copy:
                connection.connection.backup(copy)
            self.entry["NAME"] = str(folder / self.alias)
        else:
            self._copy_rows()
        now = datetime.now(UTC)
        tree = SealTree(generation=0, origin=f"{origin}/0", root=b"", begun_at=now, grown_at=now)
        tree.save(using=self.alias, force_insert=True)
        self.be_log(secrets.token_hex(16))

    def _copy_rows(self) -> None:
        """Sooner than a database is copied."""
        with pause(), connections[self.alias].cursor() as cursor:
            tables = ", ".join(model._meta.db_table for model in (*asking.READ, Item))
            cursor.execute("SET session_replication_role = replica")  # no trigger objects
            cursor.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
            cursor.execute("SET session_replication_role = DEFAULT")
            LogIdentity(pk=1).save(using=self.alias, force_insert=True)
            rows = SignalEvent.objects.using(self.alias).bulk_create(SignalEvent.objects.order_by("pk"))
            if rows:
                cursor.execute("SELECT setval('signal_log_signalevent_id_seq', %s)", [rows[-1].pk])

    @staticmethod
    def server(**how: Any) -> psycopg.Connection:
        """A connection of the owner's to this test's PostgreSQL."""
        own = connections["default"].settings_dict
        where = {"host": own["HOST"], "port": own["PORT"], "user": own["USER"], "password": own["PASSWORD"]}
        return psycopg.connect(**{**where, "dbname": "postgres", "autocommit": True, **how})

    def run(self, statement: str) -> None:
        """Run SQL there as its owner."""
        with connections[self.alias].cursor() as cursor:
            cursor.execute(statement)

    def be_log(self, identity: str) -> None:
        """Be another log than the one it was copied from, or the same again."""
        LogIdentity.objects.using(self.alias).update(value=identity)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """What is changed there is recorded there meanwhile."""
        with override_settings(SIGNAL_LOG={"MODELS": ["shop.*"], "DATABASE": self.alias}):
            yield

    def create(self, *names: str) -> None:
        """Make items there, in its own log."""
        with self.recording():
            for name in names:
                Item.objects.using(self.alias).create(name=name)


@pytest.fixture(scope="module", autouse=True)
def _databases(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The other databases, by their aliases."""
    own = dict(connection.settings_dict) | {"ATOMIC_REQUESTS": False, "CONN_MAX_AGE": 0, "OPTIONS": {}}
    for alias in ALIASES.values():
        entry = own | {"NAME": f"{alias}_{secrets.token_hex(4)}", "TEST": {"MIRROR": "default"}}  # Django empties none
        connections.databases[alias] = connections.configure_settings({"default": {}, alias: entry})[alias]
    names = [connections.databases[alias]["NAME"] for alias in ALIASES.values()] * (connection.vendor == "postgresql")
    if names:
        with django_db_blocker.unblock(), Elsewhere.server() as server:
            connection.close()
            connection.close_pool()
            for name in names:
                server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{own["NAME"]}"')
    yield
    for alias in ALIASES.values():
        connections[alias].close()
        del connections[alias], connections.databases[alias]
    for name in names:
        with Elsewhere.server() as server:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Elsewhere]]:
    """Begin another log: `begin("b.example")`."""
    monkeypatch.setattr(asking, "_failed", {})
    for module in (asking, paging):  # however busy the machine is
        monkeypatch.setattr(module, "SECONDS", 60.0)
    log_identity("default")
    entries = {alias: dict(connections.databases[alias]) for alias in ALIASES.values()}
    yield lambda origin=B: Elsewhere(tmp_path, origin)
    for alias, entry in entries.items():
        connections[alias].close()
        connections.databases[alias] |= entry


@contextmanager
def shown(*others: Elsewhere, url: str = URL, **more: Any) -> Iterator[None]:
    """These logs are named in LOGS."""
    logs = {one.origin: {"database": one.alias, "url": url} for one in others}
    with override_settings(
        SIGNAL_LOG={"MODELS": ["shop.*"], "SEAL_ORIGIN": "a.example", "LOGS": logs, **more},
    ):
        yield


def told(reader: Client, query: str = "") -> dict[str, Any]:
    answer = reader.get(f"/logs/?format=json&{query}")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = json.loads(answer.content)
    return found


def names(found: dict[str, Any]) -> list[tuple[str, str]]:
    saved = [one for one in found["events"] if (one["sender"], one["signal"]) == ("shop.Item", "post_save")]
    return [(one["log"], one["changes"]["name"][1]) for one in saved]


def test_logs_are_one_list_by_time(begin: Callable[..., Elsewhere], mira: Client) -> None:
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
        (C, "vase"), ("a.example", "table"), (B, "lamp"), (C, "chair"), (B, "chair"), ("a.example", "chair"),
    ]  # fmt: skip
    assert [(log["origin"], log["is_own"]) for log in found["logs"]] == [
        ("a.example", True), (B, False), (C, False),
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


def test_pages_lose_and_double_nothing(begin: Callable[..., Elsewhere], mira: Client) -> None:
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


def test_a_query_is_asked_of_each(begin: Callable[..., Elsewhere], mira: Client) -> None:
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
        assert names(told(mira, "q=lamp")) == [("a.example", "lamp"), (B, "lamp")]
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


def test_an_event_without_a_page_opens_in_its_row(begin: Callable[..., Elsewhere], mira: Client) -> None:
    """Where no address of its pages is known there is no link, and the row has the event's fields."""
    b = begin()
    b.create("<b>lamp</b>")
    hostile = event_value(sender="shop.Item", object_pk="<i>1</i>", path="/<i>x</i>", caused_by="a.<i>b</i>")
    SignalEvent.objects.using(b.alias).bulk_create([SignalEvent(**hostile._asdict())])
    with shown(b, url=""):
        page = mira.get("/logs/?q=model:Item").content.decode()
    assert 'details class="whole"' in page
    assert "&lt;b&gt;lamp&lt;/b&gt; in" in page
    assert "<b>lamp</b>" not in page
    assert "<i>" not in page
    assert "<dd>shop.Item/&lt;i&gt;1&lt;/i&gt;</dd>" in page
    assert "/events/" not in page.split("<tbody>")[1]
    assert told_with(mira, b)["events"][0]["url"] == ""


def told_with(reader: Client, *others: Elsewhere) -> dict[str, Any]:
    with shown(*others, url=""):
        return told(reader)


@pytest.mark.parametrize("broken", ["another", "no table", "older", "twice", "not begun"])
def test_a_log_that_cannot_be_shown_is_named(
    begin: Callable[..., Elsewhere], mira: Client, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """The page says which and why, and shows the others; so does the check."""
    b, c = begin(B), begin(C)
    b.create("lamp")
    c.create("vase")
    own, undo = LogIdentity.objects.get().value, "SELECT 1"
    said = {
        "another": "holds another log, called d.example",
        "no table": "lacks the table signal_log_signalevent",
        "older": "lacks the column overwrote of the table signal_log_signalevent",
        "twice": "holds the same log as that of a.example",
        "not begun": "holds another log, called",
    }[broken]
    if broken == "another":
        b.run("UPDATE signal_log_sealtree SET origin = 'd.example/0'")
    elif broken == "no table":
        undo = "ALTER TABLE moved_away RENAME TO signal_log_signalevent"
        b.run("ALTER TABLE signal_log_signalevent RENAME TO moved_away")
    elif broken == "older":
        undo = "ALTER TABLE signal_log_signalevent RENAME COLUMN moved_away TO overwrote"
        b.run("ALTER TABLE signal_log_signalevent RENAME COLUMN overwrote TO moved_away")
    elif broken == "twice":
        b.be_log(own)
    else:
        b.run("DELETE FROM signal_log_sealtree")
    with shown(b, c):
        found = told(mira)
        page = mira.get("/logs/")
        monkeypatch.setattr(asking, "_failed", {})
        messages = [message for message in run_checks(databases=[b.alias, c.alias]) if message.id == "signal_log.W051"]
    b.run(undo)
    assert names(found) == [(C, "vase")]
    assert len(found["problems"]) == 1
    assert found["problems"][0].startswith(B)
    assert said in found["problems"][0]
    assert page.status_code == 200
    assert "vase" in page.content.decode()
    assert said in page.content.decode().replace("&#x27;", "'")
    assert len(messages) == (broken != "twice")


def test_a_database_that_is_gone_or_hangs_costs_one_sentence(
    begin: Callable[..., Elsewhere], mira: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is left alone for a while, and the driver's words stay in the server's log."""
    Item.objects.create(name="chair")
    b = begin()
    place = "PORT" if connection.vendor == "postgresql" else "NAME"
    right = b.entry[place]
    connections[b.alias].close()
    b.entry[place] = "1" if place == "PORT" else "/nowhere/log.sqlite3"
    with shown(b):
        for _ in range(2):
            found = told(mira)
            assert names(found) == [("a.example", "chair")]
            assert "does not answer" in found["problems"][0]
            assert "127.0.0.1" not in found["problems"][0]
        assert len([one for one in caplog.records if "was not read" in one.message]) == 1
        b.entry[place] = right
        assert told(mira)["problems"] != []  # still left alone
        monkeypatch.setattr(asking, "_failed", {})
        assert told(mira)["problems"] == []


def test_a_log_that_hangs_is_not_waited_for(
    begin: Callable[..., Elsewhere], mira: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page waits for a moment, and the thread that hangs is not joined by others without end."""
    b = begin()
    Item.objects.create(name="chair")
    go_on, real = threading.Event(), asking.known

    def hanging() -> Any:
        if read_from() == b.alias:
            go_on.wait(60)
        return real()

    monkeypatch.setattr(asking, "known", hanging)
    monkeypatch.setattr(asking, "SECONDS", 0.0)
    monkeypatch.setattr(asking, "LEFT_ALONE", 0.0)
    with shown(b):
        for _ in range(asking.AT_ONCE):
            found = told(mira)
            assert names(found) == [("a.example", "chair")]
            assert "did not answer within" in found["problems"][0]
        assert "is being read by others" in told(mira)["problems"][0]
    go_on.set()
    for thread in threading.enumerate():
        if b.alias in thread.name:
            thread.join()


def test_nothing_is_written_there(begin: Callable[..., Elsewhere], mira: Client) -> None:
    """Whatever is asked, another log gets SELECTs alone; on PostgreSQL a role with no other right reads all."""
    b = begin()
    b.create("lamp")
    queries = ("", "q=lamp", "q=took:>1ms", "q=is:pinned", "q=object:shop.Item/1", "since=2001-01-01", "q=model:Item")
    before = _dump(b)
    if connection.vendor == "postgresql":
        _read_by_role(b)
    else:
        connections[b.alias].close()
        b.entry["NAME"] = f"file:{b.entry['NAME']}?mode=ro"
    with shown(b):
        for query in queries:
            assert told(mira, query)["problems"] == [], query
        assert names(told(mira)) == [(B, "lamp")]
        with _as_owner(b):
            assert _dump(b) == before


@contextmanager
def _as_owner(other: Elsewhere) -> Iterator[None]:
    connections[other.alias].close()
    kept = {key: other.entry[key] for key in ("USER", "PASSWORD")}
    other.entry |= {key: connection.settings_dict[key] for key in kept}
    yield
    connections[other.alias].close()
    other.entry |= kept


def _read_by_role(other: Elsewhere) -> None:
    """Have it read by a role with SELECT on the tables that the documentation names."""
    with Elsewhere.server(dbname=other.entry["NAME"]) as server:
        if not server.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
            server.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD 'for a test'")
        for model in asking.READ:
            server.execute(f"GRANT SELECT ON {model._meta.db_table} TO {ROLE}")
    connections[other.alias].close()
    other.entry |= {"USER": ROLE, "PASSWORD": "for a test"}


def _dump(other: Elsewhere) -> list[Any]:
    with connections[other.alias].cursor() as cursor:
        found = []
        for table in sorted(connections[other.alias].introspection.table_names(cursor)):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608  a table's name
            found.append((table, sorted(map(repr, cursor.fetchall()))))
        return found


@pytest.mark.postgresql
def test_a_role_without_the_right_is_told_which(begin: Callable[..., Elsewhere], mira: Client) -> None:
    """The sentence names the tables, so that who reads it can grant them."""
    b = begin()
    _read_by_role(b)
    with Elsewhere.server(dbname=b.entry["NAME"]) as server:
        server.execute(f"REVOKE ALL ON signal_log_signalevent FROM {ROLE}")
    with shown(b):
        problem = told(mira)["problems"][0]
    assert "needs SELECT on signal_log_signalevent" in problem


def test_what_was_looked_at_is_recorded_here(begin: Callable[..., Elsewhere], mira: Client) -> None:
    """With READS: of another log how many objects, for their keys are not those of here."""
    Item.objects.create(name="chair")
    b = begin()
    b.create("lamp", "vase")
    with shown(b, READS=["shop.Item"]):
        mira.get("/logs/?q=lamp OR vase")
    seen = SignalEvent.objects.filter(signal=ACCESSED).get()
    assert (seen.object_pk, seen.object_repr, seen.labels) == ("", "2 items", {"objects": 2, "log": B})
    assert not SignalEvent.objects.using(b.alias).filter(signal=ACCESSED).exists()


def test_only_observers_see_them(begin: Callable[..., Elsewhere], client: Client) -> None:
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


def test_an_export_is_of_one_log(begin: Callable[..., Elsewhere], mira: Client) -> None:
    """Which the page says, and from where to export."""
    with shown(begin()):
        answer = mira.get("/logs/?format=csv")
        assert answer.status_code == 400
        assert "Export each at its own installation" in answer.content.decode()
        assert "Accepted: json" in mira.get("/logs/?format=xml").content.decode()


def test_pages_lead_there(begin: Callable[..., Elsewhere], mira: Client) -> None:
    """History, object and actor have a link where LOGS names something, and none, and no query, where it does not."""
    item = Item.objects.create(name="chair")
    event = make_event(sender="shop.Item", object_pk=str(item.pk), actor_pk="7", actor_repr="grace")
    pages = {
        "/events/?q=chair": "/logs/?q=chair",
        f"/objects/shop.Item/{item.pk}/": f"/logs/?q=object%3Ashop.Item%2F{item.pk}",
        f"/actors/{event.actor_pk}/": "/logs/?q=actor%3Agrace",
    }
    b = begin()
    for page, link in pages.items():
        with shown(b):
            assert f'href="{link}"' in mira.get(page).content.decode()
        assert "/logs/" not in mira.get(page).content.decode()
    with CaptureQueriesContext(connection) as alone:
        assert "Only this log is shown" in mira.get("/logs/").content.decode()
    assert not [query for query in alone if "INSERT" in query["sql"]]


@pytest.mark.parametrize(
    ("logs", "says"),
    [
        ({B: {"database": "nowhere"}}, "'nowhere' is not in DATABASES"),
        ({B: {"database": "default"}}, "is that of this log"),
        ({B: "other"}, "must be a dict"),
        ({B: {"database": "log_b", "urls": ""}}, "must be a dict with the keys"),
        ({"b example": {"database": "log_b"}}, "an origin is a text"),
        ({"a.example": {"database": "log_b"}}, "this log's own SEAL_ORIGIN"),
        ({B: {"database": "log_b"}, C: {"database": "log_b"}}, "is that of 'b.example', and holds one log"),
        *(
            ({B: {"database": "log_b", "url": url}}, "http(s) address")
            for url in ("b.example", "ftp://b.example", "javascript:x", "https://u:p@b.example", "https://[", 7, "/b/")
        ),
    ],
)
@pytest.mark.one_database
def test_a_wrong_entry_is_named(logs: Any, says: str) -> None:
    """`manage.py check` says what is wrong with which."""
    with override_settings(SIGNAL_LOG={"MODELS": ["shop.*"], "SEAL_ORIGIN": "a.example", "LOGS": logs}):
        found = [message for message in run_checks() if message.id == "signal_log.E051"]
    assert len(found) == 1
    assert says in found[0].msg
    assert "database" in found[0].hint


def test_a_log_that_was_never_sealed_goes_by_its_identity(begin: Callable[..., Elsewhere], mira: Client) -> None:
    """Which the sentence about a wrong name gives away."""
    b = begin()
    b.create("lamp")
    SealTree.objects.using(b.alias).all().delete()
    b.origin = LogIdentity.objects.using(b.alias).get().value
    with shown(b):
        assert names(told(mira)) == [(b.origin, "lamp")]
