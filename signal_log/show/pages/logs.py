"""``/logs/``: this log and those of other databases that ``LOGS`` names, as one list by time, each event with its log.

It reads the others and never writes to them. What one of them does not answer is said, and the rest is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import orjson
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from signal_log.audit import pins
from signal_log.audit.shown import listed, listed_elsewhere
from signal_log.conf import conf
from signal_log.errors import FilterError
from signal_log.models import SignalEvent
from signal_log.seal.canonical import timestamp
from signal_log.show.access import for_observers
from signal_log.show.export.answer import FORMATS
from signal_log.show.export.json import SIZE, size_of
from signal_log.show.formats import FORMAT, format_of, formats
from signal_log.show.links import url
from signal_log.show.logs.all_logs import Answered, Question, ask_all_logs
from signal_log.show.logs.line import LogLine
from signal_log.show.logs.merging import Merged, Places
from signal_log.show.logs.named import ACCEPTED, Log
from signal_log.show.logs.places import parse_places, written
from signal_log.show.methods import reads
from signal_log.show.pages.history import FOLDED_AWAY, PAGE_SIZE, fold, wrong
from signal_log.show.query.archive_reach import reaches_to
from signal_log.show.query.query import PLACES, Query, parse
from signal_log.show.replica import from_the_replica
from signal_log.show.unprinted import unprinted
from signal_log.show.words.hits import hits_of
from signal_log.show.words.moments import zone
from signal_log.show.words.text import visible
from signal_log.store.read import as_mapping
from signal_log.tail import wire

Page = Merged[SignalEvent]
NO_EXPORT: Final = (
    "An export is of one log, with what it is checked by. Export each at its own installation, this one from its "
    "history; what this page shows is to be had as format=json."
)


@reads
@for_observers
@formats("json", *FORMATS)
@from_the_replica
def logs_page(request: HttpRequest) -> HttpResponse:
    """The page, or the same as values (``?format=json``); 400 with what is wrong with the address."""
    sent = request.GET
    query = parse(sent, own=(FORMAT, SIZE, *PLACES))
    places = {key: _places(query, key, sent.getlist(key)) for key in PLACES}
    chosen = format_of(request)
    if chosen == "json":
        return _json(request, query, places)
    if chosen:
        query.problems[FORMAT] = NO_EXPORT
    return _page(request, query, places)


def _places(query: Query, key: str, texts: list[str]) -> Places:
    try:
        return parse_places(key, texts)
    except FilterError as error:
        query.problems[key] = str(error)
        return {}


def _read(query: Query, places: Mapping[str, Places], *, size: int, every: bool) -> Answered:
    question = Question(
        query,
        size=size,
        before=places["before"],
        after=places["after"],
        leave_out=None if every else FOLDED_AWAY,
        keep=list if every else fold,
    )
    return ask_all_logs(question)


def _note_seen(request: HttpRequest, answered: Answered) -> None:
    for log in answered.logs:
        events = [event for origin, event in answered.page.events if origin == log.origin]
        if log.is_own:
            listed(request, events)
        else:
            listed_elsewhere(request, events, log.origin)


def _page(request: HttpRequest, query: Query, places: Mapping[str, Places]) -> HttpResponse:
    path = request.path
    context: dict[str, Any] = {
        "query": query,
        "pills": query.pills(path),
        "q_value": query.one("q"),
        "wrong": wrong(query),
        "problems": query.problems,
        "path": path,
        "zone": zone(),
        "own_url": query.link(url("events")),
        "every_url": query.link(path, every=None if query.every else "1"),
        "newest_url": query.link(path),
        "is_newest": not any(places.values()),
        "is_alone": not conf.LOGS,
        "accepted": ACCEPTED,
    }
    if query.problems:
        return render(request, "signal_log/logs.html", context, status=400)
    answered = _read(query, places, size=PAGE_SIZE, every=query.every)
    _note_seen(request, answered)
    by_origin = {log.origin: log for log in answered.logs}
    pins.mark(event for origin, event in answered.page.events if by_origin[origin].is_own)
    narrow = partial(query.link, path)
    lines = [LogLine(event, query.every, narrow, log=by_origin[origin]) for origin, event in answered.page.events]
    context |= {
        "lines": unprinted(lines),
        "hits": hits_of(query.given),
        "logs": answered.logs,
        "missing": [visible(sentence) for sentence in answered.problems],
        "searching": unprinted((log.origin, at) for log, at in answered.searching),
        "joined": unprinted(answered.joined),
        "archived": reaches_to(),
        **_beside(query, path, answered.page),
    }
    return render(request, "signal_log/logs.html", context)


def _beside(query: Query, path: str, page: Page) -> dict[str, str]:
    return {
        "older_url": query.link(path, before=written(page.older)) if page.older is not None else "",
        "newer_url": query.link(path, after=written(page.newer)) if page.newer is not None else "",
    }


def _json(request: HttpRequest, query: Query, places: Mapping[str, Places]) -> HttpResponse:
    """Signals of all logs, each with its ``log`` and the ``url`` of its page; ``older`` are values of ``before``."""
    size = size_of(query, request.GET)
    if query.problems:
        return JsonResponse(query.refusal, status=400)
    answered = _read(query, places, size=size, every=True)
    _note_seen(request, answered)
    about = orjson.dumps(
        {
            "older": None if answered.page.older is None else written(answered.page.older),
            "newer": None if answered.page.newer is None else written(answered.page.newer),
            "logs": [{"origin": log.origin, "url": log.url, "is_own": log.is_own} for log in answered.logs],
            "problems": answered.problems,
            "joined": {origin: timestamp(at) for origin, at in answered.joined},
            "searched_to": {log.origin: timestamp(at) for log, at in answered.searching},
            "since": query.since and timestamp(query.since),
            "until": query.until and timestamp(query.until),
        }
    ).decode()
    by_origin = {log.origin: log for log in answered.logs}
    events = ",".join(_encoded(request, by_origin[origin], event) for origin, event in answered.page.events)
    return HttpResponse(f'{{"events":[{events}],{about[1:]}', content_type="application/json")


def _encoded(request: HttpRequest, log: Log, event: SignalEvent) -> str:
    address = LogLine(event, log=log).url
    address = request.build_absolute_uri(address) if address and log.is_own else address
    return wire.encode({"log": log.origin, "url": address, **as_mapping(event)}).text
