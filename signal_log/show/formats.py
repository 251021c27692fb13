"""Which formats (``?format=``) a page offers beside itself; any other is refused with those, never taken in silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

FORMAT: Final = "format"
_OFFERED: Final = "offered_formats"

View = TypeVar("View", bound=Callable[..., Any])


def formats(*names: str, **instead: tuple[str, ...]) -> Callable[[View], View]:
    """Decorate a page below ``for_observers`` with the formats that it offers; without this it offers none.

    ``instead`` are those of another view of the page, by the parameter that asks for it; the first one given counts.
    """

    def decorate(view: View) -> View:
        setattr(view, _OFFERED, (names, instead))
        return view

    return decorate


def format_of(request: HttpRequest) -> str:
    """The format that is asked for, which the page offers; empty for the page itself."""
    return request.GET.get(FORMAT, "")


def unoffered(view: Callable[..., Any], request: HttpRequest) -> HttpResponse | None:
    """The refusal of a format that the page does not offer; None if it does, or none is asked for."""
    names, instead = getattr(view, _OFFERED, ((), {}))
    accepted = next((others for parameter, others in instead.items() if parameter in request.GET), names)
    wanted = format_of(request)
    return refused(request, accepted) if wanted and wanted not in accepted else None


def refused(request: HttpRequest, accepted: tuple[str, ...]) -> HttpResponse:
    """400 with the formats there are, and the way to the page; a line of text for programs."""
    reason = f"There is no format {format_of(request)[:50]!r} of this page. "
    reason += f"Accepted: {', '.join(accepted)}." if accepted else "It has no other formats: leave 'format' out."
    if request.get_preferred_type(["text/plain", "text/html"]) != "text/html":
        return HttpResponse(f"{reason}\n", status=400, content_type="text/plain; charset=utf-8")
    rest = request.GET.copy()
    del rest[FORMAT]
    address = f"{request.path}?{rest.urlencode()}" if rest else request.path
    context = {"title": "No such format", "reason": reason, "address": address, "words": "Open the page", "status": 400}
    return render(request, "signal_log/not_found.html", context, status=400)
