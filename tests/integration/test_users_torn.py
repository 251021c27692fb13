"""What a kill outside a transaction can leave, a user ahead of its profile, is repaired at the next save or visit.

``tests/torture/test_killed_accounts.py`` shows that a kill leaves nothing else; here these states are made by writes
that send no signal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.accounts import PASSWORD, in_step, person, witness
from users import signals
from users.models import Profile

pytestmark = pytest.mark.django_db(transaction=True)

AHEAD = {"username": "countess", "email": "countess@example.org", "first_name": "Augusta"}
NOT_MAILED = "a repair is not a new account"


def without_a_profile() -> User:
    """A user whose process ended between its COMMIT and the receiver that creates the profile."""
    [user] = User.objects.bulk_create([User(**AHEAD)])
    user.set_password(PASSWORD)
    User.objects.filter(pk=user.pk).update(password=user.password)
    return User.objects.get(pk=user.pk)


def ahead_of_its_profile() -> User:
    """A changed user whose process ended before its profile was changed."""
    user = person("ada")
    User.objects.filter(pk=user.pk).update(**AHEAD)
    return User.objects.get(pk=user.pk)


def save_user(user: User, *fields: str) -> None:
    user.is_staff = True
    user.save(update_fields=fields or None)


def log_in(user: User) -> None:
    response = Client().post(reverse("users:login"), {"username": user.username, "password": PASSWORD})
    assert response.status_code == 302


def save_in_the_admin(user: User) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    page = reverse("admin:auth_user_change", args=[user.pk])
    joined = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    names = {name: getattr(user, name) for name in ("username", "email", "first_name")}
    assert client.post(page, names | joined).status_code == 302


BY_THE_USER: dict[str, Callable[..., Any]] = {
    "save()": save_user,
    "a save of another field": lambda user: save_user(user, "is_staff"),
    "a save of a copied field": lambda user: save_user(user, "email"),
    "login()": lambda user: Client().force_login(user),
    "the log-in page": log_in,
    "the admin's page": save_in_the_admin,
}


@pytest.mark.parametrize("state", [without_a_profile, ahead_of_its_profile])
@pytest.mark.parametrize("way", BY_THE_USER)
def test_a_user_that_is_saved_or_logs_in_repairs_its_profile(way: str, state: Callable[[], User]) -> None:
    """Any save of the user is enough, and the user's values are right."""
    user = state()
    mail.outbox.clear()
    BY_THE_USER[way](user)
    assert in_step(user)
    assert User.objects.values(*AHEAD).get(pk=user.pk) == AHEAD
    assert mail.outbox == [], NOT_MAILED


