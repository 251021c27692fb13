"""Breaks that were found while the log grew, for the live page: ids and names of fields, and no value of anybody."""

from __future__ import annotations

from django.db import models

from signal_log.fields import Moment
from signal_log.models.log import LogManager


class FoundBreak(models.Model):
    """A field, or the row itself, that an event found other than an earlier event had left it."""

    after = models.BigIntegerField()
    """The event that found it."""
    before = models.BigIntegerField()
    """The event that tells what was known."""
    field = models.CharField(max_length=200)
    """``(row)`` for the row itself."""
    found_at = Moment()

    objects = LogManager["FoundBreak"]()

    class Meta:
        ordering = ("-after", "field")
        default_permissions = ()
        verbose_name = "break"
        constraints = (models.UniqueConstraint(fields=("after", "field"), name="signal_log_break"),)

    def __str__(self) -> str:
        return f"{self.field} between events {self.before} and {self.after}"


class BreakState(models.Model):
    """How far breaks were looked for, by whichever process is elected to; a single row."""

    last_id = models.BigIntegerField(default=0)
    found = models.BigIntegerField(default=0)
    """How many were found since the log began, those of pruned events included."""
    skipped = models.JSONField(default=list)
    """Ranges of ids that nobody looked at, ``[first, last]``, the newest of them."""
    looked_at = Moment()

    objects = LogManager["BreakState"]()

    class Meta:
        default_permissions = ()
        verbose_name = "search for breaks"

    def __str__(self) -> str:
        return f"up to event {self.last_id}"
