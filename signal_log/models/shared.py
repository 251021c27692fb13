"""Views of the live page that are shared with everyone who may see events."""

from __future__ import annotations

from django.db import models

from signal_log.fields import Moment
from signal_log.models.log import LogManager


class SharedView(models.Model):
    """A live-page view that a user shares with everyone who may see events."""

    name = models.CharField(max_length=60, unique=True)
    query = models.CharField(max_length=2000, blank=True)
    shared_by_pk = models.CharField(max_length=255)
    shared_by_repr = models.CharField(max_length=200)
    shared_at = Moment()

    objects = LogManager["SharedView"]()

    class Meta:
        ordering = ("name",)
        default_permissions = ("add", "delete")

    def __str__(self) -> str:
        return self.name