@pytest.mark.parametrize("state", [without_a_profile, ahead_of_its_profile])
@pytest.mark.parametrize("posted", [False, True], ids=["seen", "edited"])
def test_a_visit_of_the_profiles_page_repairs_it(
    posted: bool, state: Callable[[], User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page shows the user's values, and a form that was filled in there changes what it says."""
    client, user = Client(), state()
    with monkeypatch.context() as patch:
        patch.setattr(signals, "ensure_profile", lambda *args, **kwargs: (None, False))  # logging in repairs it too
        client.force_login(user)
    mail.outbox.clear()
    address = reverse("users:profile")
    if posted:
        response = client.post(
            address, {"name": user.first_name, "email": user.email, "headline": "Countess"}, follow=True
        )
    else:
        response = client.get(address)
    assert AHEAD["first_name"] in response.content.decode()
    assert in_step(user)
    assert Profile.objects.get(user=user).headline == ("Countess" if posted else "")
    assert mail.outbox == [], NOT_MAILED


@pytest.mark.parametrize("fields", [None, ["bio", "updated"], ["bio", "name", "email", "username", "updated"]])
def test_a_profile_that_is_saved_follows_its_user(fields: list[str] | None) -> None:
    """Values that the caller has not edited come from the user, in the row and in the caller's instance."""
    user = ahead_of_its_profile()
    profile = Profile.objects.get()
    profile.bio = "Countess"
    profile.save(update_fields=fields)
    assert in_step(user)
    assert Profile.objects.get().bio == "Countess"
    assert User.objects.values(*AHEAD).get() == AHEAD
    profile.save()
    assert User.objects.values(*AHEAD).get() == AHEAD


@pytest.mark.parametrize("fields", [None, ["name", "updated"]])
def test_what_is_edited_while_a_profile_is_behind_still_reaches_the_user(fields: list[str] | None) -> None:
    """Only the edited value goes to the user, the others come from it."""
    user = ahead_of_its_profile()
    profile = Profile.objects.get()
    profile.name = "Byron"
    profile.save(update_fields=fields)
    assert in_step(user)
    assert User.objects.values(*AHEAD).get() == AHEAD | {"first_name": "Byron"}


def test_a_fixture_of_the_users_repairs_their_profiles(tmp_path: Any) -> None:
    """After a load both are as the fixture says of the user."""
    user = ahead_of_its_profile()
    dump = tmp_path / "users.json"
    call_command("dumpdata", "auth.user", output=str(dump), verbosity=0)
    call_command("loaddata", str(dump), verbosity=0)
    assert in_step(user)
    assert User.objects.values(*AHEAD).get() == AHEAD


def test_the_instances_in_hand_are_repaired_too() -> None:
    """A cached profile that was loaded behind its user does not bring the old values back."""
    ahead_of_its_profile()
    user = User.objects.select_related("profile").get()
    user.save(update_fields=["is_staff"])
    user.profile.bio = "Countess"
    user.profile.save()
    assert User.objects.values(*AHEAD).get() == AHEAD


def test_a_user_that_is_in_step_costs_one_query_to_look_at() -> None:
    """A save that changes nothing of the profile's asks once whether the two agree, and writes nothing."""
    user = person("ada")
    with CaptureQueriesContext(connection) as queries, witness("pre_save") as seen:
        user.save(update_fields=["last_login"])
    words = [query["sql"].split()[0] for query in queries]
    assert [word for word in words if word in ("SELECT", "INSERT", "UPDATE")] == ["UPDATE", "SELECT"]
    assert seen.of(user.pk) == {("pre_save", "User"): 1}


def test_a_profile_is_never_ahead_of_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that ends between a profile's row and its user's has changed neither, in autocommit too."""

    def end(*args: Any) -> None:
        assert Profile.objects.get().name == "Byron"
        raise KeyboardInterrupt

    user = person("ada")
    profile = Profile.objects.get()
    profile.name = "Byron"
    monkeypatch.setattr(signals, "update_user_from", end)
    with pytest.raises(KeyboardInterrupt):
        profile.save()
    assert in_step(user)
    assert Profile.objects.get().name == "Ada"


def test_a_user_that_is_visited_before_it_has_a_profile_is_still_greeted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In autocommit others see the user first; whoever makes the profile, its creator sends the welcome."""
    ours = signals.ensure_profile

    def visited_first(user_id: Any, using: str, *args: Any) -> Any:
        monkeypatch.setattr(signals, "ensure_profile", ours)
        assert ours(user_id, using)[1]
        return ours(user_id, using, *args)

    monkeypatch.setattr(signals, "ensure_profile", visited_first)
    user = person("ada")
    assert [message.to for message in mail.outbox] == [["ada@example.org"]]
    assert in_step(user)


def test_a_user_that_is_deleted_before_it_has_a_profile_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiver finds nobody to make a profile for, and greets nobody."""
    ours = signals.ensure_profile

    def deleted_first(user_id: Any, using: str, *args: Any) -> Any:
        User.objects.filter(pk=user_id)._raw_delete(using)
        return ours(user_id, using, *args)

    monkeypatch.setattr(signals, "ensure_profile", deleted_first)
    person("ada")
    assert not Profile.objects.exists()
    assert mail.outbox == []


@pytest.mark.parametrize("side", [User, Profile])
def test_a_second_delete_of_one_account_says_goodbye_once(side: type) -> None:
    """Who collected the account before somebody else deleted it mails nobody again."""
    person("ada")
    first, second = side.objects.get(), side.objects.get()
    mail.outbox.clear()
    first.delete()
    assert len(mail.outbox) == 2
    second.delete()
    assert len(mail.outbox) == 2
