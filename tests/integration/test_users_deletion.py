"""The rules on every path of deletion: user and profile go together, and each delete signal is sent once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import ProtectedError
from django.db.models.deletion import Collector
from django.db.models.signals import pre_delete
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from signal_log.models import SignalEvent
from tests.accounts import FOUR_DELETES, PASSWORD, person, witness
from users.models import Profile

pytestmark = pytest.mark.django_db(transaction=True)


class Guest(User):
    """A proxy of the user, as hosts make them."""

    class Meta:
        proxy = True
        app_label = "visitors"  # not installed, so no migration is looked for


class Card(Profile):
    """A proxy of the profile."""

    class Meta:
        proxy = True
        app_label = "visitors"  # not installed, so no migration is looked for


def as_administrator() -> Client:
    client = Client()
    client.force_login(User.objects.get(username="root"))
    return client


def admin_page(model: type, pk: Any) -> None:
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_delete", args=[pk])
    assert as_administrator().post(address, {"post": "yes"}).status_code == 302


def admin_selected(model: type, pks: list[Any]) -> None:
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    chosen = {"action": "delete_selected", "_selected_action": pks, "post": "yes"}
    assert as_administrator().post(address, chosen).status_code == 302


def own_page(user: User) -> None:
    client = Client()
    client.force_login(user)
    assert client.post(reverse("users:delete"), {"password": PASSWORD}).status_code == 302


def collected(*instances: Any, origin: Any = None) -> None:
    collector = Collector("default", origin=origin)
    for instance in instances:
        collector.collect([instance])
    collector.delete()


def with_stale_user(user: User) -> None:
    profile = Profile.objects.select_related("user").get(user=user)
    User.objects.filter(pk=user.pk).update(first_name="Changed since")
    profile.delete()


def profile_of(user: User) -> Profile:
    return Profile.objects.get(user_id=user.pk)


PATHS: dict[str, Callable[[User], Any]] = {
    "user.delete()": lambda user: user.delete(),
    "user.adelete()": lambda user: async_to_sync(user.adelete)(),
    "profile.delete()": lambda user: profile_of(user).delete(),
    "profile.delete() with a stale user": with_stale_user,
    "user.profile.delete()": lambda user: user.profile.delete(),
    "user queryset": lambda user: User.objects.filter(pk=user.pk).delete(),
    "profile queryset": lambda user: Profile.objects.filter(user=user).delete(),
    "related queryset": lambda user: User.objects.filter(profile__username=user.username).delete(),
    "proxy of the user": lambda user: Guest.objects.get(pk=user.pk).delete(),
    "proxy of the user, queryset": lambda user: Guest.objects.filter(pk=user.pk).delete(),
    "proxy of the profile": lambda user: Card.objects.get(user_id=user.pk).delete(),
    "proxy of the profile, queryset": lambda user: Card.objects.filter(user_id=user.pk).delete(),
    "admin page of the user": lambda user: admin_page(User, user.pk),
    "admin page of the profile": lambda user: admin_page(Profile, user.profile.pk),
    "admin delete selected, user": lambda user: admin_selected(User, [user.pk]),
    "admin delete selected, profile": lambda user: admin_selected(Profile, [user.profile.pk]),
    "own page": own_page,
    "shell": lambda user: call_command(
        "shell", command=f"from django.contrib.auth.models import User; User.objects.get(pk={user.pk}).delete()"
    ),
    "cascade from further up, to the user": lambda user: collected(user, origin=Group(name="a team")),
    "cascade from further up, to the profile": lambda user: collected(profile_of(user), origin=Group()),
    "bare collector of the user": collected,
    "bare collector of the profile": lambda user: collected(profile_of(user)),
    "bare collector of both": lambda user: collected(profile_of(user), user),
    "user with its key as text": lambda user: User(pk=str(user.pk), username=user.username).delete(),
}


@pytest.mark.parametrize("block", [nullcontext, transaction.atomic], ids=["autocommit", "atomic"])
@pytest.mark.parametrize("path", PATHS)
def test_each_delete_signal_fires_once_and_both_are_gone(path: str, block: Callable[[], Any]) -> None:
    """Whatever starts the delete, user and profile are gone, others stay, and the log has the four events."""
    User.objects.create_superuser("root")
    user, other = person("ada"), person("grace")
    pk = user.pk

    with witness("pre_delete", "post_delete") as seen, block():
        PATHS[path](user)

    assert seen.of(pk) == FOUR_DELETES
    assert set(User.objects.values_list("username", flat=True)) == {"root", "grace"}
    assert set(Profile.objects.values_list("username", flat=True)) == {"root", "grace"}
    assert not seen.of(other.pk)
    events = SignalEvent.objects.filter(signal__endswith="_delete", outcome="committed", object_repr="ada")
    logged = {(event.signal, event.sender) for event in events}
    assert len(events) == 4
    assert {signal for signal, _ in logged} == {"pre_delete", "post_delete"}
    assert len({sender for _, sender in logged}) == 2


MANY = {
    "users": lambda pks: User.objects.filter(pk__in=pks).delete(),
    "profiles": lambda pks: Profile.objects.filter(user_id__in=pks).delete(),
    "admin, users": lambda pks: admin_selected(User, pks),
    "admin, profiles": lambda pks: admin_selected(
        Profile, list(Profile.objects.filter(user_id__in=pks).values_list("pk", flat=True))
    ),
}


@pytest.mark.parametrize("path", MANY)
def test_many_at_once(path: str) -> None:
    """For each of several accounts deleted together, every delete signal is sent once."""
    User.objects.create_superuser("root")
    pks = [person(f"user{number}").pk for number in range(5)]
    with witness("pre_delete", "post_delete") as seen:
        MANY[path](pks)
    assert [seen.of(pk) for pk in pks] == [FOUR_DELETES] * 5
    assert User.objects.count() == Profile.objects.count() == 1


def test_a_receiver_that_deletes_the_profile_first_does_not_delete_the_user_twice() -> None:
    """If a host deletes the profile while its user is being deleted, the user's signals are still sent once."""

    def tidy_up(instance: User, **kwargs: Any) -> None:
        Profile.objects.filter(user_id=instance.pk).delete()

    user = person("ada")
    pk = user.pk
    pre_delete.connect(tidy_up, sender=User)
    try:
        with witness("pre_delete", "post_delete") as seen:
            user.delete()
    finally:
        pre_delete.disconnect(tidy_up, sender=User)
    assert seen.of(pk)["pre_delete", "User"] == seen.of(pk)["post_delete", "User"] == 1


