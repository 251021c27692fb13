"""``/objects/<label>/<pk>/``: the story of one row and its relatives, and their state at any time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from signal_log.audit.breaks.continuity import tells
from signal_log.audit.breaks.reading import MOST_OF_A_ROW, breaks_of_row
from signal_log.audit.reads import Seen, record_seen
from signal_log.capture.model.same_row import ends_with
from signal_log.conf import conf
from signal_log.models import SignalEvent
from signal_log.permission import EXPORT, may
from signal_log.rows import labels_of_row
from signal_log.show.access import for_observers
from signal_log.show.admin_links import admin_url
from signal_log.show.formats import FORMAT, format_of, formats
from signal_log.show.links import field_names, in_query, object_url, url
from signal_log.show.logs.named import in_all_logs
from signal_log.show.methods import reads
from signal_log.show.pages.guarded import Guarded
from signal_log.show.pages.not_found import not_found, not_known
from signal_log.show.pages.report import NAME as REPORT
from signal_log.show.pages.report import About, report
from signal_log.show.pages.story import link, story
from signal_log.show.query.archive_columns import of_row as row_in_archive
from signal_log.show.query.archived import Archived
from signal_log.show.query.archived import of_row as archived_row
from signal_log.show.query.compare import KEYS as COMPARED
from signal_log.show.query.compare import Comparison, compared, moments
from signal_log.show.query.paging import newest_named, newest_of, newest_telling, span_for
from signal_log.show.query.query import Query, parse
from signal_log.show.story.admin_form import may_restore_some
from signal_log.show.story.asked import of_row
from signal_log.show.story.gone import Gone, gone_of
from signal_log.show.story.moment import state_of
from signal_log.show.story.relations import CHOSEN, SEARCH, Relation, chosen, model_of, relations_of
from signal_log.show.story.relatives import Relatives, relatives_of
from signal_log.show.story.then import differences, relatives_differ, relatives_then
from signal_log.show.unprinted import unprinted
from signal_log.show.words import kinds
from signal_log.show.words.broken import described
from signal_log.show.words.moments import iso, parse_moment, zone
from signal_log.show.words.state import NEVER_SEEN, is_end
from signal_log.show.words.text import one_line, visible
from signal_log.store.read import events
from signal_log.store.span import NOTHING


class Recorded:
    """What the log has of one row, under whichever of its labels."""

    def __init__(self, label: str, pk: str) -> None:
        self.label, self.pk = label, pk
        self.labels = labels_of_row(label)
        self.events = of_row(self.labels, pk)
        self.span = span_for(self.events) if pk and "\x00" not in label + pk else NOTHING
        self.newest = newest_of(self.events, self.span) or next(iter(self.archived.events), None)
        self.gone = gone_of(self.labels)

    @cached_property
    def archived(self) -> Archived:
        """What the archive has of it, which is not read before it is asked for."""
        return archived_row(self.labels, self.pk)

    @cached_property
    def telling(self) -> SignalEvent | None:
        """The newest event that tells of its values."""
        return newest_telling(self.events, self.span) or next(filter(tells, self.archived.events), None)

    @cached_property
    def title(self) -> str:
        """What it is called, or else its key."""
        named = newest_named(self.events, self.span, self.telling)
        return one_line(named or (self.newest and self.newest.object_repr) or self.pk, 120)

    @property
    def is_gone(self) -> bool:
        """Whether it was deleted."""
        return self.telling is not None and is_end(self.telling, ends_with(self.label, self.labels))


@dataclass(slots=True)
class Asked:
    """What of a row is asked for: its state at a moment, what differs between two, or else its story."""

    query: Query
    relations: list[Relation]
    wanted: list[Relation]
    """Those whose rows are shown beside it."""
    problems: list[str]
    at: datetime | None = None
    two: tuple[datetime, datetime] | None = None
    comparison: Comparison | None = None


@reads
@for_observers
@formats(REPORT)
def object_page(request: HttpRequest, label: str, pk: str = "") -> HttpResponse:
    """A row's page, also for deleted rows; 404 if nothing was recorded for it, 503 if only the archive knows that."""
    row = Recorded(label, pk or request.GET.get("pk", ""))
    if row.newest is None:
        return _nothing(request, row)
    asked = _asked(request, row)
    context = _context(request, row, row.newest, asked)
    if asked.problems:
        return render(request, "signal_log/object.html", context, status=400)
    if format_of(request) == REPORT:
        return _report(request, row, asked.query)
    if asked.comparison:
        return render(request, "signal_log/object.html", context | {"comparison": asked.comparison})
    relatives = relatives_of(
        row.events, row.span, row.telling or row.newest, label, asked.wanted, search=bool(request.GET.get(SEARCH))
    )
    _note_seen(request, relatives)
    context |= {"cut": relatives.cut, "searched_to": relatives.searched_to}
    if asked.two:
        context |= _between(row, relatives, asked.two)
    elif asked.at:
        context |= _at(row, relatives, asked.at)
    else:
        context |= _story(request, row, row.newest, relatives, asked.query)
    return render(request, "signal_log/object.html", context)


def _nothing(request: HttpRequest, row: Recorded) -> HttpResponse:
    if row.archived.problem:
        return not_known(request, "The archive was not read", _unread(row.label, row.pk, row.archived.problem))
    return not_found(request, "No events for this object", _why_nothing(row.label, row.labels, row.pk, row.gone))


