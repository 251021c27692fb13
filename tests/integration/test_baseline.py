"""``signal_baseline`` tells of the rows that the log does not know, once each, as exactly as any event does."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

import signal_log
from signal_log import clock
from signal_log.audit import baseline as written
from signal_log.event import BASELINE, MASK
from signal_log.management import progress
from signal_log.models import SignalEvent
from signal_log.show.words.state import EXISTS, NEVER_SEEN
from tests.factories import make_event
from tests.pruned import prune_before
from tests.shop.models import Book, CheapItem, Item, Token

pytestmark = pytest.mark.django_db


def run(*args: str, **options: Any) -> str:
    """Run the command, and return what it printed."""
    out = io.StringIO()
    call_command("signal_baseline", *args, stdout=out, **options)
    return out.getvalue()


def baselines(**fields: Any) -> list[SignalEvent]:
    return list(SignalEvent.objects.filter(signal=BASELINE, **fields).order_by("id"))


def unrecorded(make: Callable[[], Any]) -> Any:
    """Return what was made without the log knowing."""
    with signal_log.pause():
        return make()


def test_each_row_that_the_log_does_not_know_gets_one_event() -> None:
    """With all that the row holds, masked and hashed as ever; a row of which an event tells gets none."""
    old = unrecorded(lambda: Item.objects.create(name="old", api_token="hunter2-hunter2", weight=1.5, tags=["a"]))
    token = unrecorded(lambda: Token.objects.create(key="secret-key-of-a-token"))
    Item.objects.create(name="new")
    ada = unrecorded(lambda: User.objects.create_user("ada", password="hunter2-hunter2"))
    printed = run("--model", "shop.Item", "--model", "shop.Token", "--model", "auth.User")
    assert "shop.Item: 1 of 2 rows got an event" in printed
    [item] = baselines(sender="shop.Item")
    assert (item.object_pk, item.object_repr) == (str(old.pk), "old in None")
    assert (item.outcome, item.source, item.created, item.overwrote) == (
        "committed",
        "command:signal_baseline",
        None,
        [],
    )
    assert item.changes["name"] == [None, "old"]
    assert item.changes["weight"] == [None, "1.5"]
    assert item.changes["tags"] == [None, ["a"]]
    assert item.changes["api_token"] == [None, MASK]
    assert item.changes["category"] == [None, None]  # known to be null
    assert set(item.changes) == {field.name for field in Item._meta.concrete_fields}
    [hashed] = baselines(sender="shop.Token")
    assert hashed.object_pk.startswith("hmac:")
    [user] = baselines(sender="auth.User")
    assert (user.object_pk, user.changes["password"]) == (str(ada.pk), [None, MASK])
    stored = str([event.changes for event in SignalEvent.objects.all()])
    assert "hunter2" not in stored
    assert token.key not in stored + hashed.object_repr


def test_it_can_be_started_again_and_only_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an interruption it writes the rest; afterwards nothing is left to write."""
    for number in range(7):
        unrecorded(lambda number=number: Item.objects.create(name=f"item {number}"))
    assert "shop.Item: 7 of 7 rows would get an event" in run("--model", "shop.item", "--dry-run")
    assert baselines() == []
    monkeypatch.setattr(written, "BATCH", 3)
    monkeypatch.setattr(written, "LOOKED_AT", 5)

    class Stopped(BaseException):
        pass

    def stop(progress: written.Progress) -> None:
        if progress.missing >= 3:
            raise Stopped

    with pytest.raises(Stopped):
        written.baseline([Item], told=stop)
    assert len(baselines()) == 3
    assert "4 of 7 rows got an event" in run("--model", "shop.Item")
    assert len({event.object_pk for event in baselines()}) == 7
    assert len({event.trace_id for event in baselines()}) == 1 + 2  # one for each batch
    assert "0 of 7 rows got an event" in run("--model", "shop.Item")


def test_a_row_in_several_tables_gets_one_event() -> None:
    """A child's, which tells of its parent's columns too; a proxy has no rows of its own."""
    book = unrecorded(lambda: Book.objects.create(name="book", pages=3))
    unrecorded(lambda: CheapItem.objects.create(name="cheap"))
    run()
    [event] = baselines(object_pk=str(book.pk), sender__startswith="shop.")
    assert event.sender == "shop.Book"
    assert event.changes["name"] == [None, "book"]
    assert event.changes["pages"] == [None, 3]
    assert [event.object_repr for event in baselines(sender="shop.Item")] == ["cheap in None"]


def test_the_state_is_known_from_then_on(root: Client) -> None:
    """Before, the page says that the log does not know; a change afterwards does not undo what is known."""
    item = unrecorded(lambda: Item.objects.create(name="old", stock=5))
    before = clock.now()
    run("--model", "shop.Item")
    after = clock.now()
    item.stock = 6
    item.save()
    address = f"/objects/shop.Item/{item.pk}/"

    def state(at: Any) -> Any:
        return root.get(address, {"at": at.isoformat()}).context["state"]

    assert state(before).presence == NEVER_SEEN
    then = {known.name: known for known in state(after).fields}
    assert state(after).presence == EXISTS
    assert (then["name"].value.text, then["stock"].value.text, then["sold_on"].value.style) == ("old", "5", "null")
    assert all(known.event is not None for known in then.values())
    assert then["stock"].found is None
    now = {known.name: known.value.text for known in state(clock.now()).fields}
    assert (now["name"], now["stock"]) == ("old", "6")
    page = root.get(address)
    assert [line.kind.word for line in page.context["parts"][0].lines] == ["updated", "baseline"]
    assert page.context["broken"] == []
    assert page.context["comparable"]
    since = root.get(address, {"from": (before - timedelta(days=1)).isoformat(), "to": after.isoformat()})
    assert since.context["own"].words == "was added"


