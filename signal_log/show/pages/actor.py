"""``/actors/<pk>/``: what one account did, newest first, also after it was deleted."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from signal_log.models import SignalEvent
from signal_log.rows import labels_of_row
from signal_log.show.access import for_observers
from signal_log.show.links import actor_url, object_url
from signal_log.show.pages.history import FOLDED_AWAY, fold
from signal_log.show.pages.not_found import not_found
from signal_log.show.pages.story import Part, link, narrowed, pills, typed
from signal_log.show.query.choices import choices
from signal_log.show.query.paging import read_page
from signal_log.show.query.query import Query, parse
from signal_log.show.story.line import StoryLine
from signal_log.show.unprinted import unprinted
from signal_log.show.words.moments import zone
from signal_log.show.words.text import one_line, visible
from signal_log.store.read import HAS_KEY, events
from signal_log.store.span import Events, Span

PAGE_SIZE: Final = 50
NAMES_FROM: Final = 200
"""How many of the newest events tell which names the account has had."""
SELECTS: Final = ("sender", "signal", "outcome", "source")


@require_safe
@for_observers
def actor_page(request: HttpRequest, pk: str = "") -> HttpResponse:
    """An account's page; 404 if the log has nothing that it did."""
    pk = pk or request.GET.get("pk", "")
    done = by_actor(pk)
    newest = None if not pk or "\x00" in pk else done.order_by("-pk").first()
    if newest is None:
        shown = one_line(pk, 80)
        why = f"The log has nothing that the account with the key “{shown}” did." if pk else "The address names no key."
        return not_found(request, "No events by this account", why)
    query = parse(request.GET, own=("pk",))
    names = list(dict.fromkeys(done.order_by("-pk").values_list("actor_repr", flat=True)[:NAMES_FROM]))
    address = actor_url(pk)
    context: dict[str, Any] = {
        "title": one_line(newest.actor_repr or pk, 120),
        "pk": visible(pk),
        "label": "",
        "former": [one_line(name, 80) for name in names[1:] if name],
        "newest": newest,
        "oldest": done.order_by("pk").first(),
        "about_url": _about(pk),
        "address": address,
        "path": address.partition("?")[0],
        "pk_in_query": pk if "?" in address else "",
        "query": query,
        "pills": pills(request, query),
        "problems": list(query.problems.values()),
        "zone": zone(),
        "selects": unprinted(_selects(query)),
        **typed(query),
    }
    if not query.problems:
        context |= _lines(request, narrowed(done, query), query)
        context["is_narrowed"] = query.is_narrowed
    return render(request, "signal_log/actor.html", context, status=400 if query.problems else 200)


def by_actor(pk: str) -> Events:
    """All events that this account caused."""
    return events().filter(HAS_KEY, actor_pk=pk)


def _lines(request: HttpRequest, found: Events, query: Query) -> dict[str, Any]:
    page = read_page(
        found if query.every else found.exclude(FOLDED_AWAY),
        Span(),
        size=PAGE_SIZE,
        before=query.before,
        after=query.after,
        keep=list if query.every else fold,
    )
    return {
        "page": page,
        "parts": [Part("Operations", unprinted(StoryLine(event, query.every, is_own=False) for event in page.events))],
        "older_url": page.older and link(request, before=str(page.older)),
        "newer_url": page.newer and link(request, after=str(page.newer)),
        "newest_url": link(request),
        "every_url": link(request, every="" if query.every else "1"),
        "is_newest": not query.before and not query.after,
    }


def _selects(query: Query) -> list[dict[str, Any]]:
    offered = choices()
    return [
        {
            "name": name,
            "value": query.one(name),
            "options": list(dict.fromkeys([*offered[name], *filter(None, [query.one(name)])])),
        }
        for name in SELECTS
    ]


def _about(pk: str) -> str:
    """The page of what was done *to* the account; empty if nothing of that was recorded."""
    try:
        label = get_user_model()._meta.label
    except ImproperlyConfigured:
        return ""
    recorded = SignalEvent.objects.using(events().db).filter(sender__in=labels_of_row(label), object_pk=pk)
    return object_url(label, pk) if recorded.order_by()[:1].exists() else ""