def _asked(request: HttpRequest, row: Recorded) -> Asked:
    query = parse(request.GET, own=("at", "pk", FORMAT, CHOSEN, SEARCH, *COMPARED))
    relations = relations_of(row.label)
    wanted = chosen(relations, request.GET.getlist(CHOSEN) if CHOSEN in request.GET else None)
    asked = Asked(query, relations, wanted, [*query.problems.values()])
    try:
        asked.at = parse_moment("at", request.GET.get("at", ""))
        asked.two = None if asked.problems else moments(request.GET)
        asked.comparison = None if asked.problems or asked.two else compared(row.events, request.GET)
    except ValueError as error:
        asked.problems.append(str(error))
    return asked


def _context(request: HttpRequest, row: Recorded, newest: SignalEvent, asked: Asked) -> dict[str, Any]:
    """What stands above everything that can be asked for."""
    address = object_url(row.label, row.pk)
    can_search = any(relation.points_here for relation in asked.wanted)
    return {
        "label": visible(row.label),
        "model": kinds.model_name(row.label),
        "pk": visible(row.pk),
        "also": [other for other in row.labels if other != row.label],
        "newest": newest,
        "is_gone": row.is_gone,
        "title": row.title,
        "object_admin_url": admin_url(request, newest),
        "path": address.partition("?")[0],
        "address": address,
        "pk_in_query": row.pk if "?" in address else "",
        "at_typed": request.GET.get("at", ""),
        "at": asked.at,
        "problems": asked.problems,
        "query": asked.query,
        "zone": zone(),
        "search_url": link(request, **{SEARCH: "1"}) if can_search else "",
        "relations": [(relation, relation in asked.wanted) for relation in asked.relations],
        "gone": row.gone,
        "logs_url": in_all_logs("object", f"{row.label}/{row.pk}"),
        "unknown_words": row.gone.unknown,
        "guarded": Guarded(request, newest.sender, row.labels, row.pk),
        "restore_url": _restore_url(request, row.telling or newest, asked.at, is_gone=row.is_gone),
        "report_url": in_query(address, format=REPORT) if may(request.user, EXPORT) else "",
    }


def _report(request: HttpRequest, row: Recorded, query: Query) -> HttpResponse:
    title = f"{kinds.model_name(row.label)} {row.title}"
    what = f"{visible(row.label)} with the key {visible(row.pk)}: what was done to it, without its relatives"
    filters = {"object": [f"{one}/{row.pk}" for one in row.labels]}
    about = About(title, what, filters, object_url(row.label, row.pk), row_in_archive(row.labels, row.pk))
    return report(request, about, row.events, query)


def _between(row: Recorded, relatives: Relatives, two: tuple[datetime, datetime]) -> dict[str, Any]:
    states = [state_of(row.events, row.span, row.label, moment, row.archived.events) for moment in two]
    then = [relatives_then(relatives, state, row.pk, moment) for state, moment in zip(states, two, strict=True)]
    return {
        "archived": row.archived,
        "moments": two,
        "own": differences(row.title, object_url(row.label, row.pk), *states),
        "states": states,
        "others": unprinted(relatives_differ(*then)),
    }


def _at(row: Recorded, relatives: Relatives, at: datetime) -> dict[str, Any]:
    state = state_of(row.events, row.span, row.label, at, row.archived.events)
    found = {
        "state": state,
        "archived": row.archived,
        "relatives": unprinted(relatives_then(relatives, state, row.pk, at)),
        "never_seen": state.presence == NEVER_SEEN,
    }
    if state.looked_back_to:
        found["unknown_words"] = "unknown: not in the events that were looked at"
    return found


def _story(
    request: HttpRequest, row: Recorded, newest: SignalEvent, relatives: Relatives, query: Query
) -> dict[str, Any]:
    is_hot = row.span.scan  # it has so many events that they are not all looked through
    broken = [] if is_hot else breaks_of_row(row.labels, row.pk)
    told = story(request, row.events, row.span, newest, relatives, query, broken, lambda: row.archived)
    told |= {"broken": unprinted(described(broken)), "hot": is_hot}
    if not is_hot and row.events.order_by()[: MOST_OF_A_ROW + 1].count() > MOST_OF_A_ROW:
        told["followed"] = MOST_OF_A_ROW
    return told


def _note_seen(request: HttpRequest, relatives: Relatives) -> None:
    """The page shows the relatives too, and ``READS`` may name their models."""
    if conf.READS and request.method == "GET":
        rows = [(model_of(relation.label), key) for relation, key in relatives.rows()]
        record_seen([Seen(model, pk=key) for model, key in rows if model is not None], by_page=True)


def _restore_url(request: HttpRequest, newest: SignalEvent, at: datetime | None, *, is_gone: bool) -> str:
    """Where the state at that moment, or from before the deletion, is offered for a form; empty if it is not."""
    if not (at or is_gone) or not may_restore_some(request, newest.sender):
        return ""
    when = {"at": iso(at)} if at else {"event": str(newest.pk)}
    return url("restore", label=newest.sender, pk=newest.object_pk, **when)


def _unread(label: str, pk: str, problem: str) -> str:
    which = f"the {one_line(label, 80)} with the key “{one_line(pk, 80)}”"
    return f"The table has no events for {which}, and older ones are in the archive, which was not read. {problem}"


def _why_nothing(label: str, labels: tuple[str, ...], pk: str, gone: Gone) -> str:
    shown = one_line(label, 80)
    if not field_names(label):
        return f"There is no model “{shown}”, and the log has no events under that name. Check the address."
    if not pk:
        return f"The address names the model {shown}, but not which object. Add its key."
    if not events().filter(sender__in=labels).order_by()[:1].exists():
        return f'The log has no events for {shown}. Check that the model is listed in SIGNAL_LOG["MODELS"].'
    why = f"The log has no events for the {shown} with the key “{one_line(pk, 80)}”."
    return " ".join([why, *(words for words, _ in gone.notes)])
