"""An object's page compares any two of its events: what changed between the states after each of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from signal_log.event import MASK
from signal_log.models import SignalEvent
from signal_log.show.query import compare
from tests.factories import make_event
from tests.shop.models import Category

pytestmark = pytest.mark.django_db


@pytest.fixture
def renamed() -> list[SignalEvent]:
    """Return the post events of a category that had four names, oldest first; the third was rolled back."""
    category = Category.objects.create(name="one")
    for name in ("two", "three", "four"):
        category.name = name
        if name == "three":
            with pytest.raises(KeyError), transaction.atomic():
                category.save()
                raise KeyError
        else:
            category.save()
    return list(SignalEvent.objects.filter(sender="shop.Category", signal="post_save").order_by("id"))


def ask(client: Client, event: SignalEvent, **query: Any) -> tuple[int, str]:
    answer = client.get(f"/objects/shop.Category/{event.object_pk}/", query)
    return answer.status_code, answer.content.decode()


def by_name(events: list[SignalEvent]) -> dict[str, SignalEvent]:
    return {event.object_repr: event for event in events}


def test_two_events_are_compared_in_either_order(mira: Client, renamed: list[SignalEvent]) -> None:
    """The comparison runs from the older to the newer event, whichever is named first, without rolled-back events."""
    names = by_name(renamed)
    pages = [
        ask(mira, names["one"], **{"from": names[a].pk, "to": names[b].pk})
        for a, b in (("one", "four"), ("four", "one"))
    ]
    for status, page in pages:
        assert status == 200
        assert "<del>one</del><ins>four</ins>" in re.sub(r"</?span[^>]*>", "", page)
        assert "three" not in page
        assert "2 operations" in page


def test_the_history_leads_to_the_comparison(mira: Client, renamed: list[SignalEvent]) -> None:
    """Of two events of a row, or of a row that is named at two moments; else it says what it needs."""
    first, last = renamed[0], renamed[-1]
    address = f"/objects/shop.Category/{first.object_pk}/"
    for asked, expected in (
        ({"from": first.pk, "to": last.pk}, f"{address}?from={first.pk}&to={last.pk}"),
        (
            {"object": f"shop.Category/{first.object_pk}", "from": "2000-01-01"},
            f"{address}?from=2000-01-01",
        ),
    ):
        answer = mira.get("/events/", asked)
        assert (answer.status_code, answer["Location"]) == (302, expected)
        assert mira.get(expected).status_code == 200
    for lacking in ({"from": "2000-01-01"}, {"to": "999999999"}, {"from": "9" * 30}, {"object": "x", "to": "1"}):
        answer = mira.get("/events/", lacking)
        assert answer.status_code == 400
        assert b"object=app.Model/key" in answer.content


def test_a_field_changed_and_changed_back_is_not_a_change(mira: Client) -> None:
    """A field that was changed and changed back is left out, and the page says so."""
    category = Category.objects.create(name="same")
    for name in ("other", "same"):
        category.name = name
        category.save()
    first, *_, last = SignalEvent.objects.filter(sender="shop.Category", signal="post_save").order_by("id")
    status, page = ask(mira, first, **{"from": first.pk, "to": last.pk})
    assert status == 200
    assert "No net change" in page


def test_the_list_offers_what_can_be_compared(mira: Client, renamed: list[SignalEvent]) -> None:
    """The oldest and the newest are preselected; rolled-back events cannot be chosen."""
    names = by_name(renamed)
    _, page = ask(mira, renamed[0])
    assert f'name="from" value="{names["one"].pk}" checked' in page
    assert f'name="to" value="{names["four"].pk}" checked' in page
    assert f'value="{names["three"].pk}"' not in page
    Category.objects.create(name="alone")
    alone = SignalEvent.objects.filter(object_repr="alone").first()
    assert alone is not None
    assert 'id="compare"' not in ask(mira, alone)[1]


def test_an_impossible_comparison_is_explained(
    mira: Client, renamed: list[SignalEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page gives the reason and a way back, neither a traceback nor an empty page."""
    one, two, four = (by_name(renamed)[name].pk for name in ("one", "two", "four"))
    undone = by_name(renamed)["three"].pk
    other = make_event().pk
    monkeypatch.setattr(compare, "MAX_BETWEEN", 1)
    for first, second, why in [
        (one, one, "two different events"),
        (one, "", "must be an event number"),
        ("x", "9" * 30, "must be an event number"),
        (one, other, "committed changes of this object"),
        (one, undone, "committed changes of this object"),
        (one, four, "There are more than 1 events between"),
    ]:
        status, page = ask(mira, renamed[0], **{"from": first, "to": second})
        assert status == 400, why
        assert why in page
        assert "Back to object history" in page
    assert ask(mira, renamed[0], **{"from": one, "to": two})[0] == 200


def test_secrets_stay_masked_and_hostile_text_stays_text(mira: Client) -> None:
    """A comparison shows no more than its events do."""
    make_event(changes={"first_name": [None, "a"], "password": [None, MASK]}, created=True)
    last = make_event(changes={"first_name": ["a", "<script>x</script>"], "password": [MASK, MASK]})
    first = SignalEvent.objects.filter(object_pk=last.object_pk, sender="auth.User").order_by("id")[0]
    page = mira.get(f"/objects/auth.User/{last.object_pk}/", {"from": first.pk, "to": last.pk}).content.decode()
    assert "<script>x" not in page
    assert "&lt;script&gt;x" in page
    assert "masked: the value was never logged" in page
