"""An object's page tells of its relatives too: of what points at it now, and of what did in its own history."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from signal_log import clock
from signal_log.show.query import paging
from signal_log.show.story.relations import relations_of
from tests.factories import make_event
from tests.pages import text
from tests.relations.models import Invitation, Party, Person
from tests.shop.models import Category, Item, Label

pytestmark = pytest.mark.django_db


def told(response: Any, part: int = 0) -> list[str]:
    """Return what each line of the page is about: the model, the object and what happened."""
    return [f"{line.model} {line.object} {line.kind.word}" for line in response.context["parts"][part].lines]


def test_a_user_and_the_profile_are_one_story(root: Client) -> None:
    """Also when both are gone: what was deleted with it, and what it was made with, is known from the log."""
    ada = User.objects.create_user("ada")
    pk, profile = ada.pk, ada.profile.pk
    ada.profile.headline = "poet"
    ada.profile.save()
    alive = told(root.get(f"/objects/auth.User/{pk}/"))
    ada.delete()
    gone = told(root.get(f"/objects/auth.User/{pk}/"))
    assert alive == ["Profile ada updated", "Profile ada created", "User ada created"]
    assert gone[-3:] == alive
    assert sorted(gone[:-3]) == ["Profile ada deleted", "User ada deleted"]
    # Each is the other's relative, and both pages link to the other.
    assert sorted(told(root.get(f"/objects/users.Profile/{profile}/"))) == sorted(gone)
    assert f'href="/objects/users.Profile/{profile}/"' in text(root.get(f"/objects/auth.User/{pk}/"))


def test_relatives_follow_from_the_models_and_can_be_chosen(root: Client) -> None:
    """What goes with the object is told of; what survives it is offered, and everything can be turned off."""
    lamps, other = Category.objects.create(name="lamps"), Category.objects.create(name="other")
    item = Item.objects.create(name="lamp", category=lamps)
    Item.objects.create(name="cup", category=other)
    Label.objects.create(text="bright", category=lamps)
    address = f"/objects/shop.Category/{lamps.pk}/"
    names = {relation.name: relation.is_told for relation in relations_of("shop.Category")}
    assert names == {"shop.Item.category": True, "shop.Label.category": False}
    assert told(root.get(address)) == [f"Item {item} created", "Category lamps created"]
    chosen = root.get(address, {"with": ["none", "shop.Label.category"]})
    assert [line.split()[0] for line in told(chosen)] == ["Label", "Category"]
    assert told(root.get(address, {"with": "none"})) == ["Category lamps created"]
    assert 'value="shop.Label.category" checked' in text(chosen)


def test_rows_of_a_relation_of_its_own_are_relatives(root: Client) -> None:
    """A many-to-many relation through a model of the host's is told of on both sides."""
    ada, party = Person.objects.create(name="ada"), Party.objects.create()
    Invitation.objects.create(party=party, guest=ada)
    for address in (f"/objects/relations.Person/{ada.pk}/", f"/objects/relations.Party/{party.pk}/"):
        assert "Invitation" in " ".join(told(root.get(address))), address


def test_filters_apply_to_the_object_and_its_relatives(root: Client) -> None:
    """By field, actor and time, with pills, and the older page keeps them."""
    lamps = Category.objects.create(name="lamps")
    item = Item.objects.create(name="lamp", category=lamps)
    for stock in range(40):
        item.stock = stock + 1
        item.save()
    item.price = 3
    item.save()
    make_event(sender="shop.Category", object_pk=str(lamps.pk), object_repr="lamps", actor_repr="eve", actor_pk="66")
    address = f"/objects/shop.Category/{lamps.pk}/"
    assert [line.split()[0] for line in told(root.get(address, {"field": "price"}))] == ["Item", "Item"]
    assert told(root.get(address, {"actor": "eve"})) == ["Category lamps updated"]
    assert told(root.get(address, {"actor": "66"})) == ["Category lamps updated"]
    assert told(root.get(address, {"until": "2000-01-01"})) == []
    page = root.get(address, {"field": "stock", "with": ["none", "shop.Item.category"]})
    assert len(told(page)) == 30
    older = root.get(page.context["older_url"])
    assert len(told(older)) == 11
    assert [pill.name for pill in older.context["pills"]] == ["changed field"]
    assert "field=" not in older.context["pills"][0].without
    assert "with=shop.Item.category" in older.context["pills"][0].without
    assert root.get(address, {"since": "soon"}).status_code == 400


def test_on_a_user_and_by_a_user_stand_side_by_side(root: Client) -> None:
    """And the page of what the account did goes on, also for somebody who is known from old events only."""
    make_event(object_pk="5", object_repr="eve")
    make_event(object_pk="9", object_repr="bob", actor_pk="5", actor_repr="eve")
    response = root.get("/objects/auth.User/5/")
    assert told(response, 0) == ["User eve updated"]
    assert told(response, 1) == ["User bob updated"]
    assert [part.title for part in response.context["parts"]] == ["On this user", "By this user"]
    assert 'href="/actors/5/"' in text(response)


