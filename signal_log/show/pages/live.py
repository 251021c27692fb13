"""The live page: the stream of events as they are committed."""

from __future__ import annotations

import sys
from typing import Any, Final

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import get_script_prefix, reverse
from django.views.decorators.csrf import csrf_protect

from signal_log import clock
from signal_log.audit.shown import opened_live
from signal_log.conf import conf
from signal_log.permission import EXPORT, may
from signal_log.seal.canonical import timestamp
from signal_log.show.access import for_observers, login_url
from signal_log.show.export.answer import TITLES
from signal_log.show.methods import reads
from signal_log.show.pages.recording import notices
from signal_log.show.query.presets import FAILED, presets
from signal_log.show.query.query import parse
from signal_log.store.read import events

SOCKET_PATH: Final = "ws/events/"
ROUTING: Final = "signal_log.tail.routing"
BACKFILL: Final = 200
KEPT: Final = 100_000


@reads
@csrf_protect  # sets the cookie needed to share a view, even if the host lacks the middleware
@for_observers
def live(request: HttpRequest) -> HttpResponse:
    """The page itself; its events arrive over the websocket, so that it opens immediately."""
    opened_live(request)
    events().filter(pk=0).first()  # without tables the socket could only say that the database does not answer
    known = page_config(str(request.user.pk)) | {
        "unopened": why_unopened(request),
        "presets": [{"name": one.name, "query": one.link("").lstrip("?")} for one in presets(request.user)],
    }
    context = {"live_config": known, "notices": notices(_models(request.GET)), "measured": conf.TRACES}
    context["failed_url"] = FAILED.link(request.path)
    context["exports"] = TITLES.items() if may(request.user, EXPORT) else ()
    return render(request, "signal_log/live.html", context)


def _models(sent: QueryDict) -> list[str]:
    """The models that the page is filtered by, as far as its address can be read."""
    filters = parse(sent).filters
    return [text for key in ("sender", "model") for text, excluded in filters.values(key) if not excluded]


def page_config(account: str = "") -> dict[str, Any]:
    """The configuration of the page's script, wherever the app is mounted; it stores views per account."""
    return {
        "socket": f"{get_script_prefix()}{SOCKET_PATH}",
        "home": reverse("signal_log:live"),
        "login": login_url(),
        "account": account,
        "models": sorted(conf.MODELS),
        "now": timestamp(clock.now()),
        "backfill": BACKFILL,
        "kept": KEPT,
    }


def why_unopened(request: HttpRequest) -> str:
    """Why the page's socket may not open, for the page to say if it does not: it may be served by another process."""
    if not isinstance(request, ASGIRequest):
        return "wsgi"
    return "refused" if ROUTING in sys.modules else "unrouted"
