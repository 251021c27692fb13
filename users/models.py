"""The profile: public information about a user, separate from their login account."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models, router, transaction


class ProfileManager(models.Manager["Profile"]):
    """Looks profiles up by natural key: the user's username."""

    def get_by_natural_key(self, username: str) -> Profile:
        return self.get(user__username=username)


class Profile(models.Model):
    """One per user; ``users.signals`` creates it, keeps it in sync and deletes it with the user.

    ``username``, ``email`` and ``name`` are copies of the user's username, email and first name.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="profile")
    username = models.CharField(max_length=150)
    email = models.EmailField("email address", max_length=254, blank=True)
    name = models.CharField(max_length=150, blank=True)
    headline = models.CharField(max_length=120, blank=True)
    bio = models.TextField(max_length=2000, blank=True)
    location = models.CharField(max_length=120, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    objects = ProfileManager()

    def __str__(self) -> str:
        return self.username

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save in one transaction with the receivers that update the user, so that a kill cannot separate the two."""
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using, savepoint=False):
            super().save(*args, **kwargs)

    def natural_key(self) -> tuple[str]:
        # The copy, not the user's own: in a fixture the profile may come before its user.
        return (self.username,)

    natural_key.dependencies = (settings.AUTH_USER_MODEL,)  # type: ignore[attr-defined]
