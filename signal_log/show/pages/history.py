"""``/events/``: the whole log, newest first, filtered by the query string."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from signal_log.audit import pins
from signal_log.audit.breaks import found_breaks
from signal_log.audit.shown import listed
from signal_log.conf import conf
from signal_log.event import COMMITTED
from signal_log.models import SignalEvent
from signal_log.permission import EXPORT, may
from signal_log.show.access import for_observers
from signal_log.show.export import answer, json, receivers
from signal_log.show.formats import FORMAT, format_of, formats
from signal_log.show.links import field_names, object_url, url
from signal_log.show.methods import reads
from signal_log.show.pages import find, row_compared, shared
from signal_log.show.query import counts, facets, marks, values
from signal_log.show.query.archived import read_on
from signal_log.show.query.choices import choices
from signal_log.show.query.counts import BEGINS_RELATION
from signal_log.show.query.paging import Matches, Page, count, matching, reached_at, read_page
from signal_log.show.query.pills import NAMES
from signal_log.show.query.presets import presets
from signal_log.show.query.query import Query, parse
from signal_log.show.replica import from_the_replica
from signal_log.show.unprinted import unprinted
from signal_log.show.words import kinds
from signal_log.show.words.hits import hits_of
from signal_log.show.words.moments import zone
from signal_log.show.words.operations import folded, lines, undecided
from signal_log.show.words.text import visible
from signal_log.store.read import SENT_BY_HAND, events

PAGE_SIZE: Final = 50
SELECTS: Final = ("signal", "sender", "outcome", "source")
TEXTS: Final = {
    "actor": "name or key",
    "object": "name or app.Model/pk",
    "field": "is_staff",
    "old": "whole value, or null",
    "new": "whole value, or null",
    "value": "on either side",
    "overwrote": "yes, or a field",
    "took": ">100ms",
    "since": "2026-11-22 09:42",
    "until": "2026-11-22 10:00",
}


@reads
@for_observers
@formats("json", receivers.NAME, counts.NAME, facets.NAME, marks.NAME, find.NAME, values.NAME, *answer.FORMATS)
def events_page(request: HttpRequest) -> HttpResponseBase:
    """A page of the history, or the history in another format."""
    chosen = format_of(request)
    if chosen == "json":
        return json.answer(request)
    if chosen == receivers.NAME:
        return receivers.answer(request)
    if chosen == counts.NAME:
        return counts.answer(request.GET, own=(FORMAT,))
    if chosen == facets.NAME:
        return facets.answer(request.GET, own=(FORMAT,))
    if chosen == marks.NAME:
        return marks.answer(request.GET, own=(FORMAT,))
    if chosen == find.NAME:
        return find.answer(request.GET)
    if chosen == values.NAME:
        return values.answer(request.GET, own=(FORMAT,))
    if chosen in answer.FORMATS:
        return from_the_replica(answer.answer)(request, own=(FORMAT,), chosen=chosen)
    if row_compared.is_asked(request.GET):
        return row_compared.row_compared(request)
    return _page(request)


@from_the_replica
def _page(request: HttpRequest) -> HttpResponse:
    """The HTML page; 400 with the values as entered if one is invalid."""
    query = parse(request.GET)
    context = {
        "query": query,
        "pills": query.pills(request.path),
        "selects": unprinted(_selects(query)),
        "texts": unprinted(_texts(query)),
        "q_value": query.one("q"),
        "problems": query.problems,
        "other_problems": [text for key, text in query.problems.items() if key not in ("q", *SELECTS, *TEXTS)],
        "wrong": wrong(query),
        "zone": zone(),
        "observed": ", ".join(conf.MODELS) or 'none (list some in SIGNAL_LOG["MODELS"])',
        "every_url": query.link(request.path, every=None if query.every else "1"),
        "newest_url": query.link(request.path),
        "clear_url": request.path,
        "logs_url": query.link(url("logs")) if conf.LOGS else "",
        "fixed_url": query.fixed(request.path),
        "exports": _exports(request, query),
        "path": request.path,
        "unmeasured": query.filters.needs_times and not conf.TRACES,
        "shared": unprinted(shared.in_history()),
        "presets": unprinted((one.name, one.link(request.path), one.query) for one in presets(request.user)),
    }
    if query.problems:
        return render(request, "signal_log/events.html", context, status=400)
    page, total = read(query)
    page, archived = read_on(
        page, query.filters, size=PAGE_SIZE, before=query.before, after=query.after, every=query.every,
        since=query.since, until=query.until,
    )  # fmt: skip
    context["archived"] = archived
    found_breaks.mark(page.events)
    pins.mark(page.events)
    listed(request, page.events)
    context |= {
        "page": page,
        "lines": unprinted(lines(page.events, every=query.every, narrow=partial(query.link, request.path))),
        "hits": hits_of(query.given),
        "total": total,
        "unmatched": [visible(sentence) for sentence in json.why_nothing(query, page)],
        "signals": None if page.events or query.every or not query.is_narrowed else count(*matching(query)),
        "reached_at": reached_at(page),
        "older_url": page.older and query.link(request.path, before=str(page.older)),
        "newer_url": page.newer and query.link(request.path, after=str(page.newer)),
        "is_newest": not query.before and not query.after,
        "named_object": _named_object(query),
    }
    return render(request, "signal_log/events.html", context)


def wrong(query: Query) -> list[dict[str, Any]]:
    """Each problem of a query, with the text before, at and behind its place."""
    found = []
    for place in query.places:
        text, at, end = place["q"], place["at"], place["at"] + place["length"]
        pieces = (visible(piece) for piece in (text[:at], text[at:end], text[end:], place["message"]))
        found.append({"number": at + 1, **dict(zip(("before", "at", "behind", "message"), pieces, strict=True))})
    return found


def _exports(request: HttpRequest, query: Query) -> list[tuple[str, str]]:
    """The formats to export in, with their addresses, for those who may."""
    formats = answer.TITLES.items() if may(request.user, EXPORT) else ()
    return [(title, query.link(request.path, format=name, every=None)) for name, title in formats]


def read(query: Query) -> tuple[Page, Matches]:
    """The requested page, and how many signals match in total."""
    found, span = matching(query)
    page = read_page(
        found if query.every else found.exclude(FOLDED_AWAY),
        span,
        size=PAGE_SIZE,
        before=query.before,
        after=query.after,
        keep=list if query.every else fold,
    )
    if page.searched_to is not None:  # the time limit is already reached
        return page, Matches(len(page.events), exact=False)
    return page, count(found if query.every else standing(found), span)


FOLDED_AWAY: Final = Q(signal__in=kinds.PRE, outcome=COMMITTED) & ~SENT_BY_HAND
"""Pre signals whose operation certainly has a post signal, which represents both."""


_FINISHED: Final = Exists(
    SignalEvent.objects.order_by().filter(
        # As a range: for ``=`` PostgreSQL would read the whole table into a hash.
        trace_id__range=(OuterRef("trace_id"), OuterRef("trace_id")),
        operation=OuterRef("operation"),
        position__gt=F("operation"),
    )
)


def standing(found: QuerySet[SignalEvent]) -> QuerySet[SignalEvent]:
    """Those of these events that stand for an operation each, as ``fold`` leaves them."""
    may_be_alone = (Q(signal__in=kinds.PRE) & ~SENT_BY_HAND & ~Q(outcome=COMMITTED)) | BEGINS_RELATION
    return found.exclude(FOLDED_AWAY).exclude(may_be_alone & Q(_FINISHED))


def fold(found: list[SignalEvent]) -> list[SignalEvent]:
    """One event per operation; queries for post signals only where their existence is uncertain."""
    open_ended = undecided(found)
    if not open_ended:
        return folded(found, ())
    posts: QuerySet[SignalEvent] = events().filter(
        trace_id__in={event.trace_id for event in open_ended},
        operation__in={event.operation for event in open_ended},
        position__gt=F("operation"),
    )
    return folded(found, set(posts.order_by().values_list("trace_id", "operation")))


def _named_object(query: Query) -> str:
    """The history URL of an object named as ``app.Model/key`` in the filter, which an index serves."""
    label, _, pk = query.one("object").partition("/")
    return object_url(label, pk) if pk and field_names(label) else ""


def _selects(query: Query) -> list[dict[str, object]]:
    """The form's selects; the current value is offered even if the log does not contain it."""
    offered = choices()
    return [
        {
            "name": name,
            "label": NAMES.get(name, name),
            "value": query.one(name),
            "options": list(dict.fromkeys([*offered[name], *filter(None, [query.one(name)])])),
            "problem": query.problems.get(name, ""),
        }
        for name in SELECTS
    ]


def _texts(query: Query) -> list[dict[str, str]]:
    return [
        {
            "name": name,
            "label": NAMES.get(name, name),
            "value": query.one(name),
            "hint": hint,
            "problem": query.problems.get(name, ""),
        }
        for name, hint in TEXTS.items()
    ]
