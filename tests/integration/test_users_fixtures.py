"""Fixtures can be loaded repeatedly, and afterwards each user has exactly one profile that agrees with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail, serializers
from django.core.management import call_command
from django.db import transaction

from signal_log.models import SignalEvent
from tests.accounts import in_step, person, witness
from users.models import Profile

pytestmark = pytest.mark.django_db(transaction=True)

STAMP = "2026-01-02T03:04:05Z"


def user_row(pk: int, username: str, **fields: Any) -> dict[str, Any]:
    fields = {"username": username, "email": f"{username}@example.org", "first_name": username.title()} | fields
    return {"model": "auth.user", "pk": pk, "fields": {"password": "!", "date_joined": STAMP} | fields}


def profile_row(pk: int | None, user: Any, username: str, **fields: Any) -> dict[str, Any]:
    fields = {"username": username, "email": f"{username}@example.org", "name": username.title()} | fields
    fields |= {"user": user, "created": STAMP, "updated": STAMP}
    return {"model": "users.profile", **({} if pk is None else {"pk": pk}), "fields": fields}


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """Write rows into a fixture and load it."""

    def load(*rows: dict[str, Any]) -> None:
        path = tmp_path / "people.json"
        path.write_text(json.dumps(rows))
        call_command("loaddata", str(path), verbosity=0)

    return load


ADA, GRACE = user_row(11, "ada"), user_row(12, "grace")
ADAS, GRACES = profile_row(31, 11, "ada", bio="Countess"), profile_row(32, 12, "grace", bio="Admiral")
ORDERS = {
    "users first": [ADA, GRACE, ADAS, GRACES],
    "profiles first": [ADAS, GRACES, ADA, GRACE],
    "mixed": [GRACES, ADA, ADAS, GRACE],
}


@pytest.mark.parametrize("order", ORDERS)
def test_users_with_profiles_load_and_load_again(order: str, load: Any) -> None:
    """In any order, the profiles are those of the fixture, one per user."""
    for _ in range(2):
        load(*ORDERS[order])
        assert dict(Profile.objects.values_list("pk", "user_id")) == {31: 11, 32: 12}
        assert set(Profile.objects.values_list("bio", flat=True)) == {"Countess", "Admiral"}
        assert all(in_step(user) for user in User.objects.all())


def test_users_alone_have_profiles_when_the_load_is_over(load: Any) -> None:
    """With users only, each gets its missing profile, and loading again adds none."""
    for _ in range(2):
        load(ADA, GRACE)
        assert Profile.objects.count() == 2
        assert all(in_step(user) for user in User.objects.all())


def test_some_users_with_and_some_without_profiles(load: Any) -> None:
    """A profile in the fixture is kept, and missing ones are created, even if the keys would collide."""
    load(ADA, GRACE, profile_row(1, 12, "grace", bio="Admiral"))
    assert Profile.objects.count() == 2
    assert Profile.objects.get(user_id=12).bio == "Admiral"
    assert all(in_step(user) for user in User.objects.all())


def test_a_loaded_profile_takes_the_place_of_the_one_the_user_has(load: Any) -> None:
    """If users come first and their profiles in a later fixture with other keys, there is still one profile each."""
    load(ADA, GRACE)
    load(ADAS, GRACES)
    assert Profile.objects.count() == 2
    assert Profile.objects.get(user_id=11).bio == "Countess"
    assert all(in_step(user) for user in User.objects.all())


def test_a_loaded_profile_never_takes_another_users(load: Any) -> None:
    """A key in the fixture that belongs to another user's profile here leaves that profile alone."""
    resident = person("resident")
    taken = resident.profile.pk
    load(ADA, profile_row(taken, 11, "ada", bio="Countess"))
    assert Profile.objects.get(user=resident).pk == taken
    assert Profile.objects.get(user_id=11).bio == "Countess"
    assert in_step(resident)


def test_where_a_fixture_disagrees_with_itself_the_user_is_right(load: Any) -> None:
    """The profile follows its user, in any order."""
    for rows in ([ADA, profile_row(31, 11, "old", name="Old")], [profile_row(31, 11, "old", name="Old"), ADA]):
        load(*rows)
        profile = Profile.objects.get()
        assert (profile.username, profile.name, profile.email) == ("ada", "Ada", "ada@example.org")


def test_a_reload_puts_an_edited_profile_back(load: Any) -> None:
    """Loading users again brings profiles edited since back into step."""
    load(ADA)
    profile = Profile.objects.get()
    profile.name = "Augusta"
    profile.save()
    load(ADA)
    assert Profile.objects.get().name == User.objects.get().first_name == "Ada"


def test_natural_keys_go_round(load: Any, tmp_path: Path) -> None:
    """The output of ``dumpdata --natural-foreign --natural-primary`` loads into the same database and an empty one."""
    person("ada", last_name="Lovelace")
    Profile.objects.get().save()
    dump = tmp_path / "dump.json"
    call_command(
        "dumpdata", "auth.user", "users", natural_foreign=True, natural_primary=True, output=str(dump), verbosity=0
    )
    call_command("loaddata", str(dump), verbosity=0)
    assert User.objects.count() == Profile.objects.count() == 1
    User.objects.get().delete()
    call_command("loaddata", str(dump), verbosity=0)
    assert User.objects.count() == Profile.objects.count() == 1
    assert in_step(User.objects.get())


def test_objects_saved_one_by_one_by_a_deserializer() -> None:
    """With ``serializers.deserialize`` outside a transaction, the profile is created at once, and then found."""
    for row in serializers.deserialize("json", json.dumps([ADA, ADAS])):
        row.save()
    assert Profile.objects.get().bio == "Countess"
    assert in_step(User.objects.get())


def test_a_load_that_is_rolled_back_leaves_nothing(load: Any) -> None:
    """Neither users nor the profiles created for them remain."""
    with pytest.raises(RuntimeError), transaction.atomic():
        load(ADA, GRACE)
        raise RuntimeError
    assert not User.objects.exists()
    assert not Profile.objects.exists()


def test_loading_greets_nobody_and_deleting_the_loaded_still_takes_both(load: Any) -> None:
    """Loaded accounts get no welcome mail, and afterwards are like any other."""
    load(*ORDERS["profiles first"])
    assert mail.outbox == []
    with witness("pre_delete", "post_delete") as seen:
        Profile.objects.all().delete()
    assert set(seen.seen.values()) == {1}
    assert len(seen.seen) == 8
    assert not User.objects.exists()
    logged = SignalEvent.objects.filter(signal="post_delete", outcome="committed")
    assert sorted(logged.values_list("sender", flat=True)) == ["auth.User"] * 2 + ["users.Profile"] * 2
