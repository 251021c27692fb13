"""``/objects/<label>/<pk>/``: the complete history of one row, and its state at any time."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from signal_log.audit.breaks import breaks_of_row
from signal_log.capture.model.same_row import ends_with
from signal_log.rows import labels_of_row
from signal_log.show.access import for_observers
from signal_log.show.admin_links import admin_url
from signal_log.show.links import field_names, in_query, object_url
from signal_log.show.pages.history import FOLDED_AWAY, fold
from signal_log.show.pages.not_found import not_found
from signal_log.show.query.compare import KEYS as COMPARED
from signal_log.show.query.compare import compared
from signal_log.show.query.paging import count, read_page
from signal_log.show.query.query import Query, parse
from signal_log.show.unprinted import unprinted
from signal_log.show.words import kinds
from signal_log.show.words.broken import described
from signal_log.show.words.moments import parse_moment, zone
from signal_log.show.words.operations import Line
from signal_log.show.words.state import State, is_end, state_at
from signal_log.show.words.text import one_line, visible
from signal_log.store.read import events
from signal_log.store.span import Events, Span

PAGE_SIZE: Final = 30
MAX_READ: Final = 5_000
"""How many events to read before and after ``?at=`` to reconstruct the state."""


@require_safe
@for_observers
def object_page(request: HttpRequest, label: str, pk: str = "") -> HttpResponse:
    """A row's page, also for deleted rows; 404 if nothing was recorded for it."""
    pk = pk or request.GET.get("pk", "")
    labels = labels_of_row(label)
    recorded = of_row(labels, pk)
    newest = None if not pk or "\x00" in label + pk else recorded.order_by("-pk").first()
    if newest is None:
        return not_found(request, "No events for this object", _why_nothing(label, labels, pk))
    ending = ends_with(label, labels)
    query = parse(request.GET, own=("at", "pk", *COMPARED))
    problems = [*query.problems.values()]
    at = comparison = None
    try:
        at = parse_moment("at", request.GET.get("at", ""))
        comparison = None if problems else compared(recorded, request.GET)
    except ValueError as error:
        problems.append(str(error))
    address = object_url(label, pk)
    context: dict[str, Any] = {
        "label": visible(label),
        "model": kinds.model_name(label),
        "pk": visible(pk),
        "also": [other for other in labels if other != label],
        "newest": newest,
        "is_gone": is_end(newest, ending),
        "title": one_line(newest.object_repr or newest.object_pk, 120),
        "object_admin_url": admin_url(request, newest),
        "path": address,
        "pk_in_query": pk if "?" in address else "",
        "at_typed": request.GET.get("at", ""),
        "at": at,
        "problems": problems,
        "query": query,
        "zone": zone(),
    }
    if comparison and not problems:
        context["comparison"] = comparison
    elif not problems:
        context |= {"state": _state(recorded, at, label, ending)} if at else _history(recorded, query, address)
        context["broken"] = unprinted([] if at else described(breaks_of_row(labels, pk)))
    return render(request, "signal_log/object.html", context, status=400 if problems else 200)


def of_row(labels: tuple[str, ...], pk: str) -> Events:
    """All events of one row, under whichever of these labels it was recorded."""
    return events().filter(sender__in=labels, object_pk=pk)


def _history(recorded: Events, query: Query, address: str) -> dict[str, Any]:
    page = read_page(
        recorded if query.every else recorded.exclude(FOLDED_AWAY),
        Span(),
        size=PAGE_SIZE,
        before=query.before,
        after=query.after,
        keep=list if query.every else fold,
    )

    def page_url(**where: str) -> str:
        params = {"every": "1"} if query.every else {}
        return in_query(address, **params, **where)

    lines = [Line(event, query.every) for event in page.events]
    telling = [line.event.pk for line in lines if line.tells]
    return {
        "page": page,
        "lines": unprinted(lines),
        "comparable": (telling[-1], telling[0]) if len(telling) > 1 else (),
        "total": count(recorded, Span()),
        "older_url": page.older and page_url(before=str(page.older)),
        "newer_url": page.newer and page_url(after=str(page.newer)),
        "every_url": in_query(address, **({} if query.every else {"every": "1"})),
        "is_newest": not query.before and not query.after,
    }


def _state(recorded: Events, at: datetime, label: str, ending: frozenset[str]) -> State:
    before = recorded.filter(occurred_at__lte=at).order_by("-pk")[:MAX_READ]
    after = recorded.filter(occurred_at__gt=at).order_by("pk")[:MAX_READ]
    return state_at(before, after, field_names(label), ending)


def _why_nothing(label: str, labels: tuple[str, ...], pk: str) -> str:
    shown = one_line(label, 80)
    if not field_names(label):
        return f"There is no model “{shown}”, and the log has no events under that name. Check the address."
    if not pk:
        return f"The address names the model {shown}, but not which object. Add its key."
    if not events().filter(sender__in=labels).order_by()[:1].exists():
        return f'The log has no events for {shown}. Check that the model is listed in SIGNAL_LOG["MODELS"].'
    return f"The log has no events for the {shown} with the key “{one_line(pk, 80)}”."
