"""Users and profiles in the admin: linked, deleted together, and no way around the permissions on users."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from tests.accounts import PASSWORD, in_step, person
from users.models import Profile

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def ada() -> User:
    """The account that administrators look at."""
    return person("ada")


@pytest.fixture
def root(client: Client) -> Client:
    """A client of someone who may do everything."""
    client.force_login(User.objects.create_superuser("root"))
    return client


def staff(*permissions: str) -> Client:
    """Return a client of someone who has only these permissions."""
    user = person("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    assert user.user_permissions.count() == len(permissions)
    client = Client()
    client.force_login(user)
    return client


def change_page(profile: Profile) -> str:
    return reverse("admin:users_profile_change", args=[profile.pk])


def test_user_and_profile_link_to_each_other(root: Client, ada: User) -> None:
    """Each page links to the other."""
    user_page = reverse("admin:auth_user_change", args=[ada.pk])
    assert f'<a href="{change_page(ada.profile)}">ada</a>' in root.get(user_page).content.decode()
    assert f'<a href="{user_page}">ada</a>' in root.get(change_page(ada.profile)).content.decode()


def test_a_user_added_in_the_admin_gets_its_profile(root: Client) -> None:
    """The signal creates the profile, as elsewhere; the page of a user without one says so instead of failing."""
    form = {"username": "ada", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    assert root.post(reverse("admin:auth_user_add"), form).status_code == 302
    assert in_step(User.objects.get(username="ada"))
    [bare] = User.objects.bulk_create([User(username="bare")])
    assert "none yet" in root.get(reverse("admin:auth_user_change", args=[bare.pk])).content.decode()


def test_a_profile_edited_in_the_admin_changes_the_user(root: Client, ada: User) -> None:
    """Name and email are changed on both; the username belongs to the user and is only shown."""
    form = {"name": "Augusta", "email": "countess@example.org", "username": "hijacked"}
    assert root.post(change_page(ada.profile), form).status_code == 302
    assert in_step(ada)
    ada.refresh_from_db()
    assert (ada.username, ada.first_name, ada.email) == ("ada", "Augusta", "countess@example.org")


def test_profiles_are_not_added_by_hand(root: Client) -> None:
    """A profile always comes with its user."""
    assert root.get(reverse("admin:users_profile_add")).status_code == 403


def test_search_and_list(root: Client, ada: User) -> None:
    """Profiles can be searched by name."""
    person("grace")
    listing = root.get(reverse("admin:users_profile_changelist"), {"q": "ada"}).content.decode()
    assert "ada@example.org" in listing
    assert "grace@example.org" not in listing


@pytest.mark.parametrize("way", ["page", "selected"])
def test_before_a_profile_is_deleted_its_user_is_shown(way: str, root: Client, ada: User) -> None:
    """The confirmation lists the account, not only the profile."""
    if way == "page":
        response = root.get(reverse("admin:users_profile_delete", args=[ada.profile.pk]))
    else:
        chosen = {"action": "delete_selected", "_selected_action": [ada.profile.pk]}
        response = root.post(reverse("admin:users_profile_changelist"), chosen)
    html = response.content.decode()
    assert reverse("admin:auth_user_change", args=[ada.pk]) in html
    assert "Users: 1" in html
    assert User.objects.filter(pk=ada.pk).exists()


def test_deleting_profiles_takes_the_permission_to_delete_users(ada: User) -> None:
    """Otherwise whoever may delete profiles could delete administrators."""
    clerk = staff("view_profile", "delete_profile")
    profile = ada.profile
    assert "deletelink" not in clerk.get(change_page(profile)).content.decode()
    assert "delete_selected" not in clerk.get(reverse("admin:users_profile_changelist")).content.decode()
    assert clerk.post(reverse("admin:users_profile_delete", args=[profile.pk]), {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [profile.pk], "post": "yes"}
    clerk.post(reverse("admin:users_profile_changelist"), chosen)
    assert User.objects.filter(pk=ada.pk).exists()
    assert Profile.objects.filter(pk=profile.pk).exists()


def test_changing_name_or_email_takes_the_permission_to_change_users(ada: User) -> None:
    """Otherwise whoever may edit profiles could send themselves an administrator's password reset."""
    clerk = staff("view_profile", "change_profile")
    form = {"name": "Hijacked", "email": "clerk@example.net", "headline": "Countess"}
    assert clerk.post(change_page(ada.profile), form).status_code == 302
    ada.refresh_from_db()
    assert (ada.first_name, ada.email) == ("Ada", "ada@example.org")
    assert Profile.objects.get(user=ada).headline == "Countess"
