"""Two actions at once, in real threads on real connections, leave one account and one profile without an error."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.db import DatabaseError, OperationalError, connection, transaction
from django.test import Client
from django.urls import reverse

from tests.accounts import PASSWORD, in_step, person, witness
from users import signals
from users.models import Profile
from users.signals import ensure_profile

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 4


def at_once(work: Callable[[int], Any]) -> list[Any]:
    """Return the results of ``work(number)`` from threads that start together; their errors are raised here."""
    gate = threading.Barrier(THREADS)

    def run(number: int) -> Any:
        try:
            gate.wait(10)
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def test_get_or_create_of_a_user_makes_one_profile() -> None:
    """One thread creates the account, the others find it, and there is one profile."""
    results = at_once(lambda _: User.objects.get_or_create(username="ada", defaults={"first_name": "Ada"}))
    assert sorted(made for _, made in results) == [False] * (THREADS - 1) + [True]
    assert Profile.objects.count() == 1
    assert in_step(User.objects.get())


def test_get_or_create_of_a_profile_makes_one() -> None:
    """A user without a profile gets one, even if the host and the rules create it at the same time."""
    User.objects.bulk_create([User(username="ada", first_name="Ada")])
    user = User.objects.get()

    def work(number: int) -> Any:
        if number % 2:
            return Profile.objects.get_or_create(user=user)[0].pk
        return ensure_profile(user.pk, "default")[0].pk

    assert len(set(at_once(work))) == 1
    assert Profile.objects.count() == 1
    assert in_step(user)


def test_registering_one_name_at_once_gives_an_error_on_the_form() -> None:
    """One of them is registered; the others are told that the name is taken, and keep what they typed."""

    def work(number: int) -> Any:
        form = {
            "username": "ada",
            "first_name": "Ada",
            "email": f"ada{number}@example.org",
            "password1": PASSWORD,
            "password2": PASSWORD,
        }
        return Client().post(reverse("users:register"), form)

    responses = at_once(work)
    assert sorted(response.status_code for response in responses) == [200] * (THREADS - 1) + [302]
    refused = [response.content.decode() for response in responses if response.status_code == 200]
    assert all("This username is taken" in page and "@example.org" in page for page in refused)
    assert User.objects.count() == Profile.objects.count() == 1


def test_editing_user_and_profile_at_once_leaves_them_in_step() -> None:
    """If the profile's page and a save of the user collide, one of them is last, for both rows."""
    user = person("ada")

    def work(number: int) -> Any:
        if number % 2:
            client = Client()
            client.force_login(user)
            form = {"name": f"Ada {number}", "email": "ada@example.org"}
            return client.post(reverse("users:profile"), form).status_code
        mine = User.objects.get(pk=user.pk)
        mine.first_name = f"Augusta {number}"
        mine.save(update_fields=["first_name"])
        return 302

    assert at_once(work) == [302] * THREADS
    assert in_step(user)


def test_visiting_at_once_makes_one_profile() -> None:
    """An account without a profile that several windows open at once gets one, and none of them an error."""
    User.objects.bulk_create([User(username="ada", first_name="Ada")])
    user = User.objects.get()

    def work(_: int) -> Any:
        client = Client()
        client.force_login(user)
        return client.get(reverse("users:profile")).status_code

    assert at_once(work) == [200] * THREADS
    assert Profile.objects.count() == 1
    assert in_step(user)


def test_users_made_at_once_outside_a_transaction_are_greeted_once() -> None:
    """Those who only find the new user may make its profile before its creator does; the welcome is the creator's."""

    def work(_: int) -> None:
        User.objects.get_or_create(username="ada", defaults={"email": "ada@example.org"})[0].save()

    at_once(work)
    assert [message.to for message in mail.outbox] == [["ada@example.org"]]
    assert in_step(User.objects.get())


def test_plain_saves_of_both_sides_at_once_leave_them_in_step() -> None:
    """In autocommit, where a user is committed before its profile follows, the last value wins on both sides."""
    user = person("ada")

    def work(number: int) -> None:
        for turn in range(5):
            if number % 2:
                profile = Profile.objects.get()
                profile.name = f"Ada {number} {turn}"
                profile.save()
            else:
                mine = User.objects.get()
                mine.first_name = f"Augusta {number} {turn}"
                mine.save()

    at_once(work)
    assert in_step(user)


class Crossing:
    """Two threads that each hold what the other wants, unless both ask for the user first.

    The first holds the profile and waits until the second has the user, or half a second, if that one has to wait.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, holding: str) -> None:
        self.first_has_profile, self.second_has_user = threading.Event(), threading.Event()
        original, ensure = getattr(signals, holding), signals.ensure_profile

        def hold(*args: Any) -> Any:
            if not self.first_has_profile.is_set():
                self.first_has_profile.set()
                self.second_has_user.wait(0.5)
            return original(*args)

        def second_is_here(*args: Any, **kwargs: Any) -> Any:
            self.second_has_user.set()
            return ensure(*args, **kwargs)

        monkeypatch.setattr(signals, holding, hold)
        monkeypatch.setattr(signals, "ensure_profile", second_is_here)

    def run(self, first: Callable[[], Any], second: Callable[[], Any]) -> None:
        """Run both to their end; their errors are raised here."""

        def work(number: int) -> None:
            try:
                if number:
                    assert self.first_has_profile.wait(10)
                with transaction.atomic():
                    (second if number else first)()
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(work, range(2)))


def test_saving_user_and_profile_in_blocks_does_not_deadlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every rule locks the user first."""
    user = person("ada")
    profile = Profile.objects.get()
    profile.name, user.first_name = "Augusta", "Byron"
    Crossing(monkeypatch, "update_user_from").run(profile.save, user.save)
    assert in_step(user)
    assert Profile.objects.get().name == "Byron"


@pytest.mark.parametrize("model", [User, Profile])
def test_deleting_and_saving_in_blocks_does_not_deadlock(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A delete removes the profile first, but has asked for the user before."""
    user = person("ada")
    going = model.objects.get()
    user.first_name = "Byron"

    def save() -> None:
        with suppress(DatabaseError):  # that the row is gone
            try:
                user.save(update_fields=["first_name"])
            except OperationalError as error:
                raise AssertionError from error

    Crossing(monkeypatch, "delete_user_of").run(going.delete, save)
    assert not User.objects.exists()
    assert not Profile.objects.exists()


def test_deleting_the_account_by_both_ends_at_once() -> None:
    """If user and profile are deleted at the same moment, both are gone, without an error, and one farewell is sent."""
    user = person("ada")
    profile = Profile.objects.get()
    mail.outbox.clear()
    with witness("pre_delete", "post_delete"):
        at_once(lambda number: (User.objects if number % 2 else Profile.objects).all().delete())
    assert not User.objects.filter(pk=user.pk).exists()
    assert not Profile.objects.filter(pk=profile.pk).exists()
    assert [message.to for message in mail.outbox] == [["ada@example.org"], ["admin@localhost"]]
