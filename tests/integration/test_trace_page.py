"""The page of a trace."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client

from signal_log.models import SignalEvent
from tests.factories import make_event
from tests.pages import text

pytestmark = pytest.mark.django_db


def test_registering_reads_as_a_story(root: Client) -> None:
    """The rows read: request → save User → post_save → users.signals.create_profile → save Profile."""
    name = "grace-of-the-test"
    Client().post("/accounts/register/", {
        "username": name, "first_name": "Grace", "email": "g@example.org",
        "password1": "corre-ct-horse-7", "password2": "corre-ct-horse-7",
    })  # fmt: skip
    trace = SignalEvent.objects.filter(path="/accounts/register/").values_list("trace_id", flat=True)[0]
    response = root.get(f"/traces/{trace}/")
    rows = [(row.level, row.label, row.model) for row in response.context["rows"]]
    story = [
        (1, "save", "User"),
        (2, "post_save", "User"),
        (3, "users.signals.create_profile", ""),
        (4, "save", "Profile"),
    ]
    assert [row for row in rows if row in story][:4] == story
    assert response.context["title"] == "POST /accounts/register/"
    assert "style=" not in text(response)


def test_a_missing_parent_is_named(root: Client) -> None:
    """A missing parent is named, instead of showing a false root."""
    event = make_event(parent_position=1, position=4, operation=3, caused_by="a.b")
    assert "parent not recorded" in text(root.get(f"/traces/{event.trace_id}/"))
    assert "parent not recorded" in text(root.get(f"/events/{event.pk}/"))


@pytest.mark.parametrize(("held", "said"), [(7, "overwrote 7"), (None, "overwrote what it had not seen")])
def test_what_equal_operations_overwrote_is_said_of_all(root: Client, held: int | None, said: str) -> None:
    """A loop that overwrote something stays one row, whether or not the values are the same."""
    trace = uuid.uuid4()
    for number in range(8):
        changes = {"stock": [held or number, 6]}
        same = {"trace_id": trace, "position": number + 1, "operation": number + 1}
        make_event(**same, changes=changes, overwrote=["stock"])
    many = root.get(f"/traces/{trace}/").context["rows"][0]
    assert (many.what, many.remark.startswith(said)) == ("many", True)


def test_equal_operations_are_grouped_until_all_are_requested(root: Client) -> None:
    """A loop that saves one by one becomes one row with count and time; one click shows all of them."""
    trace = uuid.uuid4()
    for number in range(8):
        make_event(trace_id=trace, position=number + 1, operation=number + 1, call_site="shop/views.py:7 in import_all")
    folded, every = root.get(f"/traces/{trace}/"), root.get(f"/traces/{trace}/?all=1")
    assert [row.what for row in folded.context["rows"]] == ["many", *["operation"] * 3, "more"]
    assert f'href="/traces/{trace}/?all=1">5 more like these' in text(folded)
    assert "shop/views.py:7 in import_all" in text(folded)
    assert [row.what for row in every.context["rows"]] == ["operation"] * 8
    assert f'href="/traces/{trace}/">Group them' in text(every)


def test_a_trace_says_what_its_receivers_take_usually(root: Client) -> None:
    """Each run is compared with others of its kind; the summary counts errors, models and slow receivers."""
    quick = [{"receiver": "shop.signals.mail", "duration_us": 400, "error": ""}]
    for _ in range(30):
        make_event(receivers=quick)
    trace = uuid.uuid4()
    slow = [{"receiver": "shop.signals.mail", "duration_us": 40_000, "error": "OSError: no mail"}]
    make_event(trace_id=trace, receivers=slow, position=1, operation=1)
    response = root.get(f"/traces/{trace}/")
    for expected in (
        "p50 400 µs · p99 400 µs · n=30",
        "slow, 100 ",
        "1 slow receiver",
        "1 receiver error",
        "<b>1</b> model",
    ):
        assert expected in text(response), expected
    assert [row.bad for row in response.context["rows"]] == ["", "", "failed"]
    assert "style=" not in text(response)


def test_a_long_trace_is_cut_and_says_so(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limited number of signals is shown, in chunks; parents that were cut off do not count as missing."""
    monkeypatch.setattr("signal_log.show.pages.trace.MAX_EVENTS", 4)
    monkeypatch.setattr("signal_log.show.pages.trace.CHUNK", 3)
    trace = uuid.uuid4()
    for position in range(1, 7):
        make_event(trace_id=trace, position=position, operation=position, sender=f"shop.M{position}")
    response = root.get(f"/traces/{trace}/")
    assert "its first 4 signals are shown" in text(response)
    assert [len(chunk) for chunk in response.context["chunks"]] == [3, 1]
    assert response.context["missing_parents"] == 0
