"""``/sessions/``: all recorded sessions; starts and stops them."""

from __future__ import annotations

from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_protect

from signal_log.capture.trace.session_token import COOKIE, forget_cookie
from signal_log.errors import SessionError
from signal_log.models import DebugSession
from signal_log.show.access import for_observers
from signal_log.show.formats import format_of, formats
from signal_log.show.links import url
from signal_log.show.methods import READING, only
from signal_log.show.pages.not_found import not_found
from signal_log.show.sessions.browser import give_cookie, session_here
from signal_log.show.unprinted import unprinted
from signal_log.show.words.moments import iso, zone
from signal_log.show.words.text import one_line
from signal_log.telemetry import recorded
from signal_log.telemetry.recorded import Scope, all_sessions, is_running, why_ended

JSON_FORMAT: Final = "signal_log.sessions/1"
MOST: Final = 200
HINTS: Final = {
    Scope.BROWSER: "requests and messages of the browser you are using now, while you are logged in",
    Scope.CLIENT: "requests that carry a header, which the session's page shows",
    Scope.USER: "what one account does, in any browser",
    Scope.EVERYTHING: "all requests, messages, tasks and commands; ends after 15 minutes",
}


@csrf_protect
@only(*READING, "POST")
@for_observers
@formats("json")
def sessions_page(request: HttpRequest) -> HttpResponse:
    """The list with a form, or as JSON; a POST starts a session."""
    given = {"name": "", "scope": str(Scope.BROWSER), "user": ""}
    problem = ""
    if request.method == "POST":
        given = {key: request.POST.get(key, value) for key, value in given.items()}
        try:
            return _started(request, given)
        except SessionError as error:
            problem = str(error)
    found = list(all_sessions()[:MOST])
    names = recorded.targets(found)
    if format_of(request) == "json":
        listed = [{**session_as_json(session), "target_name": names[session.pk]} for session in found]
        return JsonResponse({"format": JSON_FORMAT, "sessions": listed})
    context = {
        "sessions": unprinted(
            Row(session, names[session.pk], may_stop=may_stop(request.user, session)) for session in found
        ),
        "scopes": [(scope.value, scope.label, hint, given["scope"] == scope) for scope, hint in HINTS.items()],
        "given": given,
        "problem": problem,
        "stale": _is_stale(request),
        "json_url": url("sessions", format="json"),
        "zone": zone(),
    }
    return render(request, "signal_log/sessions.html", context, status=400 if problem else 200)


@csrf_protect
@only("POST", instead="sessions")
@for_observers
def stop_session(request: HttpRequest, number: str) -> HttpResponse:
    """Stop a session, and go to it."""
    session = find_session(number)
    if session is None:
        return not_found(request, "Session not found", "It has expired, or never was.")
    if not may_stop(request.user, session):
        raise PermissionDenied("Only who started a session stops it, or a superuser.")
    recorded.stop(session)
    response = HttpResponseRedirect(url("session", session.pk))
    if session_here(request) == session.pk:
        forget_cookie(response)
    return response


def may_stop(user: Any, session: DebugSession) -> bool:
    """Whether somebody may end what somebody else records."""
    return bool(user.is_superuser or (session.started_by_pk and session.started_by_pk == str(user.pk)))


class Row:
    """A session, for templates."""

    def __init__(self, session: DebugSession, target: str = "", *, may_stop: bool = False) -> None:
        self.may_stop = may_stop
        self.session = session
        self.url = url("session", session.pk)
        self.stop_url = url("stop_session", session.pk)
        self.running = is_running(session)
        self.ended = one_line(why_ended(session), 200)
        self.name = one_line(session.name, 60)
        self.by = one_line(session.started_by_repr, 60)
        self.target = one_line(target, 120)
        self.iso = iso(session.started_at)

    @property
    def held(self) -> str:
        """How much it has caught."""
        number = self.session.traces
        return f"{number:,} trace{'' if number == 1 else 's'}"

    @property
    def scope(self) -> str:
        """What it covers."""
        return str(self.session.get_scope_display())


def find_session(number: str) -> DebugSession | None:
    """The session with this number, if it has not expired; None for anything else."""
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    return all_sessions().filter(pk=int(number)).first()


def _started(request: HttpRequest, given: dict[str, str]) -> HttpResponse:
    if given["scope"] not in HINTS:
        raise SessionError("Choose what to record.")
    session = recorded.start(given["name"], given["scope"], target=given["user"], by=request.user)
    if session.scope != Scope.BROWSER:
        return HttpResponseRedirect(url("session", session.pk))
    response = HttpResponseRedirect(url("sessions"))
    give_cookie(request, response, session)
    return response


def _is_stale(request: HttpRequest) -> bool:
    """Whether this browser sends a cookie that names no session of ours, or none any more."""
    return bool(request.COOKIES.get(COOKIE)) and session_here(request) == 0


def session_as_json(session: DebugSession) -> dict[str, Any]:
    return {
        "id": session.pk,
        "name": session.name,
        "scope": session.scope,
        "target": session.target,
        "started_by": session.started_by_repr,
        "started_at": iso(session.started_at),
        "stops_at": iso(session.stops_at),
        "ended_at": iso(session.ended_at) if session.ended_at else None,
        "expires_at": iso(session.expires_at),
        "running": is_running(session),
        "why_ended": why_ended(session),
        "traces": session.traces,
        "bytes": session.bytes,
        "imported": bool(session.imported_from),
    }
