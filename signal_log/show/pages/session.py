"""``/sessions/<id>/``: one recorded session, compared with another (``?with=``), or one of its traces (``?trace=``)."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_protect

from signal_log.errors import SessionError
from signal_log.models import DebugSession
from signal_log.show.access import for_observers
from signal_log.show.cascade.comparison import comparison
from signal_log.show.formats import format_of, formats
from signal_log.show.links import url
from signal_log.show.methods import reads
from signal_log.show.pages.not_found import not_found
from signal_log.show.pages.session_trace import address_of, pytest_url_of, text_answer, trace_in_session
from signal_log.show.pages.sessions import MOST, Row, find_session, may_stop, session_as_json
from signal_log.show.sessions import compared, document, overview
from signal_log.show.sessions.caught import choose
from signal_log.show.unprinted import unprinted
from signal_log.show.words.moments import zone
from signal_log.show.words.notes import of_session
from signal_log.show.words.text import one_line
from signal_log.telemetry import recorded
from signal_log.telemetry.recorded import Scope, all_sessions, is_running

MOST_COPIED: Final = 1_000_000
"""Bytes of a session that are offered to be copied as JSON; a larger one is a file."""


@reads
@csrf_protect
@for_observers
@formats("json", "text", **{"with": ("json", "text"), "trace": ("text", "pytest")})
def session_page(request: HttpRequest, number: str) -> HttpResponseBase:
    """One session; ``?with=`` compares it with another, ``?trace=`` shows one trace, ``?format=json`` is its file."""
    session = find_session(number)
    if session is None:
        return _not_kept(request, number)
    wanted = format_of(request)
    if wanted == "json" and not {"trace", "with"} & set(request.GET):
        return _file(session)
    row = Row(session, recorded.targets([session])[session.pk], may_stop=may_stop(request.user, session))
    context = {"row": row, "session": session, "zone": zone(), "file_url": f"{row.url}?format=json"}
    if "with" in request.GET:
        return _compared(request, session, request.GET["with"], context)
    if "trace" in request.GET:
        return trace_in_session(request, session, request.GET["trace"], context)
    chosen = choose(session)
    if wanted == "text":
        return text_answer(overview.lines(chosen))
    traces = chosen.traces
    asked, omitted = overview.statements_of(traces)
    context |= {
        "named": unprinted(
            (named, address := address_of(session, named.newest), pytest_url_of(session, named.newest, address))
            for named in overview.by_name(traces)
        ),
        "found": unprinted((found, address_of(session, found.newest)) for found in overview.found_in(traces)),
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


def _not_kept(request: HttpRequest, number: str, purpose: str = "") -> HttpResponse:
    why = f"There is no session {one_line(number, 40)}{purpose}. A session is kept for a day after its end."
    return not_found(request, "Session not found", why)


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
        return _not_kept(request, given, " to compare with")
    before, after = choose(other), choose(session)
    found = compared.pairs(before, after)
    differing = compared.findings_on_one_side(before, after)
    wanted = format_of(request)
    if wanted == "json":
        sides = session_as_json(other), session_as_json(session)
        told = comparison(*sides, differing, [compared.as_json(pair) for pair in found])
        return JsonResponse(told, json_dumps_params={"ensure_ascii": False})
    if wanted == "text":
        return text_answer(compared.lines(found, other.name, session.name))
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
