"""Adds what the log recorded of an object to its *History* page in the admin, whichever admin class serves it.

The middleware hands over the page before it is rendered. It gets our template around its own, and an object that reads
the log only when the template asks it: nothing is read, nor is the user looked at, before the page is rendered.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final

from django.db import DatabaseError, models, transaction
from django.http import HttpRequest
from django.template import TemplateDoesNotExist
from django.template.loader import get_template

from signal_log.capture.model.registry import observed
from signal_log.conf import conf
from signal_log.permission import may_see_events
from signal_log.rows import labels_of_row
from signal_log.show.links import are_mounted, object_url
from signal_log.show.pages.history import FOLDED_AWAY
from signal_log.show.story.asked import of_row
from signal_log.show.words.operations import Line, lines

SHOWN: Final = 20
KEY: Final = "signal_log"
"""What the template finds in its context: a ``Recorded``; and, with ``_page`` behind it, the page's own template."""
AROUND: Final = "admin/signal_log/recorded.html"


class Recorded:
    """What the log recorded of an object, for a user who may see it."""

    def __init__(self, request: HttpRequest, model: type[models.Model], pk: str) -> None:
        self.label, self.pk = model._meta.label, pk
        self._user = getattr(request, "user", None)

    @cached_property
    def is_shown(self) -> bool:
        """Whether the user may see events; staff who may not find the admin's own history alone."""
        return may_see_events(self._user)

    @property
    def is_linked(self) -> bool:
        """Whether there are pages that say more."""
        return are_mounted()

    @property
    def url(self) -> str:
        """The object's whole history."""
        return object_url(self.label, self.pk)

    @cached_property
    def lines(self) -> list[Line]:
        """Its newest operations."""
        recorded = of_row(labels_of_row(self.label), self.pk).exclude(FOLDED_AWAY).order_by("-pk")
        return lines(list(recorded[:SHOWN]))

    @cached_property
    def is_readable(self) -> bool:
        """Whether the log can be read; where not, the host's page is shown all the same, in its transaction if any."""
        try:
            with transaction.atomic(conf.DATABASE):
                return self.lines is not None
        except DatabaseError:
            return False


def add_to_history(request: HttpRequest, response: Any) -> None:
    """Add to the page if it is the history of an observed model's object in the admin."""
    match = request.resolver_match
    view = getattr(match, "func", None)
    model_admin = getattr(view, "model_admin", None)
    if match is None or model_admin is None or getattr(view, "__name__", "") != "history_view":
        return
    from django.contrib.admin.utils import unquote  # hosts may be without the admin

    if {model._meta.label for model in observed()}.intersection(labels_of_row(model_admin.model._meta.label)):
        add_recorded(request, response, model_admin.model, unquote(str(match.kwargs.get("object_id", ""))))


def add_recorded(request: HttpRequest, response: Any, model: type[models.Model], pk: str) -> None:
    """Add what was recorded of an object to a page that is not yet rendered, once."""
    context = getattr(response, "context_data", None)
    if context is None or KEY in context or response.is_rendered:
        return
    try:
        get_template(AROUND, using=response.using)
    except TemplateDoesNotExist:  # APP_DIRS is off, and the host did not list our folder
        return
    page = response.resolve_template(response.template_name)
    response.context_data = {**context, KEY: Recorded(request, model, pk), f"{KEY}_page": page}
    response.template_name = AROUND
