"""Which alerts have fired."""

from __future__ import annotations

from typing import Any

from django.db import models

from signal_log.fields import Moment
from signal_log.models.log import LogManager


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
