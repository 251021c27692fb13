"""The story of an object and its relatives, one line an operation; of a user also what was done *by* them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q
from django.http import HttpRequest

from signal_log.audit.breaks import found_breaks
from signal_log.audit.breaks.continuity import Break
from signal_log.event import BASELINE
from signal_log.models import SignalEvent
from signal_log.rows import labels_of_row
from signal_log.show.links import actor_url, field_names, with_query
from signal_log.show.pages.history import FOLDED_AWAY, fold, standing
from signal_log.show.query.archived import NOTHING, Archived, joined
from signal_log.show.query.paging import count, read_page, span_for
from signal_log.show.query.query import MOMENTS, PLACES, Pill, Query
from signal_log.show.story.admin_form import may_restore_some
from signal_log.show.story.line import StoryLine, is_of
from signal_log.show.story.relatives import Relatives
from signal_log.show.unprinted import unprinted
from signal_log.store.read import HAS_KEY, events, filtered
from signal_log.store.span import Events, Span

PAGE_SIZE: Final = 30
BY_SIZE: Final = 20
"""How many operations by a user are shown beside those on them."""


@dataclass(frozen=True, slots=True)
class Part:
    """One column: its lines, the two events that are chosen to be compared, and where there is more."""

    title: str
    lines: Sequence[StoryLine] = field(repr=False)
    comparable: tuple[int, ...] = ()
    more_url: str = ""
    has_more: bool = False


def story(
    request: HttpRequest, recorded: Events, span_of_all: Span, newest: SignalEvent, relatives: Relatives, query: Query,
    broken: Sequence[Break] = (), archived: Callable[[], Archived] = lambda: NOTHING,
) -> dict[str, Any]:  # fmt: skip
    """The context of the timeline of a row: ``recorded`` is all its events, in that span, and ``broken`` its breaks."""
    labels, pk = labels_of_row(newest.sender), newest.object_pk
    found = events().filter(Q(sender__in=labels, object_pk=pk) | relatives.condition) if relatives else recorded
    found = narrowed(found, query)
    span = span_for(found) if relatives or query.is_narrowed else span_of_all
    page = read_page(
        found if query.every else found.exclude(FOLDED_AWAY),
        span,
        size=PAGE_SIZE,
        before=query.before,
        after=query.after,
        keep=list if query.every else fold,
    )
    is_end = page.older is None and not any(event.created for event in page.events)
    read = archived() if is_end or query.before or query.after else NOTHING
    page, told = joined(
        page, read, query.filters, size=PAGE_SIZE, before=query.before, after=query.after, every=query.every,
        since=query.since, until=query.until,
    )  # fmt: skip
    found_breaks.mark(page.events, broken)
    restorable = {label for label in {event.sender for event in page.events} if may_restore_some(request, label)}
    lines = [
        StoryLine(event, query.every, is_own=is_of(event, labels, pk), can_restore=event.sender in restorable)
        for event in page.events
    ]
    telling = [line.event.pk for line in lines if line.tells and line.is_own]
    comparable = (telling[-1], telling[0]) if len(telling) > 1 else ()
    by = _by(labels, pk, query)
    return {
        "page": page,
        "archived": told,
        "comparable": comparable,
        "parts": [Part("On this user" if by else "History", unprinted(lines), comparable), *by],
        "total": count(found if query.every else standing(found), Span()),
        "older_url": page.older and link(request, before=str(page.older)),
        "newer_url": page.newer and link(request, after=str(page.newer)),
        "newest_url": link(request),
        "every_url": link(request, every="" if query.every else "1"),
        "is_newest": not query.before and not query.after,
        "is_narrowed": query.is_narrowed,
        "begins": any(event.created or event.signal == BASELINE for event in page.events[-2:]),
        "pills": pills(request, query),
        **typed(query),
        "names": _names(labels, relatives, query.given.get("field", [])),
    }


def narrowed(found: Events, query: Query) -> Events:
    """Those that match the filters and the time range."""
    found = filtered(found, query.filters)
    if query.since is not None:
        found = found.filter(occurred_at__gte=query.since)
    return found if query.until is None else found.filter(occurred_at__lte=query.until)


def typed(query: Query) -> dict[str, str]:
    """What the form of filters holds."""
    given = {f"{key}_typed": (query.given.get(key) or [""])[-1] for key in MOMENTS}
    return given | {f"{key}_typed": query.one(key) for key in ("q", "actor", "field")}


def pills(request: HttpRequest, query: Query) -> list[Pill]:
    """The active filters, each with the URL without it; the page's own keys stay."""
    own = with_query("", {key: request.GET.getlist(key) for key in request.GET if key not in query.given}).lstrip("?")
    found = query.pills(request.path)
    return [replace(pill, without=_joined(pill.without, own)) for pill in found]


def _joined(address: str, query: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}{query}" if query else address


def link(request: HttpRequest, **changed: str) -> str:
    """The page's URL with values replaced (empty: removed), from its first page on."""
    given = {key: request.GET.getlist(key) for key in request.GET if key not in PLACES}
    return with_query(request.path, given | {key: [value] for key, value in changed.items()})


def _names(labels: Sequence[str], relatives: Relatives, fields: Sequence[str]) -> list[str]:
    """The fields to choose from: the row's, then its relatives'."""
    told = [*labels, *(relation.label for relation, keys in relatives.keys.items() if keys)]
    return list(dict.fromkeys([*(name for label in told for name in field_names(label)), *fields]))


def _by(labels: Sequence[str], pk: str, query: Query) -> list[Part]:
    """What the user who is the object has done, newest first; nothing for other objects."""
    if not _are_users(labels):
        return []
    found = narrowed(events().filter(HAS_KEY, actor_pk=pk), query)
    top = read_page(
        found if query.every else found.exclude(FOLDED_AWAY),
        span_for(found),
        size=BY_SIZE,
        keep=list if query.every else fold,
    )
    lines = [StoryLine(event, query.every, is_own=False) for event in top.events]
    return [Part("By this user", unprinted(lines), (), actor_url(pk), top.older is not None)]


def _are_users(labels: Sequence[str]) -> bool:
    try:
        return get_user_model()._meta.label in labels
    except ImproperlyConfigured:
        return False
