"""READ_DATABASE: the history is read from a replica, which may be behind or gone; nobody is left without a page."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Permission, User
from django.core.checks import run_checks
from django.db import DatabaseError, connection, connections
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from signal_log.errors import LogUnavailable
from signal_log.models import LogIdentity, SignalEvent
from signal_log.seal.canonical import timestamp
from signal_log.show import replica as shown
from signal_log.store.follow import Follower
from signal_log.store.schema import log_identity
from tests.servers.postgres import Replica
from tests.shop.models import Item

pytestmark = pytest.mark.django_db(transaction=True)

ALIAS = "replica"
BEHIND = "This page is read from a replica, which is 2 events behind the log, and ends"
SILENT = "does not answer: this one is read from the log"


class Behind(Protocol):
    """A copy of the log's database that stands still until it is told to catch up."""

    def pause(self) -> None:
        """Stand still from now on."""

    def catch_up(self) -> None:
        """Have all that was committed by now."""

    def fail(self) -> None:
        """Answer nothing any more."""


class CopiedFile:
    """A SQLite database as it was when it was last copied."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.catch_up()

    def pause(self) -> None:
        """It always does."""

    def catch_up(self) -> None:
        """Copy it again."""
        connection.ensure_connection()
        with closing(sqlite3.connect(self.path)) as copy:
            connection.connection.backup(copy)

    def fail(self) -> None:
        """Lose the log."""
        with closing(sqlite3.connect(self.path)) as copy:
            copy.execute("DROP TABLE signal_log_signalevent")


class Streamed:
    """A real PostgreSQL that streams what the test's server writes."""

    def __init__(self, server: Replica) -> None:
        self.pause = server.pause
        self._server = server

    def catch_up(self) -> None:
        """Apply everything."""
        self._server.resume()
        self._server.catch_up()

    def fail(self) -> None:
        """Cut the connection."""
        with connections[ALIAS].cursor() as cursor, suppress(DatabaseError):
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.fixture(scope="module")
def streaming(request: pytest.FixtureRequest) -> Iterator[Replica | None]:
    """A replica of the run's PostgreSQL; None on SQLite."""
    if connection.vendor == "sqlite":
        yield None
        return
    with Replica(request.getfixturevalue("postgres_url")) as server:
        yield server


@pytest.fixture
def replica(streaming: Replica | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Behind]:
    """The alias that the history is read from."""
    monkeypatch.setattr(shown, "_failed_at", {})
    monkeypatch.setattr(shown, "_found_right", set())
    own = dict(connection.settings_dict) | {"ATOMIC_REQUESTS": False, "CONN_MAX_AGE": None, "OPTIONS": {}}
    if streaming is None:
        own |= {"NAME": str(tmp_path / "copy.sqlite3")}
    else:
        streaming.catch_up()
        own |= {"PORT": urlsplit(streaming.url()).port}
    connections.databases[ALIAS] = connections.configure_settings({"default": {}, ALIAS: own})[ALIAS]
    log = {"MODELS": ["shop.*", "auth.User"], "READ_DATABASE": ALIAS}
    try:
        connections[ALIAS].connect()
        with override_settings(SIGNAL_LOG=log):
            yield CopiedFile(Path(own["NAME"])) if streaming is None else Streamed(streaming)
    finally:
        if streaming is not None:
            streaming.resume()
        connections[ALIAS].close()
        del connections[ALIAS]
        del connections.databases[ALIAS]


@pytest.fixture
def reader() -> Client:
    """Somebody who may see and export events."""
    user = User.objects.create_user("mira")
    user.user_permissions.add(*Permission.objects.filter(codename__in=("view_signalevent", "export_signalevent")))
    client = Client()
    client.force_login(user)
    return client


def test_a_replica_that_is_behind_says_by_how_much(replica: Behind, reader: Client) -> None:
    """The history and the export end where it ends; the live page's own addresses know everything."""
    Item.objects.create(name="lamp")
    replica.catch_up()
    replica.pause()
    Item.objects.create(name="chair")

    with CaptureQueriesContext(connection) as asked:
        page = reader.get("/events/").content.decode()
    assert "lamp" in page
    assert "chair" not in page
    assert BEHIND in page
    of_the_log = [query["sql"] for query in asked if "signal_log_signalevent" in query["sql"]]
    assert len(of_the_log) == 1, of_the_log  # how many it lacks
    exported = b"".join(reader.get("/events/?format=jsonl")).decode()
    assert '"lamp"' in exported
    assert '"chair"' not in exported
    assert "chair" in reader.get("/events/?format=json").content.decode()

    replica.catch_up()
    page = reader.get("/events/").content.decode()
    assert "chair" in page
    assert "replica" not in page


