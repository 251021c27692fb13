"""Creates the people of the benchmark in its database, and prints the cookies of those who may see events."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def main() -> None:
    """Create an observer who is logged in and accounts to be saved, or as many observers as are asked for."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "observatory.settings")
    django.setup()
    from django.conf import settings

    from tests.tail import log_in

    observers = many_observers(int(sys.argv[1])) if len(sys.argv) > 1 else one_observer()
    for observer in observers:
        print(f"{settings.SESSION_COOKIE_NAME}={log_in(observer).session_key}")


def one_observer() -> list[User]:
    """Create accounts to be saved, and one that may see events."""
    from django.contrib.auth.models import User

    from tests.tail import make_observer

    for number in range(100):
        User.objects.create(username=f"person{number}", email=f"person{number}@example.org", password="!")
    return [make_observer()]


def many_observers(count: int) -> list[User]:
    """Create accounts that may see events by their group."""
    from django.contrib.auth.models import Group, Permission, User

    group = Group.objects.create(name="observers")
    group.permissions.add(Permission.objects.get(codename="view_signalevent"))
    users = User.objects.bulk_create([User(username=f"observer{number}", password="!") for number in range(count)])
    group.user_set.add(*users)
    return users


if __name__ == "__main__":
    main()
