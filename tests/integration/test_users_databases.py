"""The account rules apply to the database that was written to, and to no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command
from django.db import connections, transaction

from tests.accounts import FOUR_DELETES, person, witness
from users.models import Profile

OTHER = "other"

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", OTHER])


@pytest.fixture(scope="module", autouse=True)
def other(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A second database, SQLite in a file, with the project's tables."""
    file = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path_factory.mktemp("other") / "db.sqlite3")}
    connections.databases[OTHER] = connections.configure_settings({"default": {}, OTHER: file})[OTHER]
    with django_db_blocker.unblock():
        call_command("migrate", database=OTHER, verbosity=0)
    yield
    connections[OTHER].close()
    del connections[OTHER]
    del connections.databases[OTHER]


def on_other() -> list[tuple[str, str]]:
    return list(Profile.objects.using(OTHER).values_list("username", "name"))


def test_profile_and_user_live_and_go_on_their_own_database() -> None:
    """The profile is created, kept in step and deleted where its user is, and nowhere else."""
    here = person("here")
    User.objects.db_manager(OTHER).create_user("there", "there@example.org", first_name="There", pk=here.pk)
    assert on_other() == [("there", "There")]

    profile = Profile.objects.using(OTHER).get()
    profile.name = "Elsewhere"
    profile.save()
    assert User.objects.using(OTHER).get().first_name == "Elsewhere"
    assert User.objects.get().first_name == "Here"

    with witness("pre_delete", "post_delete") as seen:
        profile.delete()
    assert seen.of(here.pk) == FOUR_DELETES
    assert not User.objects.using(OTHER).exists()
    assert User.objects.count() == Profile.objects.count() == 1


def test_a_user_that_only_the_other_database_has_is_kept_in_step_there() -> None:
    """No row is looked up on the default database."""
    User.objects.db_manager(OTHER).create_user("there", first_name="There", pk=4711)
    profile = Profile.objects.using(OTHER).get()
    profile.name = "Elsewhere"
    profile.save()
    assert User.objects.using(OTHER).get().first_name == "Elsewhere"
    profile.delete()
    assert not User.objects.using(OTHER).exists()


def test_mails_wait_for_the_commit_of_the_right_database() -> None:
    """A rollback on that database sends nothing, whatever is committed on the default one."""
    with transaction.atomic():
        with pytest.raises(RuntimeError), transaction.atomic(using=OTHER):
            User.objects.db_manager(OTHER).create_user("there", "there@example.org")
            raise RuntimeError
        person("here")
    assert [message.to for message in mail.outbox] == [["here@example.org"]]
    assert on_other() == []


def test_a_fixture_loads_there(tmp_path: Path) -> None:
    """A profile missing from the fixture is created on that database."""
    path = tmp_path / "people.json"
    path.write_text(json.dumps([{"model": "auth.user", "pk": 5, "fields": {"username": "ada", "first_name": "Ada"}}]))
    call_command("loaddata", str(path), database=OTHER, verbosity=0)
    assert on_other() == [("ada", "Ada")]
    assert not Profile.objects.exists()
