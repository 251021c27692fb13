"""Every page says in a line what a save overwrote unseen, what the database did not tell, and what was sent by hand."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.db.models.signals import post_save, pre_save
from django.test import Client
from django.utils.html import strip_tags

from signal_log.capture.transaction.collecting import collecting
from signal_log.models import SignalEvent
from signal_log.show.cascade.operation import cascade_of
from signal_log.show.toolbar.rows import stats_of
from tests.factories import make_event
from tests.pages import text
from tests.shop.models import Item

UNSEEN = "overwrote 7, which it had not seen"
UNTOLD = "The database did not tell what the row held; these are the values that the object believed."
FAULT = "Not fully recorded: ValueError, see the server's log."


def words(response: Any) -> str:
    """Return the text of a page, with single spaces."""
    return " ".join(unescape(strip_tags(text(response))).split())


@pytest.fixture
def overwritten() -> Any:
    """Return an item that was saved from a stale instance, and the events of that save."""
    stale = Item.objects.create(name="hammer", stock=5)
    Item.objects.filter(pk=stale.pk).update(stock=7)
    stale.stock = 6
    with collecting() as events:
        stale.save(update_fields=["stock"])
    return stale, events.fired()


@pytest.mark.django_db(transaction=True)
def test_an_overwrite_is_one_line_on_every_page(root: Client, overwritten: Any) -> None:
    """The history, the trace and the admin say it in the line; the pages of event and object as a sentence."""
    item, _ = overwritten
    event = SignalEvent.objects.filter(signal="post_save", object_pk=str(item.pk), sender="shop.Item").first()
    assert event is not None
    assert (event.changes["stock"], event.overwrote) == ([7, 6], ["stock"])
    for address in (
        f"/events/?object=shop.Item/{item.pk}",
        f"/traces/{event.trace_id}/",
        f"/admin/signal_log/signalevent/?q=shop.Item/{item.pk}",
    ):
        assert UNSEEN in words(root.get(address)), address
    for address in (
        f"/events/{event.pk}/",
        f"/objects/shop.Item/{item.pk}/",
        f"/admin/signal_log/signalevent/{event.pk}/change/",
    ):
        shown = words(root.get(address))
        assert f"O{UNSEEN[1:]}." in shown, address
        assert "its writer had not seen the old value" in shown, address
    assert UNTOLD not in words(root.get(f"/events/{event.pk}/"))


@pytest.mark.django_db(transaction=True)
def test_the_state_before_tells_what_the_next_change_found(root: Client, overwritten: Any) -> None:
    """The item had a stock of 5; what wrote the 7 that was overwritten is not an event of the item."""
    item, _ = overwritten
    created = SignalEvent.objects.get(signal="post_save", object_pk=str(item.pk), sender="shop.Item", created=True)
    shown = words(root.get(f"/objects/shop.Item/{item.pk}/", {"at": created.occurred_at.isoformat()}))
    assert "stock5 the next change found 7, written in between" in shown


@pytest.mark.django_db(transaction=True)
def test_the_toolbar_says_it_too(overwritten: Any) -> None:
    """The panel's row has the remark."""
    _, events = overwritten
    rows = stats_of(cascade_of(events), 1)["rows"]
    assert [row["remarks"] for row in rows if row["is"] == "operation"] == [[f"O{UNSEEN[1:]}."]]


@pytest.mark.django_db
def test_what_the_database_did_not_tell_is_said_on_the_event_s_page(root: Client) -> None:
    """A post event without `overwrote` holds believed values; an event before the save always does."""
    post, pre = make_event(overwrote=None), make_event(signal="pre_save", overwrote=None)
    assert UNTOLD in words(root.get(f"/events/{post.pk}/"))
    assert UNTOLD not in words(root.get(f"/events/{pre.pk}/"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("signal", [pre_save, post_save])
def test_a_signal_sent_by_hand_stands_for_itself(root: Client, signal: Any) -> None:
    """It is a line of the history, not folded into a save, and says nothing of the row's state."""
    item = Item.objects.create(name="saw", stock=5)
    item.stock = 6
    named = {} if signal is pre_save else {"created": False}
    signal.send(Item, instance=item, raw=False, using="default", update_fields=None, **named)
    lines = root.get(f"/events/?object=shop.Item/{item.pk}").context["lines"]
    assert [(line.kind.word, line.children) for line in lines] == [("sent by hand", []), ("created", [])]
    said = "no save or delete sent this signal; the object differs from its row in stock"
    assert said in words(root.get(f"/events/?object=shop.Item/{item.pk}"))
    shown = words(root.get(f"/events/{lines[0].event.pk}/"))
    assert "Sent by hand: no save or delete sent this signal." in shown
    assert "Where the object differs from its row" in shown
    assert UNTOLD not in shown
    state = root.get(f"/objects/shop.Item/{item.pk}/", {"at": lines[0].iso}).context["state"]
    assert next(field.value.text for field in state.fields if field.name == "stock") == "5"


@pytest.mark.django_db
def test_a_signal_sent_by_hand_is_counted_as_another_signal(root: Client) -> None:
    """The live page's chart counts no save for it, and leaves none of its signals out."""
    for signal in ("pre_save", "post_save"):
        make_event(signal=signal, origin={"sent_by_hand": True}, position=1, operation=1, object_repr="by hand")
    answer = root.get("/events/", {"format": "counts", "object": "by hand"}).json()
    sums = {kind: sum(row[1 + k] for row in answer["seconds"]) for k, kind in enumerate(answer["kinds"])}
    assert (sums["updated"], sums["other"]) == (0, 2)


@pytest.mark.django_db
def test_a_fault_of_the_recorder_is_no_failed_save(root: Client) -> None:
    """A committed event that is incomplete says so as a remark; only a save that failed has an error."""
    event = make_event(error=FAULT, changes={}, overwrote=None, object_repr="half known")
    shown = root.get(f"/events/{event.pk}/")
    assert FAULT in words(shown)
    assert 'id="h-error"' not in text(shown)
    assert UNTOLD not in words(shown)
    assert "not fully recorded" in words(root.get("/events/?object=half known"))
    trace = root.get(f"/traces/{event.trace_id}/")
    assert 'class="err' not in text(trace)
    assert "not fully recorded" in words(trace)


@pytest.mark.django_db
def test_unknown_values_are_said_in_a_word(root: Client) -> None:
    """A value that nobody knows is no JSON and no null."""
    event = make_event(signal="pre_save", created=None, changes={"bio": [{"unknown": True}, "x"]}, object_repr="guess")
    for address in (f"/events/{event.pk}/", "/events/?object=guess&every=1"):
        shown = words(root.get(address)).partition("Raw JSON")[0]
        assert "unknown" in shown
        assert "{" not in shown


@pytest.mark.django_db
def test_hostile_text_in_a_remark_is_text(root: Client) -> None:
    """Names and values of what was overwritten are shown as they are, on one line."""
    changes = {"<b>n</b>\u202e": ["<script>alert(1)</script>\n", "x"], "other": [1, 2]}
    event = make_event(changes=changes, overwrote=["<b>n</b>\u202e"], object_repr="hostile remark")
    for address in (f"/events/{event.pk}/", "/events/?object=hostile remark", f"/traces/{event.trace_id}/"):
        shown = text(root.get(address))
        assert "verwrote &lt;b&gt;n&lt;/b&gt;[U+202E] &lt;script&gt;alert(1)&lt;/scrip…, which it had not seen" in shown
