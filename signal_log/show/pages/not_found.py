"""The page for what the log does not hold: it says what was looked for, and where to go on."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def not_found(request: HttpRequest, title: str, reason: str) -> HttpResponse:
    """A 404 that a person can use, in DEBUG too."""
    return render(request, "signal_log/not_found.html", {"title": title, "reason": reason}, status=404)
