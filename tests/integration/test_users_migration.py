"""The migrations that give a profile to each user older than the app, and groups to those who work with the log."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core import mail
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from signal_log.models import SignalEvent
from tests.accounts import in_step
from users.models import Profile

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE, AFTER = ("users", "0001_initial"), ("users", "0003_groups_of_the_log")


def migrate(target: tuple[str, str]) -> None:
    executor = MigrationExecutor(connection)
    executor.migrate([target])


@pytest.fixture
def before() -> Iterator[None]:
    """The database before the migration, restored afterwards."""
    migrate(BEFORE)
    yield
    migrate(AFTER)


@pytest.mark.usefixtures("before")
def test_users_without_a_profile_get_one_and_others_keep_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Profiles are created in batches with their users' values and without signals, for any number of users."""
    monkeypatch.setattr(import_module("users.migrations.0002_profiles_for_existing_users"), "BATCH", 3)
    User.objects.bulk_create(
        User(username=f"user{n}", email=f"user{n}@example.org", first_name=f"User {n}") for n in range(8)
    )
    kept = User.objects.get(username="user4")
    Profile.objects.bulk_create([Profile(user=kept, username="user4", bio="Kept", email=kept.email, name="User 4")])

    migrate(AFTER)

    assert Profile.objects.count() == 8
    assert all(in_step(user) for user in User.objects.all())
    assert Profile.objects.get(user=kept).bio == "Kept"
    assert Profile.objects.filter(created__isnull=True).count() == 0
    assert mail.outbox == []


@pytest.mark.usefixtures("before")
def test_it_can_be_run_again_and_without_users() -> None:
    """Having nothing to do is not an error, and reversing it removes nobody's profile."""
    migrate(AFTER)
    User.objects.create_user("ada")
    migrate(BEFORE)
    migrate(AFTER)
    assert Profile.objects.count() == 1


def test_the_models_have_all_their_migrations(capsys: Any) -> None:
    """No model change lacks its migration."""
    from django.core.management import call_command

    call_command("makemigrations", "users", check=True, dry_run=True)
    assert "No changes detected" in capsys.readouterr().out


@pytest.mark.usefixtures("before")
def test_groups_of_the_log_have_their_permissions() -> None:
    """Three groups, whose permissions are those of the model; one that is there already is left as it is."""
    Group.objects.all().delete()
    Group.objects.create(name="log observers")
    migrate(AFTER)
    made = {group.name: set(group.permissions.values_list("codename", flat=True)) for group in Group.objects.all()}
    assert made == {
        "log observers": set(),
        "log auditors": {"view_signalevent", "export_signalevent", "hold_signalevent"},
        "privacy officers": {"view_signalevent", "hold_signalevent", "redact_signalevent"},
    }
    own = SignalEvent._meta.permissions
    made_names = Permission.objects.filter(codename__in=dict(own)).values_list("codename", "name")
    assert set(made_names) <= set(own)
