"""The page for anything that is not in the log, or was not found out: what was requested, and where to go next."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from signal_log.show.links import url


def not_found(
    request: HttpRequest, title: str, reason: str, *, to: tuple[str, str] | None = None, status: int = 404
) -> HttpResponse:
    """A helpful 404 page, also under DEBUG; ``to`` is where to go next, an address and words for it."""
    address, words = to or (url("events"), "Go to history")
    context = {"title": title, "reason": reason, "address": address, "words": words, "status": status}
    return render(request, "signal_log/not_found.html", context, status=status)


def not_known(request: HttpRequest, title: str, reason: str) -> HttpResponse:
    """The same as 503, where what was asked for is in the archive, if it is anywhere, and that was not read."""
    return not_found(request, title, reason, status=503)
