"""``/events/<id>/notes/``, ``/sessions/<id>/notes/`` and ``/pins/``: pins and notes, for whoever may see events."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.csrf import csrf_protect

from signal_log.audit import pins
from signal_log.audit.shown import listed
from signal_log.errors import NoteError
from signal_log.show.access import for_observers
from signal_log.show.formats import formats
from signal_log.show.links import event_url, url
from signal_log.show.methods import READING, only, reads
from signal_log.show.pages.event import find
from signal_log.show.pages.not_found import not_found
from signal_log.show.pages.sessions import find_session
from signal_log.show.unprinted import unprinted
from signal_log.show.words.moments import zone
from signal_log.show.words.notes import Told, of_event, of_session
from signal_log.show.words.operations import Line
from signal_log.show.words.text import visible
from signal_log.store.read import events

JSON: Final = "application/json"


@csrf_protect
@only(*READING, "POST")
@for_observers
@formats("json")
def event_notes(request: HttpRequest, number: str) -> HttpResponse:
    """As JSON what was said of an event; a POST pins it, takes the pin away or writes a note."""
    event = find(number)
    if event is None:
        return _missing(request, "Event not found", f"There is no event {visible(number[:40])} in the log.")
    if request.method != "POST":
        return JsonResponse(of_event(event.pk).as_json)
    try:
        _do(request.POST, event.pk)
    except NoteError as problem:
        return _refused(request, problem, request.POST.get("note", ""), event_url(event.pk))
    if _is_program(request):
        return JsonResponse(of_event(event.pk).as_json)
    return HttpResponseRedirect(f"{event_url(event.pk)}#notes")


def _do(given: QueryDict, pk: int) -> None:
    """Pin, take the pin away or write a note, whichever one is asked for; raises ``NoteError``."""
    asked = [key for key in ("pin", "unpin", "note") if key in given]
    if asked == ["note"]:
        pins.note(pk, given.get("note", ""))
    elif len(asked) == 1 and given[asked[0]] == "1":
        (pins.pin if asked == ["pin"] else pins.unpin)(pk)
    else:
        raise NoteError("One thing at a time: send pin=1, unpin=1 or a note, and none of the others with it.")


@csrf_protect
@only("POST", instead="sessions")
@for_observers
def session_notes(request: HttpRequest, number: str) -> HttpResponse:
    """Write a note on a recorded session."""
    session = find_session(number)
    if session is None:
        return _missing(request, "Session not found", "It has expired, or never was.")
    address = url("session", session.pk)
    try:
        pins.note_session(session, request.POST.get("note", ""))
    except NoteError as problem:
        return _refused(request, problem, request.POST.get("note", ""), address)
    if _is_program(request):
        return JsonResponse(of_session(session.pk).as_json)
    return HttpResponseRedirect(f"{address}#notes")


def _is_program(request: HttpRequest) -> bool:
    """Whether JSON is asked for rather than a page."""
    return request.get_preferred_type(["text/html", JSON]) == JSON


def _missing(request: HttpRequest, title: str, reason: str) -> HttpResponse:
    if _is_program(request):
        return JsonResponse({"error": reason}, status=404)
    return not_found(request, title, reason)


def _refused(request: HttpRequest, problem: NoteError, text: str, address: str) -> HttpResponse:
    """What is wrong with a note, and the note itself, so that nobody has to write it again."""
    if _is_program(request):
        return JsonResponse({"error": str(problem)}, status=400)
    context = {"problem": str(problem), "text": text, "address": address, "post_url": request.path}
    return render(request, "signal_log/note_refused.html", context, status=400)


@reads
@csrf_protect
@for_observers
def pins_page(request: HttpRequest) -> HttpResponse:
    """The events that were pinned last, newest pin first."""
    said = pins.newest()
    found = {event.pk: event for event in events().filter(pk__in=list(said))}
    listed(request, found.values())
    rows = [
        (Line(found[pk]) if pk in found else None, pk, Told(one, url("event_notes", pk))) for pk, one in said.items()
    ]
    context = {"rows": unprinted(rows), "zone": zone(), "most": pins.MOST_PINNED}
    return render(request, "signal_log/pins.html", context)
