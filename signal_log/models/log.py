"""What the log's tables share: the database that they are in, and which log it is."""

from __future__ import annotations

from typing import TypeVar

from django.db import models

from signal_log.conf import conf

M = TypeVar("M", bound=models.Model)


class LogManager(models.Manager[M]):
    """Reads the database that the log is in, whatever the routers say; ``using`` names another."""

    def get_queryset(self) -> models.QuerySet[M]:
        """All rows, of ``SIGNAL_LOG["DATABASE"]`` unless the manager is for another."""
        return super().get_queryset().using(self.db)

    @property
    def db(self) -> str:
        """The database that is read."""
        return self._db or conf.DATABASE


class LogIdentity(models.Model):
    """A single row that identifies the log, to detect cursors of another one."""

    value = models.CharField(max_length=32)

    objects = LogManager["LogIdentity"]()

    class Meta:
        default_permissions = ()
        verbose_name = "log identity"
        verbose_name_plural = "log identity"

    def __str__(self) -> str:
        return self.value
