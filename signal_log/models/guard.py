"""What the triggers of ``signal_guard`` write down, until it becomes events, and which tables they watch."""

from __future__ import annotations

from django.db import models

from signal_log.fields import BareId, Moment
from signal_log.models.log import LogManager


class GuardedTable(models.Model):
    """A model whose table has triggers that tell of writes past Django; so that lost ones are noticed."""

    label = models.CharField(max_length=200, unique=True)
    installed_at = Moment()

    objects = LogManager["GuardedTable"]()

    class Meta:
        ordering = ("label",)
        default_permissions = ()
        verbose_name = "guarded table"

    def __str__(self) -> str:
        return self.label


class PastWrite(models.Model):
    """A row that was written past Django, as a trigger saw it, in the transaction of the write. Not an event yet."""

    id = BareId(primary_key=True)
    label = models.CharField(max_length=200)
    verb = models.CharField(max_length=10)
    columns = models.TextField(blank=True)
    """On SQLite, the names of the columns in ``old`` and ``new``, as JSON."""
    old = models.TextField(blank=True)
    """On PostgreSQL a JSON object, on SQLite literals; without the columns whose values may be
    secret. Empty where there was, or is, no row."""
    new = models.TextField(blank=True)
    hidden = models.TextField(blank=True)
    """Of those columns, which have changed, and whether they were and are not null: ``{"password": [true, true]}``."""
    written_at = models.CharField(max_length=40)
    transaction = models.CharField(max_length=40, blank=True)
    program = models.TextField(blank=True)
    """Who wrote it, as PostgreSQL tells: role, application, address, process; as JSON."""

    objects = LogManager["PastWrite"]()

    class Meta:
        default_permissions = ()
        verbose_name = "write past Django"
        verbose_name_plural = "writes past Django"

    def __str__(self) -> str:
        return f"{self.verb} {self.label}"
