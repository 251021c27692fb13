"""Operations fold pre and post events into one line, nest effects below their causes, and link to their pages."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.urls import reverse, set_script_prefix
from hypothesis import given
from hypothesis import strategies as st

from signal_log.models import SignalEvent
from signal_log.rows import labels_of_row
from signal_log.show.links import actor_url, event_url, object_url
from signal_log.show.words import kinds
from signal_log.show.words.operations import folded, lines
from tests.factories import event_value

TRACE = str(uuid.UUID(int=1))


def event(pk: int, signal: str = "post_save", **fields: Any) -> SignalEvent:
    """Return an event whose id and position are both this number."""
    value = event_value(**{"signal": signal, "position": pk, "operation": pk, "trace_id": TRACE, **fields})
    return SignalEvent(pk=pk, **value._asdict())


def test_folding_keeps_one_event_of_each_operation() -> None:
    """The post event represents its operation; the pre event of a save that never finished stands for itself."""
    pre, post = event(1, "pre_save"), event(2, operation=1)
    undone = event(3, "pre_save", outcome="rolled_back"), event(4, operation=3, outcome="rolled_back")
    failed = event(5, "pre_save", outcome="failed")
    kept = folded([failed, *reversed(undone), post, pre], {(TRACE, 3)})
    assert [e.pk for e in kept] == [5, 4, 2]


def test_a_pre_signal_sent_by_hand_is_kept() -> None:
    """No other signal represents it, whatever became of the transaction."""
    by_hand = [event(1, "pre_save", origin={"sent_by_hand": True}, outcome=one) for one in ("committed", "rolled_back")]
    assert folded(by_hand, {(TRACE, 1)}) == by_hand


def test_effects_stand_below_their_cause_in_order() -> None:
    """Causes come newest first; below each are its effects, oldest first and indented."""
    old = event(2, operation=1)
    child_a = event(4, operation=3, parent_position=2, caused_by="a.b")
    grandchild = event(6, operation=5, parent_position=4, caused_by="a.c")
    child_b = event(8, operation=7, parent_position=2, caused_by="a.d")
    other = event(9, trace_id=uuid.UUID(int=2))
    shown = lines([other, child_b, grandchild, child_a, old])
    assert [(line.event.pk, line.depth) for line in shown] == [(9, 0), (2, 0), (4, 1), (6, 2), (8, 1)]


def test_an_effect_whose_cause_is_on_another_page_stands_for_itself() -> None:
    """An effect whose cause is on another page is not indented, and names its cause."""
    [line] = lines([event(4, parent_position=2, caused_by="users.signals.create_profile")])
    assert (line.depth, line.cause) == (0, "create_profile")


def test_every_signal_is_a_flat_list() -> None:
    """With every signal shown, events are a flat list in the order of the log."""
    events = [event(4, operation=3, parent_position=2), event(3, "pre_save"), event(2, operation=1)]
    assert [(line.event.pk, line.kind.word) for line in lines(events, every=True)] == [
        (4, "post_save"), (3, "pre_save"), (2, "post_save"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("signal", "created", "outcome", "style", "word"),
    [
        ("post_save", True, "committed", "created", "created"),
        ("post_save", False, "committed", "updated", "updated"),
        ("pre_save", None, "committed", "about", "saving"),
        ("pre_delete", None, "committed", "about", "deleting"),
        ("post_delete", None, "committed", "deleted", "deleted"),
        ("post_delete", None, "rolled_back", "undone", "rolled back"),
        ("pre_save", None, "failed", "failed", "failed"),
        ("m2m_changed", None, "committed", "m2m", "relation"),
        ("silent_update", None, "committed", "silent", "silent"),
        ("django.contrib.auth.signals.user_logged_in", None, "committed", "signal", "logged in"),
    ],
)
def test_each_kind_has_its_word(signal: str, created: bool | None, outcome: str, style: str, word: str) -> None:
    """Every kind has a word, so icon and colour never carry the meaning alone."""
    assert kinds.kind(event(1, signal, created=created, changes={}, outcome=outcome)) == kinds.Kind(style, word)


@pytest.mark.parametrize(
    ("pk", "address"),
    [
        ("5", "/objects/shop.Item/5/"),
        ("a/b c?d#e%2F", "/objects/shop.Item/a/b%20c%3Fd%23e%252F/"),
        ("..", "/objects/shop.Item/?pk=.."),
        ("a/../b", "/objects/shop.Item/?pk=a%2F..%2Fb"),
        ("a\nb", "/objects/shop.Item/?pk=a%0Ab"),
        ("/x/", "/objects/shop.Item/?pk=%2Fx%2F"),
        ("", ""),
    ],
)
def test_every_key_has_an_address(pk: str, address: str) -> None:
    """Keys that would not survive in a URL path go into the query string."""
    assert object_url("shop.Item", pk) == address


@given(pk=st.text(min_size=1), label=st.text(min_size=1).filter(lambda label: "/" not in label))
def test_an_address_is_the_one_that_is_looked_up(pk: str, label: str) -> None:
    """What stands around the arguments is kept; with them it is what Django makes of the same."""
    if "?" not in (told := object_url(label, pk)):
        assert told == reverse("signal_log:object", args=[label, pk])
    if "?" not in (told := actor_url(pk)):
        assert told == reverse("signal_log:actor", args=[pk])


def test_an_address_follows_its_site() -> None:
    """Under another prefix the same page is elsewhere."""
    here = object_url("shop.Item", "5"), actor_url("5"), event_url(5)
    set_script_prefix("/below/")
    try:
        assert (object_url("shop.Item", "5"), actor_url("5"), event_url(5)) == tuple(f"/below{one}" for one in here)
    finally:
        set_script_prefix("/")


def test_proxies_name_the_same_row() -> None:
    """A row's history includes what was recorded under its proxies, parents and children, whichever is asked for."""
    assert {labels_of_row(f"shop.{name}") for name in ("Item", "CheapItem", "Book")} == {
        ("shop.Book", "shop.CheapItem", "shop.Item")
    }
    assert labels_of_row("no.Such") == ("no.Such",)
    assert labels_of_row("nonsense") == ("nonsense",)
