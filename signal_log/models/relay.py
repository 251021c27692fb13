"""How far each relay of ``SIGNAL_LOG["RELAYS"]`` has come, and what its receiver has refused."""

from __future__ import annotations

from typing import Any

from django.db import models

from signal_log.fields import Moment
from signal_log.models.log import LogManager


class RelayCursor(models.Model):
    """One relay's place in the log: all up to there is with its receiver, or a dead letter."""

    name = models.CharField(max_length=100, unique=True)
    cursor = models.CharField(max_length=64)
    """As the tail writes it: the log, the event up to which all is settled, and the start of its digest."""
    reached = models.BigIntegerField(default=0)
    """The id in it."""
    sent = models.BigIntegerField(default=0)
    """How many messages the receiver has acknowledged, those that were sent again included."""
    failed = models.BigIntegerField(default=0)
    """How many attempts to send have failed."""
    missed = models.BigIntegerField(default=0)
    """How many events were pruned before they could be sent."""
    problem = models.TextField(blank=True)
    """Why it does not get on; empty while it does."""
    problem_since: Any = Moment(null=True)  # type: ignore[misc]  # the stubs want another class for it
    last_error = models.TextField(blank=True)
    """The newest failure, also when it is over."""
    last_error_at: Any = Moment(null=True)  # type: ignore[misc]
    sent_at: Any = Moment(null=True)  # type: ignore[misc]
    runner = models.CharField(max_length=200, blank=True)
    """The process that runs it, ``host:pid``; empty when that has ended."""
    heartbeat_at: Any = Moment(null=True)  # type: ignore[misc]

    objects = LogManager["RelayCursor"]()

    class Meta:
        ordering = ("name",)
        default_permissions = ()
        verbose_name = "relay"

    def __str__(self) -> str:
        return self.name


class DeadLetter(models.Model):
    """An event that a relay's receiver has refused for good; it names the event, and has none of its text.

    But the receiver may quote that, so what it said is masked with a redaction, and goes with the event.
    """

    relay = models.CharField(max_length=100)
    event = models.BigIntegerField()
    is_tombstone = models.BooleanField(default=False)
    """Whether what was refused says that the event was redacted."""
    reason = models.TextField()
    """A sentence, and in a second line the beginning of what the receiver said, if anything."""
    refused_at = Moment()
    attempts = models.IntegerField(default=1)
    wanted_at: Any = Moment(null=True)  # type: ignore[misc]
    """When somebody asked that it be sent again; the relay does so with its next look."""

    objects = LogManager["DeadLetter"]()

    class Meta:
        ordering = ("-refused_at", "-id")
        default_permissions = ("delete",)
        verbose_name = "dead letter"
        constraints = (
            models.UniqueConstraint(fields=("relay", "event", "is_tombstone"), name="signal_log_dead_letter"),
        )

    def __str__(self) -> str:
        return f"event {self.event} for {self.relay}"
