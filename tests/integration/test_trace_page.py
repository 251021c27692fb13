"""The page of a trace."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client

from signal_log.models import SignalEvent
from tests.factories import make_event
from tests.pages import text, tree_rows

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def test_registering_reads_as_a_story(root: Client) -> None:
    """The rows read: request → save User → post_save → users.signals.create_profile → save Profile."""
    name = "grace-of-the-test"
    Client().post("/accounts/register/", {
        "username": name, "first_name": "Grace", "email": "g@example.org",
        "password1": "corre-ct-horse-7", "password2": "corre-ct-horse-7",
    })  # fmt: skip
    trace = SignalEvent.objects.filter(path="/accounts/register/").values_list("trace_id", flat=True)[0]
    response = root.get(f"/traces/{trace}/")
    rows = [(row.level, row.text) for row in tree_rows(response)]
    at = rows.index((2, "post_save"))
    assert (rows[at - 1][0], rows[at - 1][1].startswith("save User grace")) == (1, True)
    assert (rows[at + 1][0], rows[at + 1][1].startswith("users.signals.create_profile")) == (3, True)
    assert (rows[at + 2][0], rows[at + 2][1].startswith("save Profile")) == (4, True)
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
    many = tree_rows(root.get(f"/traces/{trace}/"))[0]
    assert (many.kinds, said in many.text) == (["many"], True)


def test_equal_operations_are_grouped_until_all_are_requested(root: Client) -> None:
    """A loop that saves one by one becomes one row with count and time; one click shows all of them."""
    trace = uuid.uuid4()
    for number in range(8):
        make_event(trace_id=trace, position=number + 1, operation=number + 1, call_site="shop/views.py:7 in import_all")
    folded, every = root.get(f"/traces/{trace}/"), root.get(f"/traces/{trace}/?all=1")
    assert [row.kinds for row in tree_rows(folded)] == [["many"], *[["operation"]] * 3, ["more"]]
    assert f'href="/traces/{trace}/?all=1#p1">5 more like these' in text(folded)
    assert "shop/views.py:7 in import_all" in text(folded)
    assert [row.kinds for row in tree_rows(every)] == [["operation"]] * 8
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
    assert [row.kinds for row in tree_rows(response)] == [["operation"], ["signal"], ["receiver", "failed"]]
    assert "style=" not in text(response)