def test_a_user_without_a_profile_can_be_deleted() -> None:
    """A user created without signals can be deleted alone."""
    [user] = User.objects.bulk_create([User(username="ada")])
    with witness("pre_delete", "post_delete") as seen:
        User.objects.get(username="ada").delete()
    assert seen.of(user.pk) == {("pre_delete", "User"): 1, ("post_delete", "User"): 1}


@pytest.mark.parametrize("start", ["user", "profile"])
def test_a_refused_delete_leaves_both(start: str) -> None:
    """If something refuses the delete both stay, and a second attempt through the profile deletes both."""

    def refuse(instance: Any, **kwargs: Any) -> None:
        raise ProtectedError("still needed", {instance})

    user = person("ada")
    pre_delete.connect(refuse, sender=User)
    try:
        with pytest.raises(ProtectedError):
            (user if start == "user" else user.profile).delete()
    finally:
        pre_delete.disconnect(refuse, sender=User)
    assert User.objects.count() == Profile.objects.count() == 1

    with witness("pre_delete", "post_delete") as seen:
        profile_of(user).delete()
    assert seen.of(user.pk) == FOUR_DELETES


def test_a_rolled_back_delete_leaves_both() -> None:
    """Both rows are back after a rollback, and the log has no committed delete."""
    user = person("ada")
    with pytest.raises(RuntimeError), transaction.atomic():
        user.profile.delete()
        raise RuntimeError
    assert User.objects.count() == Profile.objects.count() == 1
    assert not SignalEvent.objects.filter(signal__endswith="_delete", outcome="committed").exists()


def test_the_log_names_the_receiver_that_deleted_the_user() -> None:
    """When a profile is deleted, the user's events name the receiver that caused them."""
    person("ada").profile.delete()
    causes = SignalEvent.objects.filter(sender="auth.User", signal__endswith="_delete")
    assert set(causes.values_list("caused_by", flat=True)) == {"users.signals.delete_user"}


def test_deleting_a_user_starts_no_second_delete() -> None:
    """The profile is deleted in the user's own cascade: its table is read once and written once."""
    user = person("ada")
    with CaptureQueriesContext(connection) as queries:
        user.delete()
    profiles = [sql for sql in (query["sql"] for query in queries) if 'FROM "users_profile"' in sql]
    assert [sql.split()[0] for sql in profiles] == ["SELECT", "DELETE"]
