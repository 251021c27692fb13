"""Links an event's object to its admin page, for users who may open it."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.admin.utils import quote
from django.core.exceptions import ValidationError
from django.db import DatabaseError, models
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.connection import ConnectionDoesNotExist

from signal_log.models import SignalEvent
from signal_log.rows import labels_of_row


def admin_url(request: HttpRequest, event: SignalEvent) -> str:
    """The URL of the object's admin page; empty if it has none, no longer exists, or the user may not open it.

    A row that was saved as a proxy, or as a multi-table child, may have a page under another of its classes only.
    """
    if not (event.object_pk and apps.is_installed("django.contrib.admin")):
        return ""
    return next(filter(None, (_admin_url(request, event, label) for label in _nearest_first(event.sender))), "")


def _nearest_first(sender: str) -> list[str]:
    return [sender, *(label for label in labels_of_row(sender) if label != sender)]


def _admin_url(request: HttpRequest, event: SignalEvent, label: str) -> str:
    from django.contrib.admin import site

    try:
        model = apps.get_model(label)
    except (LookupError, ValueError):
        return ""
    page: Any = site._registry.get(model)
    if page is None or not site.has_permission(request):
        return ""
    found = _stored(model, event)
    if found is None or not page.has_view_or_change_permission(request, found):
        return ""
    try:
        address = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        return reverse(address, args=[quote(found.pk)], current_app=site.name)
    except NoReverseMatch:
        return ""


def _stored(model: type[models.Model], event: SignalEvent) -> models.Model | None:
    """The object as stored now; None for an invalid key."""
    try:
        return model._base_manager.using(event.using).filter(pk=event.object_pk).first()
    except (ValueError, TypeError, ValidationError, DatabaseError, ConnectionDoesNotExist):
        return None
