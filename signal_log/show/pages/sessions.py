"""``/sessions/``: start, stop, read, share and compare recorded sessions."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_protect

from signal_log.capture.trace.session_token import COOKIE, forget_cookie
from signal_log.errors import SessionError
from signal_log.models import DebugSession, SignalEvent
from signal_log.show.access import for_observers
from signal_log.show.cascade.comparison import comparison
from signal_log.show.cascade.told import SIGNS, as_text, told
from signal_log.show.formats import format_of, formats, refused
from signal_log.show.links import url
from signal_log.show.methods import READING, only, reads
from signal_log.show.pages.not_found import not_found
from signal_log.show.sessions import compared, document, overview
from signal_log.show.sessions.browser import give_cookie, session_here
from signal_log.show.sessions.caught import Caught, choose, one
from signal_log.show.trace.client_test import as_client_test
from signal_log.show.unprinted import unprinted
from signal_log.show.words.kinds import short_name
from signal_log.show.words.moments import iso, zone
from signal_log.show.words.notes import of_session, said_among
from signal_log.show.words.text import duration, one_line
from signal_log.telemetry import recorded
from signal_log.telemetry.recorded import Scope, all_sessions, is_running, why_ended

JSON_FORMAT: Final = "signal_log.sessions/1"
MOST: Final = 200
MOST_COPIED: Final = 1_000_000
"""Bytes of a session that are offered to be copied as JSON; a larger one is a file."""
_REPEATED: Final = ("POST", "PUT", "PATCH", "DELETE", "GET")
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
        listed = [{**_as_json(session), "target_name": names[session.pk]} for session in found]
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


@reads
@csrf_protect
@for_observers
@formats("json", "text", **{"with": ("json", "text"), "trace": ("text", "pytest")})
def session_page(request: HttpRequest, number: str) -> HttpResponseBase:
    """One session; ``?with=`` compares it with another, ``?trace=`` shows one trace, ``?format=json`` is its file."""
    session = find_session(number)
    if session is None:
        return not_found(
            request, "Session not found",
            f"There is no session {one_line(number, 40)}. A session is kept for a day after its end.",
        )  # fmt: skip
    wanted = format_of(request)
    if wanted == "json" and not {"trace", "with"} & set(request.GET):
        return _file(session)
    row = Row(session, recorded.targets([session])[session.pk], may_stop=may_stop(request.user, session))
    context = {"row": row, "session": session, "zone": zone(), "file_url": f"{row.url}?format=json"}
    if "with" in request.GET:
        return _compared(request, session, request.GET["with"], context)
    if "trace" in request.GET:
        return _trace(request, session, request.GET["trace"], context)
    chosen = choose(session)
    if wanted == "text":
        return _as_text(overview.lines(chosen))
    traces = chosen.traces
    asked, omitted = overview.statements_of(traces)
    context |= {
        "named": unprinted(
            (named, address := _address(session, named.newest), _test_url(session, named.newest, address))
            for named in overview.by_name(traces)
        ),
        "found": unprinted((found, _address(session, found.newest)) for found in overview.found_in(traces)),
        "statements": unprinted(asked),
        "omitted": overview.omitted_words(omitted),
        "remarks": list(chosen.remarks()),
        "said": of_session(session.pk),
        "text_url": url("session", session.pk, format="text"),
        "copied_whole": session.bytes <= MOST_COPIED,
        "others": unprinted(all_sessions().exclude(pk=session.pk)[:MOST]),
        "header": recorded.token(session) if session.scope == Scope.CLIENT and is_running(session) else "",
    }
    return render(request, "signal_log/session.html", context)


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


def _file(session: DebugSession) -> HttpResponse:
    try:
        content = document.as_document(session)
    except SessionError as error:
        return JsonResponse({"error": str(error)}, status=409)
    response = HttpResponse(content, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="session-{session.pk}.json"'
    return response


def _compared(request: HttpRequest, session: DebugSession, given: str, context: dict[str, Any]) -> HttpResponse:
    other = find_session(given)
    if other is None:
        return not_found(
            request, "Session not found",
            f"There is no session {one_line(given, 40)} to compare with. A session is kept for a day after its end.",
        )  # fmt: skip
    before, after = choose(other), choose(session)
    found = compared.pairs(before, after)
    differing = compared.findings_on_one_side(before, after)
    wanted = format_of(request)
    if wanted == "json":
        told = comparison(_as_json(other), _as_json(session), differing, [compared.as_json(pair) for pair in found])
        return JsonResponse(told, json_dumps_params={"ensure_ascii": False})
    if wanted == "text":
        return _as_text(compared.lines(found, other.name, session.name))
    context |= {
        "before": Row(other),
        "found": differing,
        "here": url("session", session.pk, **{"with": str(other.pk)}),
        "differing": unprinted(pair for pair in found if pair.differs),
        "open": unprinted(pair for pair in found if pair.is_open),
        "not_compared": compared.NOT_COMPARED,
        "same": unprinted(pair for pair in found if not pair.differs and not pair.is_open),
        "in_common": compared.in_common(found),
        "swapped_url": url("session", other.pk, **{"with": str(session.pk)}),
    }
    return render(request, "signal_log/session_compared.html", context)


def _trace(request: HttpRequest, session: DebugSession, given: str, context: dict[str, Any]) -> HttpResponse:
    try:
        caught = one(session, uuid.UUID(given))
    except ValueError:
        caught = None
    if caught is None:
        return not_found(request, "Trace not found", f"The session has no trace {one_line(given, 60)}.")
    asked = caught.kept.get("request") or {}
    address = _address(session, caught)
    test_url = _test_url(session, caught, address)
    wanted = format_of(request)
    if wanted == "text":
        return _as_text(_told(caught))
    if wanted == "pytest":
        if not test_url:
            return refused(request, ("text",))
        text = as_client_test([event for event in caught.found if isinstance(event, SignalEvent)], asked,
                              caught.row.status)  # fmt: skip
        return HttpResponse(text, content_type="text/x-python; charset=utf-8")
    context |= {
        "test_url": test_url,
        "text_url": f"{address}&format=text",
        "caught": caught,
        "raised": caught.raised,
        "name": one_line(caught.row.name, 200),
        "took": duration(caught.row.duration_us),
        "lines": unprinted(_lines(caught)),
        "statements": unprinted(
            (ran, duration(ran.took_us), duration(ran.started_us), one_line(ran.receiver, 200))
            for ran in caught.statements
        ),
        "omitted": overview.omitted_words(caught.kept.get("omitted", 0)),
        "left_out": caught.left_out,
        "asked": {part: unprinted(asked.get(part) or ()) for part in ("query", "form")},
        "remarked": unprinted(said_among(event for event in caught.found if isinstance(event, SignalEvent))),
        "page_url": "" if session.imported_from else url("trace", caught.row.trace_id),
    }
    return render(request, "signal_log/session_trace.html", context)


def _test_url(session: DebugSession, caught: Caught, address: str) -> str:
    """Where a test is written that sends the request again; empty if it was none."""
    asked = caught.kept.get("request") or {}
    can_be_test = asked.get("method") in _REPEATED and not session.imported_from and bool(caught.found)
    return f"{address}&format=pytest" if can_be_test else ""


def _as_text(lines: Iterable[str]) -> HttpResponse:
    return HttpResponse("".join(f"{line}\n" for line in lines), content_type="text/plain; charset=utf-8")


def _told(caught: Caught) -> Iterator[str]:
    """One trace as text: its operations, then its statements."""
    row, (error, place) = caught.row, caught.raised
    yield " · ".join(filter(None, (one_line(row.name, 200), one_line(row.status, 60), duration(row.duration_us))))
    if error:
        yield "   ".join(filter(None, (f"  !  {error}", place)))
    for line in told(caught.cascade):
        yield f"  {SIGNS[line.kind]}  {as_text(line)}"
    if caught.left_out:
        yield f"  … {caught.left_out:,} more events are not read."
    for ran in caught.statements:
        by = one_line(short_name(ran.receiver), 100) or "-"
        yield f"  {duration(ran.took_us):>8}  {by}  {one_line(ran.text, 400)}"
    if omitted := caught.kept.get("omitted", 0):
        yield f"  {overview.omitted_words(omitted)}"


def _lines(caught: Caught) -> Iterator[tuple[str, Any]]:
    """The operations as text, each with the stack that it began with."""
    for line in told(caught.cascade):
        stack = caught.stack_of(line.position)
        yield as_text(line._replace(call_site="") if stack else line), stack


def _address(session: DebugSession, caught: Caught) -> str:
    return url("session", session.pk, trace=str(caught.row.trace_id))


def _as_json(session: DebugSession) -> dict[str, Any]:
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
