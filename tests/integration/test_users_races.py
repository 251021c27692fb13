"""Two actions at once, in real threads on real connections, leave one account and one profile without an error."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from tests.accounts import PASSWORD, in_step, person, witness
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
        return ensure_profile(User.objects.get(), "default")[0].pk

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


def test_deleting_the_account_by_both_ends_at_once() -> None:
    """If user and profile are deleted at the same moment, both are gone and nobody sees an error."""
    user = person("ada")
    profile = Profile.objects.get()
    with witness("pre_delete", "post_delete"):
        at_once(lambda number: (User.objects if number % 2 else Profile.objects).all().delete())
    assert not User.objects.filter(pk=user.pk).exists()
    assert not Profile.objects.filter(pk=profile.pk).exists()
