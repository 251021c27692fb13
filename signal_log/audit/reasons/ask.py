"""The page that has only the question: it carries over what was posted, and posts it again with the reason.

Where a GET was about to write, the page posts the reason to the same address, and the view then gets its GET.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from django.contrib.admin import AdminSite
from django.http import HttpRequest, QueryDict
from django.template.response import TemplateResponse

from signal_log.audit.reasons.field import NAME, ReasonForm
from signal_log.capture.model.masking import secret_names

TEMPLATE: Final = "admin/signal_log/reason/ask.html"
TOKEN: Final = "csrfmiddlewaretoken"  # noqa: S105  the name of a field
GET: Final = "signal_log_get"
"""The field that says that the view is to get a GET."""


class Carried(NamedTuple):
    """A posted value, or what has to be given again: a file, or a secret, which no page repeats."""

    name: str
    kind: str
    value: str = ""


def page(request: HttpRequest, site: AdminSite) -> TemplateResponse:
    """Ask for the reason; nothing was written."""
    files = list(request.FILES)
    method = [] if request.method == "POST" else [Carried(GET, "hidden", "1")]
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": "A reason is needed",
        "form": ReasonForm(request.POST if NAME in request.POST else {NAME: ""}),
        "carried": [*method, *_carried(request), *(Carried(name, "file") for name in files)],
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


@contextmanager
def as_asked(request: HttpRequest) -> Iterator[None]:
    """For the view, the request is what it was before the question: a GET, if the page says so."""
    if request.method == "POST" and GET in request.POST:
        with as_get(request):
            yield
    else:
        yield


@contextmanager
def as_get(request: Any) -> Iterator[None]:
    """For the view, nothing was posted."""
    method, post = request.method, request.POST
    request.method, request.POST = "GET", QueryDict()
    try:
        yield
    finally:
        request.method, request.POST = method, post
