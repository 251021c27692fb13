"""The log is readable in the admin, and nobody can change it there, whatever is posted."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils.html import strip_tags

from signal_log.models import SignalEvent
from tests.factories import make_event

pytestmark = pytest.mark.django_db

LIST = "/admin/signal_log/signalevent/"


@pytest.fixture
def client() -> Client:
    """A superuser's client: the account with the most rights to change the log."""
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root"))
    return client


def found(response: Any) -> set[int]:
    """Return the ids of the listed events."""
    return {event.pk for event in response.context["cl"].result_list}


def snapshot() -> list[tuple[Any, ...]]:
    """Return the whole log except what the test itself causes by logging in."""
    return list(SignalEvent.objects.filter(sender="shop.Item").order_by("pk").values_list("pk", "actor_repr", "digest"))


@pytest.mark.parametrize("path", ["add/", "{pk}/change/", "{pk}/delete/", "", "{pk}/history/"])
def test_nothing_posted_changes_the_log(client: Client, path: str) -> None:
    """Add, change, delete and every action are refused or have no effect, even for superusers."""
    event = make_event(sender="shop.Item")
    before = snapshot()
    response = client.post(LIST + path.format(pk=event.pk), {
        "post": "yes", "action": "delete_selected", "_selected_action": event.pk, "select_across": "1", "index": "0",
        "actor_repr": "mallory", "signal": "post_save", "_save": "Save", "form-TOTAL_FORMS": "1",
    })  # fmt: skip
    assert snapshot() == before
    assert response.status_code == (200 if path in ("", "{pk}/history/") else 403)


def test_the_pages_offer_nothing_to_change(client: Client) -> None:
    """The pages offer no add, no delete, no save button and no action."""
    event = make_event()
    page = client.get(LIST).content.decode() + client.get(f"{LIST}{event.pk}/change/").content.decode()
    for word in ('name="_save"', "deletelink", "addlink", 'name="action"', "action-select"):
        assert word not in page or word == "addlink", word
    assert f'href="{LIST}add/"' not in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("signal=post_delete", {"b"}),
        ("sender=shop.Item", {"a", "b"}),
        ("outcome__exact=failed", {"c"}),
        ("source=task", {"c"}),
        ("q=shop.Item/71", {"a"}),
        ("q=k72", {"b"}),
        ("q=lovelace", {"c"}),
        ("q=LAMP", {"a"}),
        ("signal=%00", set()),
    ],
)
def test_filters_and_search(client: Client, query: str, expected: set[str]) -> None:
    """The list is filtered by signal, model, outcome and source, and searched by key, user name or part of a name."""
    made = {
        make_event(sender="shop.Item", object_pk="71", object_repr="a lamp").pk: "a",
        make_event(sender="shop.Item", object_pk="k72", signal="post_delete").pk: "b",
        make_event(sender="shop.Category", outcome="failed", source="task", actor_repr="lovelace").pk: "c",
    }
    response = client.get(f"{LIST}?{query}")
    assert response.status_code == 200
    assert {made[pk] for pk in found(response) if pk in made} == expected
    if expected:
        assert found(response) <= set(made)


def test_the_list_says_what_changed_and_names_signals_shortly(client: Client) -> None:
    """Changes are worded as in the history; a failure shows its error alone."""
    changes = {"updated": ["a", "b"], "name": ["oak", "ash"]}
    make_event(signal="shop.signals.felled", changes={"tree": [None, "oak"]}, object_repr="first")
    make_event(changes=changes, created=False, caused_by="shop.signals.restock", object_repr="second")
    make_event(changes=changes, created=False, outcome="failed", error="ValueError: no", object_repr="third")
    page = client.get(LIST).content.decode()
    rows = {
        name: strip_tags(page.partition(f">{name}</bdi>")[2].partition("</tr>")[0])
        for name in ("first", "second", "third")
    }
    assert "tree oak" in rows["first"]
    assert "restock name oak → ash +1" in rows["second"]
    assert "ValueError no" in rows["third"]
    assert "oak" not in rows["third"]
    assert '<small title="shop.signals.felled">felled</small>' in page
    assert '<a href="?signal=shop.signals.felled">felled</a>' in re.sub(r">\s+", ">", re.sub(r"\s+<", "<", page))


def test_the_list_takes_few_queries(client: Client, django_assert_max_num_queries: Any) -> None:
    """The list takes at most seven queries and the request's savepoint, for 3 events as for 60."""
    for number in range(60):
        if number == 3:
            with django_assert_max_num_queries(9):
                client.get(LIST)
        make_event(object_pk=str(number))
    with django_assert_max_num_queries(9):
        client.get(LIST)


def test_the_page_of_an_event_shows_the_diff(client: Client) -> None:
    """The page shows the same diff as the event's page outside the admin, with links to the object and the trace."""
    event = make_event(object_pk="5", changes={"first_name": ["Ada", "Augusta"]})
    response = client.get(f"{LIST}{event.pk}/change/")
    page = response.content.decode()
    for expected in ("Augusta", "row matches digest", "/objects/auth.User/5/", f"/traces/{event.trace_id}/"):
        assert expected in page
    assert "style=" not in page[page.index('id="content-main"') : page.index("</aside>")]


def test_an_event_that_is_not_there_leads_back(client: Client) -> None:
    """As everywhere in the admin, a missing event redirects with a message instead of an error."""
    for number in ("999999999", "abc", "99999999999999999999999"):
        assert client.get(f"{LIST}{number}/change/").status_code == 302


def test_an_objects_history_button_shows_what_was_recorded(client: Client) -> None:
    """For users and profiles, the button shows our operations above the admin's own list, and links to all of them."""
    user = get_user_model().objects.create_user("ada", first_name="Ada")
    user.first_name = "Augusta"
    user.save()
    page = client.get(f"/admin/auth/user/{user.pk}/history/").content.decode()
    assert "<h2>Signal log</h2>" in page
    assert "Augusta" in page
    assert f'href="/objects/auth.User/{user.pk}/"' in page
    profile = client.get(f"/admin/users/profile/{user.profile.pk}/history/").content.decode()
    assert "create_profile" in profile


def test_staff_without_the_permission_see_the_admins_history_alone() -> None:
    """For staff without the permission the button works as before and shows nothing of the log."""
    staff = get_user_model().objects.create_user("staff", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_user"))
    client = Client()
    client.force_login(staff)
    response = client.get(f"/admin/auth/user/{staff.pk}/history/")
    assert response.status_code == 200
    assert "signal log recorded" not in response.content.decode()
    assert "Signal log" not in client.get("/admin/").content.decode()
