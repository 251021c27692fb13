"""One trace that a session has caught, as a page, as text, or as a test that sends its request again."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from signal_log.models import DebugSession, SignalEvent
from signal_log.show.cascade.lines import SIGNS, as_text, told
from signal_log.show.formats import format_of, refused
from signal_log.show.links import url
from signal_log.show.pages.not_found import not_found
from signal_log.show.sessions import overview
from signal_log.show.sessions.caught import Caught, one
from signal_log.show.trace.client_test import as_client_test
from signal_log.show.unprinted import unprinted
from signal_log.show.words.kinds import short_name
from signal_log.show.words.notes import said_among
from signal_log.show.words.text import duration, one_line

_REPEATED: Final = ("POST", "PUT", "PATCH", "DELETE", "GET")


def trace_in_session(request: HttpRequest, session: DebugSession, given: str, context: dict[str, Any]) -> HttpResponse:
    """Show the trace with this id, which the session has caught; 404 if it has not."""
    try:
        caught = one(session, uuid.UUID(given))
    except ValueError:
        caught = None
    if caught is None:
        return not_found(request, "Trace not found", f"The session has no trace {one_line(given, 60)}.")
    asked = caught.kept.get("request") or {}
    address = address_of(session, caught)
    test_url = pytest_url_of(session, caught, address)
    wanted = format_of(request)
    if wanted == "text":
        return text_answer(_told(caught))
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


def address_of(session: DebugSession, caught: Caught) -> str:
    """The trace's page in its session."""
    return url("session", session.pk, trace=str(caught.row.trace_id))


def pytest_url_of(session: DebugSession, caught: Caught, address: str) -> str:
    """Where a test is shown that sends the request again; empty if it was none, or cannot be sent."""
    asked = caught.kept.get("request") or {}
    can_be_test = asked.get("method") in _REPEATED and not session.imported_from and bool(caught.found)
    return f"{address}&format=pytest" if can_be_test else ""


def text_answer(lines: Iterable[str]) -> HttpResponse:
    """Lines of plain text."""
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
