"""The panel's form that starts or stops a recorded session for this browser, fetched when the panel is opened.

The panel itself is stored and rendered in another request, without the user or a CSRF token. The form posts to the
pages under ``/sessions/``.
"""

from __future__ import annotations

from debug_toolbar.decorators import require_show_toolbar
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect

from signal_log import clock
from signal_log.capture.trace.actor import request_actor
from signal_log.capture.trace.membership import running
from signal_log.capture.trace.session_token import named_in
from signal_log.permission import may_see_events
from signal_log.show.links import url
from signal_log.show.methods import reads

NAME = "signal_log_session"


@login_not_required
@require_show_toolbar
@reads
@csrf_protect
@never_cache
def session_form(request: HttpRequest) -> JsonResponse:
    """The form as HTML; empty for people without the permission."""
    user = getattr(request, "user", None)
    if user is None or not may_see_events(user):
        return JsonResponse({"content": ""})
    context = {"name": f"debugging {clock.now():%H:%M:%S}", "start_url": url("sessions")}
    return JsonResponse({"content": render_to_string("signal_log/toolbar_session.html", context, request)})


def address() -> str:
    """The form's address; empty if the host has not mounted the pages that it posts to."""
    try:
        url("sessions")
        return reverse(f"djdt:{NAME}")
    except NoReverseMatch:
        return ""


def is_recorded(request: HttpRequest) -> bool:
    """Whether a session that its browser or client names takes this request, as far as this process knows."""
    named = [each for each in named_in(request.META) if each.session not in running.over]
    actor = request_actor(request).pk if named else ""
    return any(each.is_of(actor) for each in named)
