"""The page that has only the question: it carries over what was posted, and posts it again with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse

from signal_log.audit.reasons.field import NAME, ReasonForm
from signal_log.capture.model.masking import secret_names

TEMPLATE: Final = "admin/signal_log/reason/ask.html"
TOKEN: Final = "csrfmiddlewaretoken"  # noqa: S105  the name of a field


class Carried(NamedTuple):
    """A posted value, or what has to be given again: a file, or a secret, which no page repeats."""

    name: str
    kind: str
    value: str = ""


def page(request: HttpRequest, site: AdminSite) -> TemplateResponse:
    """Ask for the reason; nothing was written."""
    files = list(request.FILES)
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": "A reason is needed",
        "form": ReasonForm(request.POST if NAME in request.POST else {NAME: ""}),
        "carried": [*_carried(request), *(Carried(name, "file") for name in files)],
        "has_files": bool(files),
    }
    request.current_app = site.name  # as the views of the admin do
    return TemplateResponse(request, TEMPLATE, context)


def _carried(request: HttpRequest) -> Iterator[Carried]:
    secret = secret_names()
    for name, values in request.POST.lists():
        if name in (NAME, TOKEN):
            continue
        for value in values:
            yield Carried(name, "password") if name in secret else Carried(name, "hidden", str(value))
