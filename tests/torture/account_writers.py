"""A bare shell that works on accounts and is killed: at named moments, or at random ones.

Run as a module: `python -m tests.torture.account_writers moments NUMBER`, or `... random KILLS SEED`, with the database
in DATABASE_URL. Nothing here opens a transaction. Each change of a name is a higher number than the one before, on
whichever side it is made, so that who is ahead can be told from the rows.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NoReturn

import django

from tests.torture.writers import AT_ONCE, LONGEST_LIFE, die_with, end, forked


def die(*args: Any, **kwargs: Any) -> NoReturn:
    """End this process as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit("still alive")


def create(username: str) -> None:
    """Create a user."""
    from django.contrib.auth.models import User

    User.objects.create_user(username, first_name="1")


def change_user(username: str) -> None:
    """Change the user's side."""
    from django.contrib.auth.models import User

    user = User.objects.get(username=username)
    user.first_name = str(int(user.first_name) + 1)
    user.save()


def change_profile(username: str) -> None:
    """Change the profile's side."""
    from users.models import Profile

    profile = Profile.objects.get(username=username)
    profile.name = str(int(profile.name) + 1)
    profile.save()


def delete_user(username: str) -> None:
    """Delete the account by its user."""
    from django.contrib.auth.models import User

    User.objects.get(username=username).delete()


def delete_profile(username: str) -> None:
    """Delete the account by its profile."""
    from users.models import Profile

    Profile.objects.get(username=username).delete()


# What is done, and the function of `users.signals` that is never reached: all before it has happened.
MOMENTS: Final[dict[str, tuple[Callable[[str], None], str]]] = {
    "created": (create, "ensure_profile"),
    "changed": (change_user, "ensure_profile"),
    "edited": (change_profile, "update_user_from"),
    "deleted-by-user": (delete_user, "was_gone_before"),
    "deleted-by-profile": (delete_profile, "delete_user_of"),
}


def die_at(moment: str, username: str) -> NoReturn:
    """Do the work of this moment and die in it."""
    from users import signals

    work, unreached = MOMENTS[moment]
    setattr(signals, unreached, die)
    work(username)
    raise SystemExit(f"{moment}: the moment did not come.")


def work_on(accounts: str, dice: random.Random) -> NoReturn:
    """Create, change and delete this writer's own accounts until the process is killed."""
    number = 0
    while True:
        number += 1
        username = f"{accounts}-{number}"
        create(username)
        for _ in range(dice.randrange(30)):
            dice.choice((change_user, change_profile))(username)
        if dice.random() < 0.7:
            dice.choice((delete_user, delete_profile))(username)


def kill_at_random(kills: int, dice: random.Random) -> None:
    """Keep writers at work and kill them one by one."""

    def new_writer() -> int:
        own_dice = random.Random(dice.random())
        return forked(lambda: work_on(f"of-{os.getpid()}", own_dice))

    alive = [new_writer() for _ in range(AT_ONCE)]
    for _ in range(kills):
        time.sleep(dice.uniform(0.01, LONGEST_LIFE))
        alive.append(new_writer())
        end(alive.pop(dice.randrange(AT_ONCE)))
    for writer in alive:
        end(writer)


def main() -> None:
    """Set Django up once, connect to nothing, and fork."""
    die_with(os.getppid())
    django.setup()
    if sys.argv[1] == "random":
        kill_at_random(int(sys.argv[2]), random.Random(int(sys.argv[3])))
        return
    for moment, number in itertools.product(MOMENTS, range(int(sys.argv[2]))):
        _, status = os.waitpid(forked(partial(die_at, moment, f"{moment}-{number}")), 0)
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            raise SystemExit(f"{moment}: was not killed.")


if __name__ == "__main__":
    main()