def test_what_a_prune_took_away_is_written_again_once(root: Client) -> None:
    """A living row whose creation is gone is told of as one that the log never knew; one that is known is not."""
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    lamp, lost, named = (unrecorded(lambda: Item.objects.create(name="lamp", stock=6)) for _ in range(3))
    told = {field.name: [None, "x"] for field in Item._meta.concrete_fields}
    for item in (lamp, lost, named):
        make_event(sender="shop.Item", object_pk=str(item.pk), created=True, changes=told, occurred_at=long_ago)
    make_event(sender="shop.Item", object_pk=str(lamp.pk), changes={"stock": [5, 6]})
    make_event(sender="shop.Item", object_pk=str(named.pk), changes=told)  # every field, one by one or at once
    Item.objects.create(name="new")
    assert "0 of 4 rows" in run("--model", "shop.Item")
    assert prune_before(long_ago + timedelta(days=1)) == 3
    assert "2 of 4 rows would get an event" in run("--model", "shop.Item", "--dry-run")
    assert "2 of 4 rows got an event" in run("--model", "shop.Item")
    assert {event.object_pk for event in baselines()} == {str(lamp.pk), str(lost.pk)}
    assert "0 of 4 rows" in run("--model", "shop.Item")
    item = Item.objects.get(pk=lamp.pk)
    item.stock = 7
    item.save()
    assert "0 of 4 rows" in run("--model", "shop.Item")
    moments = {"from": (clock.now() - timedelta(seconds=1)).isoformat(), "to": clock.now().isoformat()}
    own = root.get(f"/objects/shop.Item/{lamp.pk}/", moments).context["own"]
    assert own.untold == ()


def test_a_row_that_the_log_believes_deleted_is_told_of() -> None:
    """It is there, so something wrote it past the recorder; a deleted child leaves its parent's row as it was."""
    item = Item.objects.create(name="lamp")
    make_event(sender="shop.Item", object_pk=str(item.pk), signal="post_delete", changes={"name": ["lamp", None]})
    book = Book.objects.create(name="book")
    book.delete(keep_parents=True)
    assert "1 of 2 rows got an event" in run("--model", "shop.Item")
    assert [event.object_pk for event in baselines()] == [str(item.pk)]
    assert "0 of 2 rows" in run("--model", "shop.Item")


def test_its_cost_does_not_grow_with_the_rows() -> None:
    """The number of statements follows that of batches, and nothing of what was written is kept."""
    for number in range(4):
        unrecorded(lambda number=number: Item.objects.create(name=f"item {number}"))
    with CaptureQueriesContext(connection) as few:
        written.baseline([Item])
    for number in range(40):
        unrecorded(lambda number=number: Item.objects.create(name=f"item {number}"))
    with CaptureQueriesContext(connection) as many:
        written.baseline([Item])
    assert len(baselines()) == 44
    assert len(many) == len(few)


def test_what_makes_no_sense_is_one_sentence_and_exit_2() -> None:
    """A model that is none, or not observed, and a database that is not there; nothing is written."""
    for args, why in [
        (("--model", "shop.Itm"), "Did you mean shop.Item?"),
        (("--model", "shop.Note"), "is no observed model"),
        (("--model", "shop.CheapItem"), "is no observed model with rows of its own"),
        (("--database", "nowhere"), "There is no database 'nowhere'"),
    ]:
        with pytest.raises(CommandError, match=why.replace("?", r"\?")) as raised:
            run(*args)
        assert raised.value.returncode == 2
    assert baselines() == []


def test_a_bar_on_a_terminal_and_none_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows the model, how far it is and how many were written, and is gone at the end."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(progress, "INTERVAL", 0)
    unrecorded(lambda: Item.objects.create(name="old"))
    terminal, pipe = Terminal(), io.StringIO()
    call_command("signal_baseline", "--dry-run", stdout=io.StringIO(), stderr=pipe)
    call_command("signal_baseline", "--model", "shop.Item", stdout=io.StringIO(), stderr=terminal)
    assert pipe.getvalue() == ""
    assert "shop.Item" in terminal.getvalue()
    assert "100%" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_row_is_locked_until_its_event_is_written(other_connection: Any) -> None:
    """A change by somebody else waits, so its event comes after the baseline, which holds what was there before."""
    item = unrecorded(lambda: Item.objects.create(name="old"))
    other = other_connection()
    other.execute("SET lock_timeout = 50")
    refused = []

    def told_of(*_: Any) -> set[str]:
        if connection.in_atomic_block:
            with pytest.raises(psycopg.errors.LockNotAvailable), other.transaction():
                other.execute("UPDATE shop_item SET name = 'new' WHERE id = %s", [item.pk])
            refused.append(True)
        return set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(written, "known_wholly", told_of)
        written.baseline([Item])
    assert refused
    assert [event.changes["name"] for event in baselines()] == [[None, "old"]]
