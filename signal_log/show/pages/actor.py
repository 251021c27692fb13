"""``/actors/<pk>/``: what one account did, newest first, also after it was deleted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from signal_log.audit.shown import listed
from signal_log.conf import conf
from signal_log.event import MODEL_SIGNALS, OUTCOMES
from signal_log.models import SignalEvent
from signal_log.permission import EXPORT, may
from signal_log.rows import labels_of_row
from signal_log.seal.iceberg.conditions import Conditions
from signal_log.show.access import for_observers
from signal_log.show.formats import FORMAT, format_of, formats
from signal_log.show.links import actor_url, in_query, object_url
from signal_log.show.logs.named import in_all_logs
from signal_log.show.methods import reads
from signal_log.show.pages.history import FOLDED_AWAY, fold
from signal_log.show.pages.not_found import not_found, not_known
from signal_log.show.pages.report import NAME as REPORT
from signal_log.show.pages.report import About, report
from signal_log.show.pages.story import Part, link, narrowed, pills, typed
from signal_log.show.query.archive_columns import of_account
from signal_log.show.query.archive_reach import reaches_to
from signal_log.show.query.archived import NOTHING as NOT_ARCHIVED
from signal_log.show.query.archived import last_of_account, read_on
from signal_log.show.query.paging import newest_of, read_page, span_for
from signal_log.show.query.query import Query, parse
from signal_log.show.replica import from_the_replica
from signal_log.show.story.line import StoryLine
from signal_log.show.unprinted import unprinted
from signal_log.show.words.moments import zone
from signal_log.show.words.text import one_line, visible
from signal_log.store.read import HAS_KEY, events
from signal_log.store.senders import senders
from signal_log.store.span import NOTHING, Events, Span

PAGE_SIZE: Final = 30
NOT_IN_THE_TABLE: Final = (
    "The table has nothing that this account did, and older events are in the archive, which was not read."
)


@reads
@for_observers
@formats(REPORT)
@from_the_replica
def actor_page(request: HttpRequest, pk: str = "") -> HttpResponse:
    """An account's page; 404 if the log has nothing that it did."""
    pk = pk or request.GET.get("pk", "")
    done = by_actor(pk)
    span = span_for(done) if pk and "\x00" not in pk else NOTHING
    newest = newest_of(done, span)
    archived = NOT_ARCHIVED if newest or span == NOTHING else last_of_account(pk)
    newest = newest or next(iter(archived.events), None)
    if newest is None:
        why = f"The log has nothing that the account with the key “{one_line(pk, 80)}” did."
        if archived.problem:
            return not_known(request, "The archive was not read", f"{NOT_IN_THE_TABLE} {archived.problem}")
        return not_found(request, "No events by this account", why if pk else "The address names no key.")
    query = parse(request.GET, own=("pk", FORMAT))
    address = actor_url(pk)
    context: dict[str, Any] = {
        "title": one_line(newest.actor_repr or pk, 120),
        "pk": visible(pk),
        "label": "",
        "newest": newest,
        "oldest": None if span.scan or reaches_to() else done.order_by("pk").first(),
        "about_url": _about(pk),
        "address": address,
        "path": address.partition("?")[0],
        "pk_in_query": pk if "?" in address else "",
        "query": query,
        "pills": pills(request, query),
        "problems": list(query.problems.values()),
        "zone": zone(),
        "logs_url": in_all_logs("actor", newest.actor_repr),
        **typed(query),
    }
    context["report_url"] = in_query(address, format=REPORT) if may(request.user, EXPORT) else ""
    if format_of(request) == REPORT and not query.problems:
        what = f"The account with the key {visible(pk)}: what it did"
        about = About(context["title"], what, {"actor_pk": [pk]}, address, of_account(pk))
        return report(request, about, done, query)
    if query.problems:
        context["selects"] = unprinted(_selects(query, []))
    else:
        found = narrowed(done, query)
        context |= _lines(request, found, query, span if span.scan else span_for(found), of_account(pk))
        context["is_narrowed"] = query.is_narrowed
    return render(request, "signal_log/actor.html", context, status=400 if query.problems else 200)


def by_actor(pk: str) -> Events:
    """All events that this account caused."""
    return events().filter(HAS_KEY, actor_pk=pk)


def _lines(request: HttpRequest, found: Events, query: Query, span: Span, own: Conditions) -> dict[str, Any]:
    page = read_page(
        found if query.every else found.exclude(FOLDED_AWAY),
        span,
        size=PAGE_SIZE,
        before=query.before,
        after=query.after,
        keep=list if query.every else fold,
    )
    page, archived = read_on(
        page, query.filters, size=PAGE_SIZE, before=query.before, after=query.after, every=query.every,
        since=query.since, until=query.until, of=own,
    )  # fmt: skip
    listed(request, page.events)
    names = dict.fromkeys(event.actor_repr for event in page.events)
    return {
        "page": page,
        "archived": archived,
        "selects": unprinted(_selects(query, page.events)),
        "names": [one_line(name, 80) for name in names if name],
        "parts": [Part("Operations", unprinted(StoryLine(event, query.every, is_own=False) for event in page.events))],
        "older_url": page.older and link(request, before=str(page.older)),
        "newer_url": page.newer and link(request, after=str(page.newer)),
        "newest_url": link(request),
        "every_url": link(request, every="" if query.every else "1"),
        "is_newest": not query.before and not query.after,
    }


def _selects(query: Query, page: Sequence[SignalEvent]) -> list[dict[str, Any]]:
    """The form's selects; what is offered is what is common, and what stands on the page."""
    offered: dict[str, Iterable[str]] = {
        "sender": senders(),
        "signal": (*MODEL_SIGNALS, *conf.EXTRA_SIGNALS, *sorted({event.signal for event in page})),
        "outcome": OUTCOMES,
        "source": sorted({event.source for event in page}),
    }
    return [
        {
            "name": name,
            "value": query.one(name),
            "options": list(dict.fromkeys([*options, *filter(None, [query.one(name)])])),
        }
        for name, options in offered.items()
    ]


def _about(pk: str) -> str:
    """The page of what was done *to* the account; empty if nothing of that was recorded."""
    try:
        label = get_user_model()._meta.label
    except ImproperlyConfigured:
        return ""
    recorded = SignalEvent.objects.using(events().db).filter(sender__in=labels_of_row(label), object_pk=pk)
    return object_url(label, pk) if recorded.order_by()[:1].exists() else ""
