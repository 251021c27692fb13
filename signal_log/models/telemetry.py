"""How long traces and calls of receivers took: best effort, not sealed, kept for days."""

from __future__ import annotations

from django.db import models

from signal_log.fields import BareId, BareInteger, Moment
from signal_log.models.log import LogManager


class SignalTrace(models.Model):
    """One request, command, task, message or lone operation: what it was and how it ended. Telemetry, not sealed."""

    id = BareId(primary_key=True)
    trace_id = models.UUIDField(unique=True)
    source = models.CharField(max_length=100)
    name = models.CharField(max_length=520)
    actor_pk = models.CharField(max_length=255, blank=True)
    actor_repr = models.CharField(max_length=200, blank=True)
    started_at = Moment()
    duration_us = models.BigIntegerField()
    status = models.CharField(max_length=100, blank=True)
    events = BareInteger()
    operations = BareInteger()
    failed = BareInteger()
    silent = BareInteger()
    slowest_receiver = models.CharField(max_length=300, blank=True)
    slowest_us = models.BigIntegerField()

    objects = LogManager["SignalTrace"]()

    class Meta:
        default_permissions = ()
        verbose_name = "trace"
        indexes = (models.Index(fields=("duration_us",), name="signal_log_trace_took"),)

    def __str__(self) -> str:
        return f"{self.name} {self.status}".strip()


class ReceiverCall(models.Model):
    """One call of a receiver: how long it took, what it queried and what it raised. Telemetry, not sealed."""

    id = BareId(primary_key=True)
    trace_id = models.UUIDField()
    position = BareInteger()
    sender = models.CharField(max_length=200)
    signal = models.CharField(max_length=200)
    receiver = models.CharField(max_length=300)
    started_us = models.BigIntegerField()
    duration_us = models.BigIntegerField()
    queries = BareInteger()
    error = models.TextField(blank=True)

    objects = LogManager["ReceiverCall"]()

    class Meta:
        default_permissions = ()
        verbose_name = "receiver call"
        indexes = (
            models.Index(fields=("trace_id", "position"), name="signal_log_call"),
            models.Index(fields=("receiver", "signal", "sender", "id"), name="signal_log_call_kind"),
        )

    def __str__(self) -> str:
        return f"{self.receiver} for {self.signal} {self.sender}"
