"""The rows that the benchmark saves: one class per way to log them, with the same columns, and a hand-written log."""

from __future__ import annotations

from django.apps import apps
from django.db import models


class PersonFields(models.Model):
    """An account and profile in one row, without rules of its own, so that its saves cost what Django's saves cost."""

    username = models.CharField(max_length=150, unique=True)
    email = models.EmailField()
    name = models.CharField(max_length=150)
    headline = models.CharField(max_length=120)
    bio = models.TextField()
    location = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    visits = models.IntegerField(default=0)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.username


class Person(PersonFields):
    """Not logged, logged by hand, or logged by signal_log, in turns."""


class Handwritten(models.Model):
    """What people write themselves: one row per save; no old values, no request, no outcome."""

    label = models.CharField(max_length=200)
    object_pk = models.CharField(max_length=255)
    created = models.BooleanField()
    new_values = models.TextField()
    at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=("label", "object_pk"), name="handwritten_object"),)

    def __str__(self) -> str:
        return f"{self.label} {self.object_pk}"


# --- one class for each package, set up as its first page says -----------------------------------------
if apps.is_installed("simple_history"):
    from simple_history.models import HistoricalRecords

    class SimpleHistoryPerson(PersonFields):
        """Each save copies the row into a history table."""

        history = HistoricalRecords()


if apps.is_installed("auditlog"):
    from auditlog.registry import auditlog

    class AuditlogPerson(PersonFields):
        """Each save is compared with the row, which is read for it, and the difference is written."""

    auditlog.register(AuditlogPerson)


if apps.is_installed("pghistory"):
    import pghistory

    @pghistory.track()
    class PghistoryPerson(PersonFields):
        """Triggers copy the row into a history table."""
