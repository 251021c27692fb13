"""People for the account tests, and a witness of the signals that users and profiles send."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save

from users.models import Profile

PASSWORD = "correct horse 9 battery"
SIGNALS = {"pre_save": pre_save, "post_save": post_save, "pre_delete": pre_delete, "post_delete": post_delete}
FOUR_DELETES = {(signal, model): 1 for signal in ("pre_delete", "post_delete") for model in ("User", "Profile")}


def person(username: str = "ada", **fields: Any) -> User:
    """Create a user with every field that the rules copy, the way registering does."""
    fields = {"email": f"{username}@example.org", "first_name": username.title(), "password": PASSWORD} | fields
    return User.objects.create_user(username, **fields)


def all_mail_sent() -> None:
    """Wait for the threads that send mail."""
    for thread in threading.enumerate():
        if thread.name == "mail":
            thread.join(20)


class Witness:
    """Counts ``(signal, model)`` per user; a proxy as sender counts as its model."""

    def __init__(self) -> None:
        self.seen: Counter[tuple[str, str, Any]] = Counter()

    def of(self, user_id: Any) -> dict[tuple[str, str], int]:
        """Return what was sent for this user and for this user's profile."""
        return {(signal, model): n for (signal, model, of), n in self.seen.items() if of == user_id}

    def of_all(self) -> dict[tuple[str, str], int]:
        """Return what was sent for anybody, including users that had no key yet."""
        sums: Counter[tuple[str, str]] = Counter()
        for (signal, model, _), n in self.seen.items():
            sums[signal, model] += n
        return dict(sums)

    def note(self, signal: str, instance: Any) -> None:
        if isinstance(instance, User):
            self.seen[signal, "User", None if instance.pk is None else int(instance.pk)] += 1
        elif isinstance(instance, Profile):
            self.seen[signal, "Profile", instance.user_id] += 1


@contextmanager
def witness(*names: str) -> Iterator[Witness]:
    """Count these signals (all four by default) during the block."""
    seen = Witness()
    receivers = {name: (lambda instance, _name=name, **kwargs: seen.note(_name, instance)) for name in names or SIGNALS}
    for name, receiver in receivers.items():
        SIGNALS[name].connect(receiver)
    try:
        yield seen
    finally:
        for name, receiver in receivers.items():
            SIGNALS[name].disconnect(receiver)


def in_step(user: User) -> bool:
    """Return whether the user and its one profile agree."""
    row = User.objects.get(pk=user.pk)
    profile = Profile.objects.get(user_id=user.pk)
    return (row.username, row.email, row.first_name) == (profile.username, profile.email, profile.name)
