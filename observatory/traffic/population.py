"""The people the traffic made, and nobody else: every account it touches is found here."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, Final

from django.contrib.auth.models import Group, User
from django.db.models import Q, QuerySet
from django.db.models.signals import post_save

from observatory.traffic import people as lives

GROUP: Final = "Demo people (made by signal_traffic)"


def new_password() -> str:
    """Never from the seeded dice: nobody can guess a demo account's password."""
    return secrets.token_urlsafe(16)


class Crowd:
    """Finds and marks the demo people.

    A person is known by two things that nobody else has together: membership in a group of that purpose,
    given inside the transaction that makes the account, and an address at a domain reserved for examples.
    So neither a namesake, nor somebody who registers with such an address, nor somebody who is put into the
    group by hand is ever touched.
    """

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self._another_username = lives.usernames(rng)
        self._expected: set[str] = set()

    def everybody(self) -> QuerySet[User]:
        """All of them, the oldest first."""
        return User._base_manager.filter(
            groups__name=GROUP, email__iendswith=f"@{lives.DOMAIN}", is_superuser=False
        ).order_by("pk")

    def count(self) -> int:
        """How many there are now."""
        return self.everybody().count()

    def somebody(self) -> User:
        """One of them, at random."""
        return self.rng.choice(list(self.everybody()))

    def oldest(self, count: int = 1) -> list[User]:
        """Those who have been here longest."""
        return list(self.everybody()[:count])

    def newcomer(self) -> str:
        """A username, and with it an address, that nobody has."""
        while True:
            username = self._another_username()
            taken = Q(username__iexact=username) | Q(email__iexact=lives.address(username))
            if not User._base_manager.filter(taken).exists():
                return username

    @contextmanager
    def expecting(self, username: str) -> Iterator[None]:
        """The account of this name that this process creates within the block is one of ours."""
        self._expected.add(username)
        try:
            yield
        finally:
            self._expected.discard(username)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Mark the expected accounts for as long as the block lasts."""
        self.group = Group.objects.get_or_create(name=GROUP)[0]
        post_save.connect(self.mark, sender=User, weak=False)
        try:
            yield
        finally:
            post_save.disconnect(self.mark, sender=User)

    def mark(self, instance: User, created: bool, using: str, **kwargs: Any) -> None:
        """A receiver, so that the mark stands or falls with the account."""
        if created and instance.username in self._expected:
            instance.groups.add(self.group)

    def clear(self) -> int:
        """Delete them all, and their group if nobody else is in it; how many there were."""
        count = self.count()
        self.everybody().delete()
        Group.objects.filter(name=GROUP, user=None).delete()
        return count