def test_an_actor_has_a_page(root: Client) -> None:
    """With names, filters and pages, without counting, and for keys that fit in no path."""
    for number in range(60):
        make_event(actor_pk="a/../b", actor_repr="eve", object_pk=str(number), changes={"is_staff": [False, True]})
    make_event(actor_pk="a/../b", actor_repr="Eve", object_pk="7", sender="shop.Item", changes={"name": ["a", "b"]})
    line = root.get("/objects/shop.Item/7/").context["parts"][0].lines[0]
    with CaptureQueriesContext(connections["default"]) as queries:
        response = root.get(line.actor_url)
    assert response.status_code == 200
    assert all("LIMIT" in query["sql"] for query in queries if "COUNT(*)" in query["sql"])
    assert len(told(response)) == 30
    assert response.context["title"] == "Eve"
    assert response.context["names"] == ["Eve", "eve"]
    assert len(told(root.get(response.context["older_url"]))) == 30
    assert len(told(root.get(line.actor_url, {"pk": "a/../b", "sender": "shop.Item"}))) == 1
    assert len(told(root.get(line.actor_url, {"pk": "a/../b", "field": "name"}))) == 1
    assert root.get("/actors/", {"pk": "a/../b", "since": "x"}).status_code == 400
    assert root.get("/actors/nobody/").status_code == 404
    assert root.get("/actors/").status_code == 404


def test_what_has_very_many_events_is_read_in_windows(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages hold the same as those of one that has few; what is left out is said."""
    for number in range(9):
        make_event(
            object_pk="5", actor_pk="5", actor_repr="eve", changes={"first_name": [str(number), str(number + 1)]}
        )
    at = "/objects/auth.User/5/?at=2100-01-01"
    few = [root.get(address) for address in ("/objects/auth.User/5/", "/actors/5/", at)]
    monkeypatch.setattr(paging, "TOO_MANY_TO_SORT", 3)
    many = [root.get(address) for address in ("/objects/auth.User/5/", "/actors/5/", at)]
    assert [told(one) for one in many[:2]] == [told(one) for one in few[:2]]
    assert many[2].context["state"].fields == few[2].context["state"].fields
    assert "so many events" in text(many[0])
    assert "so many events" not in text(few[0])


def test_a_moment_shows_the_relatives_as_they_were(root: Client) -> None:
    """Those it had then, with their values then; those it got later, or had lost, are left out."""
    lamps, other = Category.objects.create(name="lamps"), Category.objects.create(name="other")
    item = Item.objects.create(name="lamp", category=lamps)
    before = clock.now()
    item.name, item.category = "lantern", other
    item.save()
    Item.objects.create(name="late", category=lamps)
    address = f"/objects/shop.Category/{lamps.pk}/"
    now = root.get(address, {"at": clock.now().isoformat()})
    assert [then.title for then in now.context["relatives"]] == ["late in lamps"]
    there = root.get(f"/objects/shop.Category/{other.pk}/", {"at": clock.now().isoformat()})
    assert [then.title for then in there.context["relatives"]] == ["lantern in other"]
    then = root.get(f"/objects/shop.Category/{other.pk}/", {"at": before.isoformat()})
    assert not then.context["relatives"]
    # What has left by itself is found by reading the log, which takes a search.
    assert [line.split()[0] for line in told(root.get(address))] == ["Item", "Category"]
    searched = root.get(address, {"search": "1"})
    assert [line.split()[0] for line in told(searched)] == ["Item", "Item", "Item", "Category"]
    assert "The whole log was searched" in text(searched)
    then = root.get(address, {"at": before.isoformat(), "search": "1"})
    assert [one.title for one in then.context["relatives"]] == ["lamp in lamps"]


def test_what_a_creation_left_out_was_null(root: Client) -> None:
    """So every field of a row that was recorded from its beginning is known."""
    item = Item.objects.create(name="lamp")
    state = root.get(f"/objects/shop.Item/{item.pk}/", {"at": clock.now().isoformat()}).context["state"]
    fields = {known.name: known.value for known in state.fields}
    assert all(fields.values())
    assert (fields["sold_on"].style, fields["category"].style, fields["name"].text) == ("null", "null", "lamp")


def test_two_moments_are_compared_with_the_relatives(root: Client) -> None:
    """What changed, what came and went; masked values that may differ are said, unknown ones are named."""
    ada = User.objects.create_user("ada", email="old@example.com", password="first-secret-1")
    start = clock.now()
    ada.email = "new@example.com"
    ada.set_password("other-secret-2")
    ada.save()
    ada.profile.headline = "poet"
    ada.profile.save()
    page = root.get(f"/objects/auth.User/{ada.pk}/", {"from": start.isoformat(), "to": clock.now().isoformat()})
    shown = text(page)
    assert "<del>old@example.com</del><ins>new@example.com</ins>" in shown
    assert "masked: the value was never logged" in shown
    assert "poet" in shown
    assert "secret" not in shown.replace("a secret", "")
    assert [diff.name for diff in page.context["own"].diffs] == ["password", "email"]
    since = root.get(f"/objects/auth.User/{ada.pk}/", {"from": (start - timedelta(days=1)).isoformat()})
    assert since.context["own"].words == "was added"
    assert [other.words for other in since.context["others"]] == ["was added"]
    unknown = make_event(object_pk="77", object_repr="eve", changes={"first_name": ["a", "b"]})
    page = root.get("/objects/auth.User/77/", {"from": "2000-01-01", "to": unknown.occurred_at.isoformat()})
    assert "email" in page.context["own"].untold
    assert [diff.name for diff in page.context["own"].diffs] == ["first_name"]


def test_wrong_moments_are_explained(root: Client) -> None:
    """A time that is none, a time beside a number, and the same moment twice."""
    make_event(object_pk="5")
    for query, why in [
        ({"from": "noon"}, "must be an event number, or a time"),
        ({"from": "5", "to": "2020-01-01"}, "two times, or the numbers of two events"),
        ({"from": "2020-01-01", "to": "2020-01-01"}, "two different moments"),
    ]:
        response = root.get("/objects/auth.User/5/", query)
        assert response.status_code == 400
        assert why in text(response)
