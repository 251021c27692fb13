"""Recorded sessions: what somebody named, started and stopped, with the traces that it caught."""

from __future__ import annotations

from typing import Any

from django.db import models

from signal_log.fields import BareId, BareInteger, Moment
from signal_log.models.log import LogManager


class DebugSession(models.Model):
    """A recorded session: what somebody named, started and stopped, and how it ended. Not sealed, kept for a day."""

    class Scope(models.TextChoices):
        BROWSER = "browser", "this browser"
        CLIENT = "client", "an API client"
        USER = "user", "one user"
        COMMAND = "command", "one command"
        EVERYTHING = "everything", "everything"

    name = models.CharField(max_length=60, unique=True)
    scope = models.CharField(max_length=10, choices=Scope)
    target = models.CharField(max_length=255, blank=True)
    started_by_pk = models.CharField(max_length=255, blank=True)
    started_by_repr = models.CharField(max_length=200, blank=True)
    started_at = Moment()
    stops_at = Moment()
    ended_at: Any = Moment(null=True)  # type: ignore[misc]  # the stubs want another class for it
    expires_at = Moment()
    why_ended = models.CharField(max_length=200, blank=True)
    traces = models.PositiveIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    imported_from = models.CharField(max_length=200, blank=True)
    tasks = models.TextField(blank=True, default="")
    """Ids of the tasks that it has enqueued, each after a blank; ``signal_log.telemetry.session_tasks`` reads it."""

    objects = LogManager["DebugSession"]()

    class Meta:
        ordering = ("-id",)
        default_permissions = ()
        verbose_name = "recorded session"

    def __str__(self) -> str:
        return self.name


class SessionTrace(models.Model):
    """One trace of a recorded session: what it was, and what deeper capture kept of it. Telemetry, not sealed."""

    id = BareId(primary_key=True)
    session = models.ForeignKey(DebugSession, models.CASCADE, related_name="caught", db_index=False)
    trace_id = models.UUIDField()
    source = models.CharField(max_length=100)
    name = models.CharField(max_length=520)
    actor_repr = models.CharField(max_length=200, blank=True)
    started_at = Moment()
    duration_us = models.BigIntegerField()
    status = models.CharField(max_length=100, blank=True)
    events = BareInteger()
    operations = BareInteger()
    failed = BareInteger()
    silent = BareInteger()
    bytes = BareInteger()
    data = models.TextField()
    """``signal_log.show.sessions.caught`` reads it: request, statements and stacks; events too if it was imported."""

    objects = LogManager["SessionTrace"]()

    class Meta:
        default_permissions = ()
        verbose_name = "trace of a session"
        verbose_name_plural = "traces of sessions"
        constraints = (models.UniqueConstraint(fields=("session", "trace_id"), name="signal_log_caught"),)

    def __str__(self) -> str:
        return f"{self.name} {self.status}".strip()
