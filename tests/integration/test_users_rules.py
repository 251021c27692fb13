"""Every user has one profile from the start, and the two agree, whichever of them is changed."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import IntegrityError, models, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat, Upper

from signal_log.models import SignalEvent
from tests.accounts import in_step, person, witness
from users.models import Profile
from users.signals import connect

pytestmark = pytest.mark.django_db

ONE_SAVE_EACH = {(signal, model): 1 for signal in ("pre_save", "post_save") for model in ("User", "Profile")}
ONLY_THE_USER = {("pre_save", "User"): 1, ("post_save", "User"): 1}
ONLY_THE_PROFILE = {("pre_save", "Profile"): 1, ("post_save", "Profile"): 1}


class Visitor(User):
    """A proxy that is defined after the rules were connected."""

    class Meta:
        proxy = True
        app_label = "visitors"  # not installed, so no migration is looked for


def by_coroutine(way: str) -> None:
    """Create her from asynchronous code."""
    fields = {"username": "ada", "email": "ada@example.org", "first_name": "Ada"}
    if way == "acreate":
        async_to_sync(User.objects.all().acreate)(**fields)
    else:
        async_to_sync(User(**fields).asave)()


CREATIONS = {
    "create_user": lambda: User.objects.create_user("ada", "ada@example.org", first_name="Ada"),
    "create": lambda: User.objects.create(username="ada", email="ada@example.org", first_name="Ada"),
    "save": lambda: User(username="ada", email="ada@example.org", first_name="Ada").save(),
    "get_or_create": lambda: User.objects.get_or_create(
        username="ada", defaults={"email": "ada@example.org", "first_name": "Ada"}
    ),
    "update_or_create": lambda: User.objects.update_or_create(
        username="ada", defaults={"email": "ada@example.org", "first_name": "Ada"}
    ),
    "create_superuser": lambda: User.objects.create_superuser("ada", "ada@example.org", first_name="Ada"),
    "acreate": lambda: by_coroutine("acreate"),
    "asave": lambda: by_coroutine("asave"),
    "proxy": lambda: Visitor.objects.create(username="ada", email="ada@example.org", first_name="Ada"),
    "expression": lambda: User.objects.create(
        username="ada", email="ada@example.org", first_name=Concat(Value("A"), Value("da"))
    ),
}


@pytest.mark.parametrize("way", CREATIONS)
def test_a_new_user_gets_one_profile_with_its_values(way: str) -> None:
    """Every way to create a user creates one profile, with one save each."""
    with witness() as seen:
        CREATIONS[way]()
    user = User.objects.get()
    assert in_step(user)
    assert Profile.objects.get().name == "Ada"
    assert seen.of_all() == ONE_SAVE_EACH


def test_the_profiles_events_name_their_cause() -> None:
    """The profile's events name the receiver that created it and the user's event that it ran in."""
    person("ada")
    events = SignalEvent.objects.order_by("position")
    assert [(event.signal, event.sender, event.caused_by) for event in events] == [
        ("pre_save", "auth.User", ""),
        ("post_save", "auth.User", ""),
        ("pre_save", "users.Profile", "users.signals.create_profile"),
        ("post_save", "users.Profile", "users.signals.create_profile"),
    ]
    assert len({event.trace_id for event in events}) == 1


USER_EDITS: dict[str, dict[str, str]] = {
    "username": {"username": "countess"},
    "email": {"email": "countess@example.org"},
    "first_name": {"first_name": "Augusta"},
    "all": {"username": "countess", "email": "countess@example.org", "first_name": "Augusta"},
    "to empty": {"email": "", "first_name": ""},
}


@pytest.mark.parametrize("named", [False, True], ids=["save()", "save(update_fields)"])
@pytest.mark.parametrize("edit", USER_EDITS)
def test_a_changed_user_changes_the_profile(edit: str, named: bool) -> None:
    """Each is saved once, without going back and forth."""
    user = person("ada")
    for field, value in USER_EDITS[edit].items():
        setattr(user, field, value)
    with witness() as seen:
        user.save(update_fields=list(USER_EDITS[edit]) if named else None)
    assert in_step(user)
    assert seen.of(user.pk) == ONE_SAVE_EACH


PROFILE_EDITS: dict[str, dict[str, str]] = {
    "username": {"username": "countess"},
    "email": {"email": "countess@example.org"},
    "name": {"name": "Augusta"},
    "all": {"username": "countess", "email": "countess@example.org", "name": "Augusta"},
    "to empty": {"email": "", "name": ""},
}


@pytest.mark.parametrize("named", [False, True], ids=["save()", "save(update_fields)"])
@pytest.mark.parametrize("edit", PROFILE_EDITS)
def test_an_edited_profile_changes_the_user(edit: str, named: bool) -> None:
    """Each is saved once."""
    user = person("ada")
    profile = Profile.objects.get(user=user)
    for field, value in PROFILE_EDITS[edit].items():
        setattr(profile, field, value)
    with witness() as seen:
        profile.save(update_fields=list(PROFILE_EDITS[edit]) if named else None)
    assert in_step(user)
    saved = Profile.objects.get(user=user)
    assert {field: getattr(saved, field) for field in PROFILE_EDITS[edit]} == PROFILE_EDITS[edit]
    assert seen.of(user.pk) == ONE_SAVE_EACH


def test_fields_that_are_not_shared_stay_on_their_side(client: Any) -> None:
    """A log-in or a new bio saves one side only."""
    user = person("ada")
    with witness() as seen:
        client.force_login(user)
    assert seen.of(user.pk) == ONLY_THE_USER
    with witness() as seen:
        Profile.objects.update_or_create(user=user, defaults={"bio": "Countess"})
    assert seen.of(user.pk) == ONLY_THE_PROFILE
    with witness() as seen:
        User.objects.get().save()
    assert seen.of(user.pk) == ONLY_THE_USER


def test_only_the_fields_that_were_saved_are_carried_over() -> None:
    """A field that was set but not saved does not reach the other side."""
    user = person("ada")
    user.first_name, user.email = "Augusta", "not-saved@example.org"
    user.save(update_fields=["first_name"])
    profile = Profile.objects.get()
    assert (profile.name, profile.email) == ("Augusta", "ada@example.org")


def test_an_edit_carries_over_to_the_instances_in_hand() -> None:
    """A cached user or profile is updated too, so that saving it afterwards does not undo the change."""
    user = person("ada")
    profile = user.profile
    profile.name = "Augusta"
    profile.save()
    profile.user.save()
    assert Profile.objects.get().name == User.objects.get().first_name == "Augusta"

    user = User.objects.select_related("profile").get()
    user.first_name = "Byron"
    user.save()
    user.profile.bio = "Countess"
    user.profile.save()
    assert Profile.objects.get().name == User.objects.get().first_name == "Byron"


def test_expressions_are_carried_over_by_their_result() -> None:
    """``F()`` and functions, which have no value yet after the save, reach the other side as values."""
    user = person("ada")
    user.first_name = Upper(F("first_name"))
    user.save()
    assert Profile.objects.get().name == "ADA"
    profile = Profile.objects.get()
    profile.name = Concat(F("name"), Value("!"))
    profile.save()
    assert User.objects.get().first_name == "ADA!"


def test_a_partly_loaded_user_or_profile_is_saved_without_loading_the_rest() -> None:
    """Saving a deferred instance touches what was loaded and nothing else."""
    person("ada")
    profile = Profile.objects.only("bio").get()
    profile.bio = "Countess"
    with witness() as seen:
        profile.save()
    assert profile.get_deferred_fields() >= {"username", "email", "name"}
    assert seen.of_all() == ONLY_THE_PROFILE
    user = User.objects.only("last_name").get()
    user.last_name = "Lovelace"
    user.save()
    assert user.get_deferred_fields() >= {"username", "email", "first_name"}


def test_a_profile_made_by_hand_is_completed_from_its_user() -> None:
    """For a user created without signals, omitted values come from the user, and given ones are copied to it."""
    User.objects.bulk_create([User(username="ada", email="ada@example.org", first_name="Ada")])
    user = User.objects.get()
    profile, made = Profile.objects.get_or_create(user_id=user.pk, defaults={"name": "Augusta"})
    assert made
    assert (profile.username, profile.email) == ("ada", "ada@example.org")
    assert in_step(user)
    assert User.objects.get().first_name == "Augusta"


def test_a_user_without_a_profile_gets_it_at_the_next_save() -> None:
    """Users created without signals get their profile then."""
    User.objects.bulk_create([User(username="ada", first_name="Ada")])
    user = User.objects.get()
    user.save()
    assert in_step(user)


def test_a_profile_never_takes_its_users_name_away() -> None:
    """An emptied username is restored from the user."""
    user = person("ada")
    profile = Profile.objects.get()
    profile.username = ""
    profile.save()
    assert Profile.objects.get().username == User.objects.get(pk=user.pk).username == "ada"


def test_an_edit_that_the_user_cannot_take_changes_neither() -> None:
    """Renaming a profile to a username that is taken is an error and changes neither row."""
    user = person("ada")
    person("grace")
    profile = Profile.objects.get(user=user)
    profile.username = "grace"
    with pytest.raises(IntegrityError), transaction.atomic():
        profile.save()
    assert in_step(user)
    assert User.objects.get(pk=user.pk).username == "ada"


@pytest.mark.django_db(transaction=True)
def test_an_edit_that_the_user_cannot_take_changes_neither_in_autocommit() -> None:
    """The same holds without a transaction around it."""
    user = person("ada")
    person("grace")
    profile = Profile.objects.get(user=user)
    profile.username = "grace"
    with pytest.raises(IntegrityError):
        profile.save()
    assert in_step(user)
    assert User.objects.get(pk=user.pk).username == "ada"


def test_a_second_profile_is_refused() -> None:
    """The database enforces the rule too."""
    user = person("ada")
    with pytest.raises(IntegrityError), transaction.atomic():
        Profile.objects.create(user=user)
    assert Profile.objects.count() == 1


def test_hosts_that_hide_rows_in_a_default_manager_do_not_hide_them_from_the_rules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rules use base managers."""
    user = person("ada")

    class NoneOfThem(models.Manager):
        def get_queryset(self) -> Any:
            return super().get_queryset().none()

    hiding = NoneOfThem()
    hiding.model = Profile
    monkeypatch.setattr(Profile._meta, "default_manager", hiding, raising=False)
    monkeypatch.setattr(Profile, "objects", hiding)
    user.first_name = "Augusta"
    user.save()
    assert Profile._base_manager.get().name == "Augusta"


def test_connecting_again_changes_nothing() -> None:
    """The rules run once, however often they are connected."""
    for model in (User, Visitor, Profile):
        connect(model)
    with witness() as seen:
        person("ada")
    assert seen.of_all() == ONE_SAVE_EACH
