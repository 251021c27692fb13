"""A server looks for breaks behind the log as it grows, each once, in few queries, and says what it did not look at."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from signal_log import clock
from signal_log.audit.breaks import found_breaks
from signal_log.audit.breaks import search as break_search
from signal_log.audit.breaks.search import Search
from signal_log.models import BreakState, FoundBreak, SignalEvent
from signal_log.seal import elected
from tests.factories import make_event
from tests.integration.outside import Outside
from tests.shop.models import Item

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Look at events however young they are."""
    monkeypatch.setattr(break_search, "DELAY", timedelta(0))
    yield
    elected.resign(elected.BREAKS)


def write_past(outside: Outside, item: Item, stock: int) -> None:
    """Have another program set a field that Django then meets."""
    outside.ask(f"UPDATE shop_item SET stock = {stock} WHERE id = {item.pk}")  # noqa: S608  our own


def save(item: Item, stock: int) -> SignalEvent:
    """Change the field through Django; return the post event."""
    fresh = Item.objects.get(pk=item.pk)
    fresh.stock = stock
    fresh.save()
    return SignalEvent.objects.filter(signal="post_save", sender="shop.Item").latest("pk")


def found() -> list[tuple[int, str]]:
    """Return what was found, oldest first."""
    return list(FoundBreak.objects.order_by("after", "field").values_list("after", "field"))


def past_event(item: Item, before: SignalEvent, **fields: Any) -> SignalEvent:
    """Return the event that a guarded table's trigger brings late."""
    return make_event(
        signal="silent_update", sender="shop.Item", object_pk=str(item.pk), source="database", created=None,
        overwrote=None, occurred_at=before.occurred_at - timedelta(microseconds=1), **fields,
    )  # fmt: skip


def test_each_break_is_found_once_as_the_log_grows() -> None:
    """By a process that remembers the row, and by one that asks for it."""
    outside = Outside()
    item, other = Item.objects.create(name="a", stock=1), Item.objects.create(name="b", stock=1)
    first = Search()
    assert first.step()
    assert found() == []
    write_past(outside, item, 7)
    one = save(item, 8)
    save(other, 3)
    first.step()
    first.step()
    assert found() == [(one.pk, "stock")]
    write_past(outside, item, 20)
    two = save(item, 21)
    Search().step()
    assert found() == [(one.pk, "stock"), (two.pk, "stock")]
    write_past(outside, item, 30)
    three = save(item, 31)
    first.step()  # which has seen that somebody else looked meanwhile
    assert found()[2:] == [(three.pk, "stock")]
    state = BreakState.objects.get()
    assert (state.found, state.last_id) == (3, SignalEvent.objects.latest("pk").pk)
    write_past(outside, item, 40)
    save(item, 41)
    with CaptureQueriesContext(connection) as asked:
        first.step()
    assert not [query for query in asked if "ROW_NUMBER" in query["sql"]]  # it remembers the row
    outside.close()


def test_the_rows_of_many_events_are_asked_for_in_one_query() -> None:
    """However many rows and models they are of; none is asked of the host's connection."""
    items = [Item.objects.create(name=str(number), stock=1) for number in range(20)]
    Search().step()
    for item in items:
        save(item, 2)
        make_event(object_pk=str(item.pk))
    with CaptureQueriesContext(connection) as asked:
        Search().step()
    assert len([query for query in asked if "ROW_NUMBER" in query["sql"]]) == 1
    assert len(asked) < 25


def test_what_a_bulk_write_or_a_trigger_explains_is_no_break() -> None:
    """Also where the trigger's event comes after the break was found: then it is taken back."""
    outside = Outside()
    item = Item.objects.create(name="a", stock=1)
    Item.objects.filter(pk=item.pk).update(stock=5)
    save(item, 6)
    search = Search()
    search.step()
    assert found() == []
    write_past(outside, item, 7)
    one = save(item, 8)
    search.step()
    assert found() == [(one.pk, "stock")]
    past_event(item, one, changes={"stock": [6, 7]})
    search.step()
    assert found() == []
    assert BreakState.objects.get().found == 1
    outside.close()


def test_young_events_wait_for_what_may_explain_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """For some seconds; those of a clock that is ahead do not hold the search up."""
    monkeypatch.setattr(break_search, "DELAY", timedelta(seconds=60))
    now = clock.now()
    old = make_event(occurred_at=now - timedelta(hours=1))
    make_event(occurred_at=now + timedelta(hours=1))
    make_event(occurred_at=now)
    Search().step()
    assert BreakState.objects.get().last_id == old.pk + 1


def test_what_was_not_looked_at_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log's beginning where it is older than the search, and what a log that grows too fast has left behind."""
    monkeypatch.setattr(break_search, "RECENT", 2)
    monkeypatch.setattr(break_search, "MOST_BEHIND", 5)
    start = make_event().pk
    for _ in range(4):
        make_event()
    search = Search()
    search.step()
    assert found_breaks.since(start).skipped == [(start + 1, start + 2)]
    for _ in range(10):
        newest = make_event().pk
    search.step()
    assert found_breaks.since(start + 2).skipped == [(start + 5, newest - 2)]
    assert found_breaks.since(newest - 2).skipped == []
    assert found_breaks.since(0).looked_to == newest


def test_a_log_that_was_put_back_begins_again() -> None:
    """What was found in events that are not there any more is forgotten, as it is when events are pruned."""
    event = make_event()
    search = Search()
    search.step()
    far = event.pk + 100
    FoundBreak.objects.bulk_create(
        [FoundBreak(before=far, after=far + 1, field="a", found_at=clock.now()),
         FoundBreak(before=event.pk - 1, after=event.pk, field="a", found_at=clock.now())]
    )  # fmt: skip
    BreakState.objects.update(last_id=far + 1)
    Search().step()
    assert found() == [(event.pk, "a")]
    newer = make_event()
    search.step()
    assert BreakState.objects.get().last_id == newer.pk
    found_breaks.forget(event.pk)
    assert found() == []


def test_one_process_is_elected(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """As for sealing, and apart from it."""
    (tmp_path / "log.sqlite3").touch()
    monkeypatch.setattr(elected, "file_of_log", lambda: str(tmp_path / "log.sqlite3"))

    def in_its_own_thread() -> bool:
        try:
            return Search().step()
        finally:
            elected.resign(elected.BREAKS)
            connection.close()

    assert elected.stand()
    with ThreadPoolExecutor(1) as thread:
        assert Search().step()
        assert not thread.submit(in_its_own_thread).result()
        elected.resign(elected.BREAKS)
        assert thread.submit(in_its_own_thread).result()
    elected.resign()
