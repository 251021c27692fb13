"""The 404 page for anything that is not in the log: what was requested, and where to go next."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def not_found(request: HttpRequest, title: str, reason: str) -> HttpResponse:
    """A helpful 404 page, also under DEBUG."""
    return render(request, "signal_log/not_found.html", {"title": title, "reason": reason}, status=404)