@pytest.mark.parametrize("kind", ["jsonl", "csv", "ocsf"])
def test_a_file_says_how_far_its_replica_was_behind(replica: Behind, reader: Client, kind: str) -> None:
    """And is dated by what was read; whoever goes on from where it ends gets the rest, and nothing twice."""
    Item.objects.create(name="lamp")
    replica.catch_up()
    replica.pause()
    newest = SignalEvent.objects.using(ALIAS).latest("pk")
    Item.objects.create(name="chair")
    beyond = SignalEvent.objects.latest("pk").pk

    def about(**given: Any) -> dict[str, Any]:
        text = b"".join(reader.get("/events/", {"format": kind, **given})).decode()
        if kind == "csv":
            found: dict[str, Any] = json.loads(next(csv.DictReader(io.StringIO(text)))["export"])
        elif kind == "ocsf":
            found = json.loads(text.splitlines()[-1])["unmapped"]
        else:
            found = json.loads(text.splitlines()[0])["export"]
            assert json.loads(text.splitlines()[-1])["end"]["up_to"] == found["up_to"]
        return found

    told = about()
    assert (told["at"], told["up_to"]) == (timestamp(newest.occurred_at), newest.pk)
    assert told["replica"]["behind"] == 2
    assert (
        f"2 events behind the log. When it has the rest, export that with after={newest.pk}" in told["replica"]["said"]
    )
    told = about(after=beyond)
    assert told["up_to"] == beyond
    assert told["replica"]["behind"] == 3  # the export before is an event too

    replica.catch_up()
    told = about(after=newest.pk)
    assert told["up_to"] > beyond
    assert told["at"] > timestamp(newest.occurred_at)
    assert "replica" not in told


def test_what_an_account_did_is_read_from_it(replica: Behind, reader: Client) -> None:
    """Its page says the same; the page of an object compares the log with the row, and reads the log."""
    from signal_log import context

    with context(actor=User.objects.get()):
        lamp = Item.objects.create(name="lamp")
        replica.catch_up()
        replica.pause()
        lamp.name = "lantern"
        lamp.save()
    page = reader.get(f"/actors/{User.objects.get().pk}/").content.decode()
    assert "lantern" not in page
    assert BEHIND in page
    page = reader.get(f"/objects/shop.Item/{lamp.pk}/").content.decode()
    assert "lantern" in page
    assert BEHIND not in page


def test_a_replica_that_does_not_answer_costs_nobody_a_page(
    replica: Behind, reader: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """The log is read instead, which the page says; it is asked again only after a while."""
    Item.objects.create(name="lamp")
    replica.catch_up()
    replica.fail()
    for _ in range(2):
        page = reader.get("/events/").content.decode()
        assert "lamp" in page
        assert SILENT in page
    assert len([one for one in caplog.records if "does not answer" in one.message]) == 1
    assert '"lamp"' in b"".join(reader.get("/events/?format=jsonl")).decode()


def test_another_log_is_not_taken_for_a_replica(replica: Behind, reader: Client) -> None:
    """Its events would be shown as this log's, to people who may see none of them."""
    own = log_identity("default")
    replica.catch_up()
    replica.pause()
    Item.objects.create(name="lamp")
    LogIdentity.objects.update(value="0" * 32)  # so the copy is of a log that was called otherwise
    page = reader.get("/events/").content.decode()
    assert "lamp" in page
    assert "holds another log than this one" in page
    assert [one.id for one in run_checks(databases=[ALIAS]) if one.id == "signal_log.W027"]
    LogIdentity.objects.update(value=own)
    assert "holds another log" not in reader.get("/events/").content.decode()
    assert not [one for one in run_checks(databases=[ALIAS]) if one.id == "signal_log.W027"]


@pytest.mark.postgresql
def test_the_log_is_not_followed_on_a_standby(replica: Behind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which a live page's connection may find after a failover: who still writes on the primary is not known there."""
    monkeypatch.setitem(connections.databases["default"], "PORT", connections[ALIAS].settings_dict["PORT"])

    def follow() -> str:
        follower = Follower()
        with pytest.raises(LogUnavailable) as refused:
            follower.extent()
        return str(refused.value)

    with ThreadPoolExecutor(1) as thread:  # a follower replaces its thread's connection
        assert "This server is a standby" in thread.submit(follow).result()


def test_an_alias_that_is_not_there_is_an_error() -> None:
    """With those that there are."""
    with override_settings(SIGNAL_LOG={"MODELS": ["shop.Item"], "READ_DATABASE": "elsewhere"}):
        found: dict[str, Any] = {message.id: message for message in run_checks()}
    assert "SIGNAL_LOG['READ_DATABASE'] is 'elsewhere'" in found["signal_log.E003"].msg
    assert "default" in found["signal_log.E003"].hint
