"""What administrators decide about the log: legal holds, and which alerts have fired."""

from __future__ import annotations

from typing import Any

from django.db import models

from signal_log.fields import Moment
from signal_log.models.log import LogManager


class LegalHold(models.Model):
    """Keeps the events about one row, or by one actor, from pruning and redaction until it is released."""

    sender = models.CharField(max_length=200, blank=True)
    """The label of the row's model; empty if the hold is on an actor's events."""
    object_pk = models.CharField(max_length=255, blank=True)
    actor_pk = models.CharField(max_length=255, blank=True)
    reason = models.TextField()
    held_by_pk = models.CharField(max_length=255, blank=True)
    held_by_repr = models.CharField(max_length=200, blank=True)
    held_at = Moment()
    released_by_pk = models.CharField(max_length=255, blank=True)
    released_by_repr = models.CharField(max_length=200, blank=True)
    released_at: Any = Moment(null=True)  # type: ignore[misc]  # the stubs want another class for it
    release_reason = models.TextField(blank=True)

    objects = LogManager["LegalHold"]()

    class Meta:
        ordering = ("-id",)
        default_permissions = ()
        verbose_name = "legal hold"
        indexes = (models.Index(fields=("sender", "object_pk"), name="signal_log_hold"),)

    def __str__(self) -> str:
        return f"{self.sender} {self.object_pk}" if self.sender else f"everything by {self.actor_pk}"


class AlertState(models.Model):
    """How far an alert of ``SIGNAL_LOG["ALERTS"]`` has read, and when it fired last; all processes share it."""

    name = models.CharField(max_length=100, unique=True)
    last_id = models.BigIntegerField(default=0)
    fired_at: Any = Moment(null=True)  # type: ignore[misc]  # the stubs want another class for it
    state = models.JSONField(default=dict)
    """What it must remember between two looks, such as the times of events within its window."""

    objects = LogManager["AlertState"]()

    class Meta:
        default_permissions = ()
        verbose_name = "alert"

    def __str__(self) -> str:
        return self.name
