"""A kill in a bare shell leaves at most a user ahead of its profile, which the next save or visit repairs (G10).

For a long run: `TORTURE_KILLS=200 pytest tests/torture -o faulthandler_timeout=0`. `TORTURE_SEED` repeats a run, as far
as timing allows.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.accounts import in_step
from tests.tail import database_url
from users.models import Profile

pytestmark = pytest.mark.django_db(transaction=True)

KILLS = int(os.environ.get("TORTURE_KILLS", "20"))
SEED = int(os.environ.get("TORTURE_SEED", random.randrange(1_000_000)))
ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {"recording": "tests.settings", "not installed": "tests.torture.bare_settings"}


@pytest.fixture(params=SETTINGS)
def shell(request: pytest.FixtureRequest) -> Callable[..., None]:
    """A function that has a shell killed, in a project with the recorder and in one without."""

    def run(*arguments: Any) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "tests.torture.account_writers", *map(str, arguments)],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": SETTINGS[request.param]},
            capture_output=True,
            text=True,
            timeout=60 + KILLS,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-5000:]
        assert "Traceback" not in done.stderr, done.stderr[-5000:]

    return run


def save(user: User) -> None:
    user.save(update_fields=["is_staff"])


def save_profile(user: User) -> None:
    profile = Profile.objects.filter(user=user).first() or Profile(user=user)
    profile.bio = "Countess"
    profile.save()


def log_in(user: User) -> None:
    Client().force_login(user)


def visit(user: User) -> None:
    client = Client()
    client.force_login(user)
    assert client.get(reverse("users:profile")).status_code == 200


REPAIRS = (save, save_profile, log_in, visit)


def names() -> dict[str, tuple[str, str | None]]:
    """Return the name that each user has, and the one that its profile has, None without one."""
    users = User.objects.values_list("username", "first_name", "profile__name")
    return {username: (name, copy) for username, name, copy in users}


def repair_all() -> None:
    """Repair each account in one of the ways, and assert that the user's values are right."""
    before = names()
    for user in User.objects.all():
        REPAIRS[int(user.username.rpartition("-")[2]) % len(REPAIRS)](user)
        assert in_step(user)
    assert names() == {username: (name, name) for username, (name, _) in before.items()}


def test_a_kill_between_user_and_profile(shell: Callable[..., None]) -> None:
    """After the user's COMMIT its profile is missing or behind; a profile's save, and a delete, happened or did not."""
    expected = {
        "created": ("1", None),
        "changed": ("2", "1"),
        "edited": ("1", "1"),
        "deleted-by-user": ("1", "1"),
        "deleted-by-profile": ("1", "1"),
    }
    for moment in expected.keys() - {"created"}:
        for number in range(len(REPAIRS)):
            User.objects.create_user(f"{moment}-{number}", first_name="1")

    shell("moments", len(REPAIRS))

    assert names() == {f"{moment}-{n}": both for moment, both in expected.items() for n in range(len(REPAIRS))}
    repair_all()


def test_kills_at_random(shell: Callable[..., None]) -> None:
    """Whatever the moment, no profile is ahead of its user, and every account can be repaired."""
    shell("random", KILLS, SEED)
    left = names()
    assert left, f"TORTURE_SEED={SEED}"
    ahead = {username: both for username, both in left.items() if both[1] and int(both[1]) > int(both[0])}
    assert ahead == {}, f"TORTURE_SEED={SEED}"
    repair_all()
