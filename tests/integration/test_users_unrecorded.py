"""The rules of users and profiles do not lean on the recorder: they hold while it records, is paused, or is stopped.

Each test goes through a table that the tests with the recorder use too, in autocommit, and names the rows that fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.db import IntegrityError, transaction

import signal_log
from signal_log import pipeline
from signal_log.models import SignalEvent
from tests.accounts import FOUR_DELETES, in_step, person, witness
from tests.integration.test_users_deletion import PATHS
from tests.integration.test_users_fixtures import ORDERS, load
from tests.integration.test_users_rules import CREATIONS, ONE_SAVE_EACH, PROFILE_EDITS, USER_EDITS
from users.models import Profile

pytestmark = pytest.mark.django_db(transaction=True)

__all__ = ["load"]  # a fixture

# PostgreSQL has these with the recorder on and off, in autocommit; what lies between is the same on each database.
one_database = pytest.mark.one_database
MODES = ("recording", pytest.param("paused", marks=one_database), "stopped")
BLOCKS: dict[str, Callable[[], Any]] = {"autocommit": nullcontext, "block": transaction.atomic}


@pytest.fixture(params=MODES)
def recorder(request: pytest.FixtureRequest) -> Iterator[str]:
    """The recorder in one of its states; afterwards the log has events only if it was recording."""
    mode = request.param
    if mode == "stopped":
        pipeline.stop()
    try:
        with signal_log.pause() if mode == "paused" else nullcontext():
            yield mode
    finally:
        if mode == "stopped":
            pipeline.start()
    assert SignalEvent.objects.filter(sender="users.Profile").exists() == (mode == "recording")


@pytest.fixture(params=["autocommit", pytest.param("block", marks=one_database)])
def block(request: pytest.FixtureRequest) -> Callable[[], Any]:
    """A block around the work, or none."""
    return BLOCKS[request.param]


@pytest.mark.usefixtures("recorder")
def test_every_way_to_create_a_user(block: Callable[[], Any]) -> None:
    """There is one profile in step, each is saved once, and one welcome is sent."""
    wrong = {}
    for way, create in CREATIONS.items():
        mail.outbox.clear()
        with witness() as seen, block():
            create()
        user = User.objects.get()
        if not in_step(user) or seen.of_all() != ONE_SAVE_EACH or len(mail.outbox) != 1:
            wrong[way] = seen.of_all()
        user.delete()
    assert wrong == {}


@pytest.mark.usefixtures("recorder")
@pytest.mark.parametrize("named", [False, True], ids=["save()", "save(update_fields)"])
def test_every_edit_of_either_side(block: Callable[[], Any], named: bool) -> None:
    """User and profile stay in step, with what was edited, and each is saved once."""
    wrong = {}
    edits = [(edit, User) for edit in USER_EDITS.items()] + [(edit, Profile) for edit in PROFILE_EDITS.items()]
    for (edit, fields), model in edits:
        user = person("ada")
        side = user if model is User else Profile.objects.get()
        for field, value in fields.items():
            setattr(side, field, value)
        with witness() as seen, block():
            side.save(update_fields=list(fields) if named else None)
        saved = model.objects.values(*fields).get()
        if saved != fields or not in_step(user) or seen.of(user.pk) != ONE_SAVE_EACH:
            wrong[edit, model.__name__] = saved, seen.of(user.pk)
        user.delete()
    assert wrong == {}


@pytest.mark.usefixtures("recorder")
def test_every_path_of_deletion(block: Callable[[], Any]) -> None:
    """Both are gone, each signal was sent once, and farewell and notice are sent once, after the commit."""
    User.objects.create_superuser("root")
    wrong = {}
    for path, delete in PATHS.items():
        user = person("ada")
        pk = user.pk
        mail.outbox.clear()
        with witness("pre_delete", "post_delete") as seen, block():
            delete(user)
        left = User.objects.count(), Profile.objects.count()
        to = [message.to for message in mail.outbox]
        # An instance made by hand has no address to write to.
        expected = [["admin@localhost"]] if path == "user with its key as text" else [[user.email], ["admin@localhost"]]
        if seen.of(pk) != FOUR_DELETES or left != (1, 1) or to != expected:
            wrong[path] = seen.of(pk), left, to
    assert wrong == {}


@pytest.mark.usefixtures("recorder")
@pytest.mark.parametrize("order", ORDERS)
def test_fixtures_load_and_load_again(order: str, load: Any) -> None:
    """The profiles are those of the fixture, one per user."""
    for _ in range(2):
        load(*ORDERS[order])
        assert dict(Profile.objects.values_list("pk", "user_id")) == {31: 11, 32: 12}
        assert all(in_step(user) for user in User.objects.all())


@pytest.mark.usefixtures("recorder")
def test_an_edit_that_the_user_cannot_take_changes_neither(block: Callable[[], Any]) -> None:
    """The profile's save and the user's are one, in autocommit too."""
    user = person("ada")
    person("grace")
    profile = Profile.objects.get(user=user)
    profile.username, profile.bio = "grace", "Countess"
    with pytest.raises(IntegrityError), block():
        profile.save()
    assert in_step(user)
    assert Profile.objects.get(user=user).bio == ""
