"""The log's one table: a row for each firing of each observed signal."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models

from signal_log.event import COMMITTED, FAILED, ROLLED_BACK


class SignalEvent(models.Model):
    """One signal that fired for one instance; written by the recorder, never changed afterwards."""

    class Outcome(models.TextChoices):
        COMMITTED = COMMITTED, "committed"
        ROLLED_BACK = ROLLED_BACK, "rolled back"
        FAILED = FAILED, "failed"

    id = models.BigAutoField(primary_key=True)
    signal = models.CharField(max_length=200)
    sender = models.CharField(max_length=200)
    object_pk = models.CharField(max_length=255)
    object_repr = models.CharField(max_length=200)
    created = models.BooleanField(null=True)
    raw = models.BooleanField(default=False)
    using = models.CharField(max_length=100)
    update_fields = models.JSONField(null=True)
    origin = models.JSONField(null=True)
    changes = models.JSONField(default=dict)
    receivers = models.JSONField(default=list)
    duration_us = models.BigIntegerField(null=True)
    trace_id = models.UUIDField()
    position = models.PositiveIntegerField()
    parent_position = models.PositiveIntegerField(null=True)
    operation = models.PositiveIntegerField()
    caused_by = models.CharField(max_length=300, blank=True)
    outcome = models.CharField(max_length=12, choices=Outcome)
    error = models.TextField(blank=True)
    actor_pk = models.CharField(max_length=255, blank=True)
    actor_repr = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=100)
    request_id = models.CharField(max_length=100, blank=True)
    method = models.CharField(max_length=16, blank=True)
    path = models.CharField(max_length=500, blank=True)
    remote_addr = models.CharField(max_length=64, blank=True)
    call_site = models.CharField(max_length=300, blank=True)
    occurred_at = models.DateTimeField()
    process = models.CharField(max_length=200)
    salt = models.BinaryField()
    digest = models.BinaryField()
    redacted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)
        default_permissions = ("view",)
        verbose_name = "signal event"
        indexes = (
            models.Index(fields=("sender", "object_pk", "id"), name="signal_log_object"),
            models.Index(fields=("trace_id", "position"), name="signal_log_trace"),
            models.Index(fields=("actor_repr", "id"), name="signal_log_actor"),
            models.Index(fields=("actor_pk", "id"), name="signal_log_actor_pk"),
            models.Index(fields=("occurred_at",), name="signal_log_time"),
        )

    def __str__(self) -> str:
        return f"#{self.pk} {self.signal} {self.sender} {self.object_repr or self.object_pk}"

    def save(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused: only the recorder writes the log."""
        raise TypeError("SignalEvent rows are written by the recorder and are never saved by hand.")

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused: the log is append-only."""
        raise TypeError("SignalEvent rows are never deleted by hand: the log is append-only.")


class LogIdentity(models.Model):
    """One row that names this log where the database cannot (SQLite), so that a cursor of another is noticed."""

    value = models.CharField(max_length=32)

    class Meta:
        default_permissions = ()
        verbose_name = "log identity"
        verbose_name_plural = "log identity"

    def __str__(self) -> str:
        return self.value
