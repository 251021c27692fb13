"""Where a delete began, as the log shows it."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import QuerySet

from signal_log.capture.model.keys import key_text
from signal_log.capture.model.snapshot import text_of


def origin_of(origin: Any) -> dict[str, Any] | None:
    """The object or the model of the queryset; of a QuerySet nothing else is used, because even its repr runs SQL."""
    if origin is None:
        return None
    if isinstance(origin, QuerySet):
        return {"queryset": origin.model._meta.label}
    if isinstance(origin, models.Model):
        return {"model": origin._meta.label, "pk": key_text(origin)}
    return {"model": text_of(type(origin).__name__), "pk": ""}
