"""A log that cannot be shown costs one sentence, which says what is wrong with it, and no more."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import OperationalError, connection, connections
from django.test import Client

from signal_log import clock
from signal_log.models import LogIdentity
from signal_log.show.logs import asking
from signal_log.store.reading import read_from
from tests.integration.logs.elsewhere import IN_THREE_DATABASES, ROLE, A, B, Begin, C, Elsewhere, names, shown, told
from tests.shop.models import Item

pytestmark = IN_THREE_DATABASES


@pytest.mark.parametrize("broken", ["another", "no table", "older", "twice", "not begun"])
def test_a_log_that_cannot_be_shown_is_named(
    begin: Begin, mira: Client, monkeypatch: pytest.MonkeyPatch, broken: str
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
    begin: Begin, mira: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
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
            assert names(found) == [(A, "chair")]
            assert "does not answer" in found["problems"][0]
            assert "127.0.0.1" not in found["problems"][0]
        assert len([one for one in caplog.records if "was not read" in one.message]) == 1
        b.entry[place] = right
        assert told(mira)["problems"] != []  # still left alone
        monkeypatch.setattr(asking, "_failed", {})
        assert told(mira)["problems"] == []


def test_a_log_that_was_away_joins_where_the_page_is(
    begin: Begin, mira: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is newer than that is said to be missing, and comes with the pages above."""
    b = begin()
    b.create("lamp")
    Item.objects.create(name="chair")
    b.create("vase")
    Item.objects.create(name="table")
    with shown(b):
        monkeypatch.setattr(asking, "_failed", {b.alias: (clock.monotonic(), f"{B} is away.")})
        first = told(mira, "size=1")
        assert (names(first), first["problems"]) == ([(A, "table")], [f"{B} is away."])
        asking._failed.clear()
        older = "&".join(f"before={place}" for place in first["older"])
        found = told(mira, older)
        assert names(found) == [(B, "vase"), (A, "chair"), (B, "lamp")]
        assert [*found["joined"]] == [B]
        page = mira.get(f"/logs/?{older}").content.decode()
        assert "did not answer on a page of newer events: it is shown from" in page
        b.create("shelf")
        newer = "&".join(f"after={place}" for place in found["newer"])
        assert names(told(mira, newer)) == [(B, "shelf"), (A, "table")]


def test_a_log_that_hangs_is_not_waited_for(begin: Begin, mira: Client, monkeypatch: pytest.MonkeyPatch) -> None:
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
            assert names(found) == [(A, "chair")]
            assert "did not answer within" in found["problems"][0]
        assert "is being read by others" in told(mira)["problems"][0]
    go_on.set()
    for thread in threading.enumerate():
        if b.alias in thread.name:
            thread.join()


@pytest.mark.postgresql
def test_a_role_without_the_right_is_told_which(begin: Begin, mira: Client) -> None:
    """The sentence names the tables, so that who reads it can grant them."""
    b = begin()
    b.read_by_role()
    with Elsewhere.server(dbname=b.entry["NAME"]) as server:
        server.execute(f"REVOKE ALL ON signal_log_signalevent FROM {ROLE}")
    with shown(b):
        problem = told(mira)["problems"][0]
    assert "needs SELECT on signal_log_signalevent" in problem


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("signal", "NULL"), ("sender", "x'ff'"), ("created", "'perhaps'"), ("position", "'x'"),
        ("salt", "NULL"), ("digest", "'text'"), ("occurred_at", "NULL"), ("occurred_at", "'0001-01-01 00:00:00'"),
    ],
)  # fmt: skip
def test_a_row_that_no_log_holds_costs_that_log_alone(begin: Begin, mira: Client, column: str, value: str) -> None:
    """Whoever writes the other database, or its file, cannot take the page away from those who look here."""
    b = begin()
    b.create("lamp")
    Item.objects.create(name="chair")
    b.run("DROP TABLE IF EXISTS kept")
    b.run("CREATE TABLE kept AS SELECT * FROM signal_log_signalevent")  # without constraints and triggers
    b.run(f"UPDATE kept SET {column} = {value} WHERE id = (SELECT min(id) FROM kept)")  # noqa: S608  of this list
    b.run("DROP TABLE signal_log_signalevent")
    b.run("ALTER TABLE kept RENAME TO signal_log_signalevent")
    with shown(b):
        page = mira.get("/logs/")
        found = told(mira)
    assert (page.status_code, names(found)) == (200, [(A, "chair")])
    assert found["problems"][0].startswith(f"{B} ")


def test_what_another_server_says_is_one_line_of_the_log(
    begin: Begin, mira: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A driver repeats what it was sent: no terminal obeys it, and it forges no line."""
    b, real = begin(), asking.known

    def refusing() -> Any:
        if read_from() == b.alias:
            raise OperationalError("no \x1b[31mpassword\nWARNING all is well")
        return real()

    monkeypatch.setattr(asking, "known", refusing)
    with shown(b):
        assert "does not answer" in told(mira)["problems"][0]
    (line,) = [one.getMessage() for one in caplog.records if "was not read" in one.getMessage()]
    assert line.endswith("was not read: no [U+001B][31mpassword WARNING all is well")


def test_a_long_name_of_another_log_is_cut(begin: Begin, mira: Client) -> None:
    """What is called whatever else its database says does not fill the page."""
    b = begin()
    b.run("DELETE FROM signal_log_sealtree")
    b.be_log("x" * 32)
    with shown(b), pytest.MonkeyPatch.context() as shorter:
        shorter.setattr(asking, "LONGEST_NAME", 10)
        assert f"called {'x' * 10}." in told(mira)["problems"][0]


def test_a_walk_without_a_place_in_the_own_log(begin: Begin, mira: Client) -> None:
    """An address that was put together by hand shows the log that it names."""
    b = begin()
    b.create("lamp")
    Item.objects.create(name="chair")
    with shown(b):
        assert names(told(mira, f"after=1@{B}")) == [(B, "lamp")]
