"""Finds the accounts that the demo traffic created; it touches no others."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, Final

from django.contrib.auth.models import Group, User
from django.db.models import Q, QuerySet
from django.db.models.signals import post_save

from observatory.traffic import people

GROUP: Final = "Demo people (made by signal_traffic)"


def new_password() -> str:
    """A random password, independent of the seed, so that it cannot be guessed."""
    return secrets.token_urlsafe(16)


class Population:
    """Finds and marks the demo people.

    They are identified by two things in combination: membership in a dedicated group, added in the transaction that
    creates the account, and an email address at a domain reserved for examples. So a user with the same name, a user
    who registers with such an address, and a user added to the group manually are never touched.
    """

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self._next_username = people.usernames(rng)
        self._expected: set[str] = set()

    def everyone(self) -> QuerySet[User]:
        """All demo people, oldest first."""
        return User._base_manager.filter(
            groups__name=GROUP, email__iendswith=f"@{people.DOMAIN}", is_superuser=False
        ).order_by("pk")

    def count(self) -> int:
        """How many there are."""
        return self.everyone().count()

    def random_user(self) -> User:
        """A random one."""
        return self.rng.choice(list(self.everyone()))

    def oldest(self, count: int = 1) -> list[User]:
        """The oldest accounts."""
        return list(self.everyone()[:count])

    def new_username(self) -> str:
        """A username that is not taken, and whose email address is not taken either."""
        while True:
            username = self._next_username()
            conflicts = Q(username__iexact=username) | Q(email__iexact=people.address(username))
            if not User._base_manager.filter(conflicts).exists():
                return username

    @contextmanager
    def expecting(self, username: str) -> Iterator[None]:
        """Treat the account with this username that is created in the block as a demo account."""
        self._expected.add(username)
        try:
            yield
        finally:
            self._expected.discard(username)

    @contextmanager
    def marking(self) -> Iterator[None]:
        """Mark expected accounts as they are created in the block."""
        self.group = Group.objects.get_or_create(name=GROUP)[0]
        post_save.connect(self.mark, sender=User, weak=False)
        try:
            yield
        finally:
            post_save.disconnect(self.mark, sender=User)

    def mark(self, instance: User, created: bool, using: str, **kwargs: Any) -> None:
        """Mark an expected account; a receiver, so that the mark is in the transaction that creates the account."""
        if created and instance.username in self._expected:
            instance.groups.add(self.group)

    def delete_all(self) -> int:
        """Delete all of them, and their group if it has no other members; returns how many there were."""
        count = self.count()
        self.everyone().delete()
        Group.objects.filter(name=GROUP, user=None).delete()
        return count
