"""The rows that the benchmark saves, and the table of a hand-written log."""

from __future__ import annotations

from django.db import models


class Person(models.Model):
    """An account and profile in one row, without rules of its own: its saves cost what Django's saves cost."""

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

    def __str__(self) -> str:
        return self.username


class Handwritten(models.Model):
    """What people write themselves: one row a save, no old values, no request, no outcome."""

    label = models.CharField(max_length=200)
    object_pk = models.CharField(max_length=255)
    created = models.BooleanField()
    new_values = models.TextField()
    at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=("label", "object_pk"), name="handwritten_object"),)

    def __str__(self) -> str:
        return f"{self.label} {self.object_pk}"
