"""The page of an object."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from tests.factories import make_event
from tests.pages import text
from tests.shop.models import CheapItem, Item

pytestmark = pytest.mark.django_db


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202egnp.exe\x07{{ 7|add:7 }}&amp;"


def test_the_history_of_an_object_includes_its_proxies_and_its_end(root: Client) -> None:
    """It runs from creation to deletion, whichever class was saved, under either label."""
    item = Item.objects.create(name="lamp", api_token="hunter2-hunter2")
    pk = item.pk
    CheapItem.objects.get(pk=pk).save()
    item.name = "lantern"
    item.save()
    item.delete()
    for label in ("shop.Item", "shop.CheapItem"):
        response = root.get(f"/objects/{label}/{pk}/")
        assert [line.kind.word for line in response.context["parts"][0].lines] == [
            "deleted",
            "updated",
            "updated",
            "created",
        ]
        assert "lantern" in text(response)
        assert "hunter2" not in text(response)
        assert response.context["is_gone"]


def test_a_moment_shows_the_object_as_it_was(root: Client) -> None:
    """It shows the values then, what is unknown, and whether the object existed at all."""
    created = make_event(object_pk="5", created=True, changes={"first_name": [None, "Ada"]},
                         occurred_at=datetime(2020, 1, 2, tzinfo=UTC))  # fmt: skip
    make_event(object_pk="5", changes={"first_name": ["Ada", "Augusta"]}, occurred_at=datetime(2020, 1, 4, tzinfo=UTC))

    def at(moment: str) -> Any:
        return root.get("/objects/auth.User/5/", {"at": moment})

    fields = {known.name: known for known in at("2020-01-03").context["state"].fields}
    assert fields["first_name"].value.text == "Ada"
    assert fields["first_name"].event == created
    assert fields["email"].value is None
    assert "unknown: not in any recorded change" in text(at("2020-01-03"))
    assert "Augusta" in text(at("2020-01-05"))
    assert "did not exist yet" in text(at("2020-01-01"))
    assert at("noon").status_code == 400
    assert "noon" in text(at("noon"))


@pytest.mark.parametrize(
    "pk", ["a/b", "a b?c#d", "..", "x\ny", "ключ", "%2F", "['a', 1]", "'; DROP TABLE x; --", HOSTILE]
)
def test_hostile_keys_have_a_history(root: Client, pk: str) -> None:
    """The list's link leads to the page of that very key."""
    event = make_event(sender="shop.Item", object_pk=pk)
    line = next(line for line in root.get("/events/?sender=shop.Item").context["lines"] if line.event == event)
    response = root.get(line.object_url)
    assert response.status_code == 200
    assert [line.event.pk for line in response.context["parts"][0].lines] == [event.pk]
