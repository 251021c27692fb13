"""Which models a setting such as ``READS`` names: under whatever label, it is their rows that are meant."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models

from signal_log.rows import labels_of_row


def names(patterns: Iterable[str], model: type[models.Model]) -> bool:
    """Whether a label, ``app.*`` or ``*`` among these names the model, or one that shares its rows (a proxy, say)."""
    labels = {label.lower() for label in labels_of_row(model._meta.label)}
    return any(pattern == "*" or any(_is_named(pattern.lower(), label) for label in labels) for pattern in patterns)


def _is_named(pattern: str, label: str) -> bool:
    return pattern == label or (pattern.endswith(".*") and label.startswith(pattern[:-1]))
