"""The live page: the stream of events as they are committed."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.urls import get_script_prefix, reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_protect

from signal_log.conf import conf
from signal_log.seal.canonical import timestamp
from signal_log.show.access import for_observers
from signal_log.show.pages.recording import notices

SOCKET_PATH: Final = "ws/events/"
BACKFILL: Final = 200
KEPT: Final = 100_000


@csrf_protect  # sets the cookie for sharing a view, also where the host has no middleware for it
@for_observers
def live(request: HttpRequest) -> HttpResponse:
    """The page alone; its events come by the websocket, so that it opens at once."""
    context = {"live_config": page_config(str(request.user.pk)), "notices": notices(request.GET.getlist("sender"))}
    return render(request, "signal_log/live.html", context)


def page_config(account: str = "") -> dict[str, Any]:
    """What the page's script must know, wherever the host has mounted the app; it keeps views for an account."""
    return {
        "socket": f"{get_script_prefix()}{SOCKET_PATH}",
        "home": reverse("signal_log:live"),
        "login": resolve_url(settings.LOGIN_URL),
        "account": account,
        "models": sorted(conf.MODELS),
        "now": timestamp(timezone.now()),
        "backfill": BACKFILL,
        "kept": KEPT,
    }
