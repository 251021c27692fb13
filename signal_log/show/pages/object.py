"""``/objects/<label>/<pk>/``: the story of one row and its relatives, and their state at any time."""

from __future__ import annotations

from datetime import datetime
from functools import cache
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
from signal_log.show.query.archived import of_row as of_archive
from signal_log.show.query.compare import KEYS as COMPARED
from signal_log.show.query.compare import compared, moments
from signal_log.show.query.paging import newest_named, newest_of, newest_telling, span_for
from signal_log.show.query.query import parse
from signal_log.show.story.admin_form import may_restore_some
from signal_log.show.story.asked import of_row
from signal_log.show.story.gone import Gone, gone_of
from signal_log.show.story.moment import state_of
from signal_log.show.story.relations import CHOSEN, SEARCH, chosen, model_of, relations_of
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


@reads
@for_observers
@formats(REPORT)
def object_page(request: HttpRequest, label: str, pk: str = "") -> HttpResponse:
    """A row's page, also for deleted rows; 404 if nothing was recorded for it, 503 if only the archive knows that."""
    pk = pk or request.GET.get("pk", "")
    labels = labels_of_row(label)
    recorded = of_row(labels, pk)
    span = span_for(recorded) if pk and "\x00" not in label + pk else NOTHING
    newest = newest_of(recorded, span)
    gone = gone_of(labels)
    archived = cache(lambda: of_archive(labels, pk))
    if newest is None and archived().events:
        newest = archived().events[0]
    if newest is None:
        if archived().problem:
            return not_known(request, "The archive was not read", _unread(label, pk, archived().problem))
        return not_found(request, "No events for this object", _why_nothing(label, labels, pk, gone))
    query = parse(request.GET, own=("at", "pk", FORMAT, CHOSEN, SEARCH, *COMPARED))
    problems = [*query.problems.values()]
    at = two = comparison = None
    try:
        at = parse_moment("at", request.GET.get("at", ""))
        two = None if problems else moments(request.GET)
        comparison = None if problems or two else compared(recorded, request.GET)
    except ValueError as error:
        problems.append(str(error))
    relations = relations_of(label)
    wanted = chosen(relations, request.GET.getlist(CHOSEN) if CHOSEN in request.GET else None)
    address = object_url(label, pk)
    telling = newest_telling(recorded, span) or next(filter(tells, archived().events), None)
    named = newest_named(recorded, span, telling) or newest.object_repr
    title = one_line(named or pk, 120)
    context: dict[str, Any] = {
        "label": visible(label),
        "model": kinds.model_name(label),
        "pk": visible(pk),
        "also": [other for other in labels if other != label],
        "newest": newest,
        "is_gone": telling is not None and is_end(telling, ends_with(label, labels)),
        "title": title,
        "object_admin_url": admin_url(request, newest),
        "path": address.partition("?")[0],
        "address": address,
        "pk_in_query": pk if "?" in address else "",
        "at_typed": request.GET.get("at", ""),
        "at": at,
        "problems": problems,
        "query": query,
        "zone": zone(),
        "search_url": link(request, **{SEARCH: "1"}) if any(relation.points_here for relation in wanted) else "",
        "relations": [(relation, relation in wanted) for relation in relations],
        "gone": gone,
        "logs_url": in_all_logs("object", f"{label}/{pk}"),
        "unknown_words": gone.unknown,
    }
    context["guarded"] = Guarded(request, newest.sender, labels, pk)
    context["restore_url"] = _restore_url(request, telling or newest, at, is_gone=context["is_gone"])
    context["report_url"] = in_query(address, format=REPORT) if may(request.user, EXPORT) else ""
    if problems:
        return render(request, "signal_log/object.html", context, status=400)
    if format_of(request) == REPORT:
        what = f"{visible(label)} with the key {visible(pk)}: what was done to it, without its relatives"
        filters = {"object": [f"{one}/{pk}" for one in labels]}
        about = About(f"{context['model']} {title}", what, filters, address, row_in_archive(labels, pk))
        return report(request, about, recorded, query)
    if comparison:
        context["comparison"] = comparison
        return render(request, "signal_log/object.html", context)
    relatives = relatives_of(recorded, span, telling or newest, label, wanted, search=bool(request.GET.get(SEARCH)))
    _note_seen(request, relatives)
    if two:
        states = [state_of(recorded, span, label, moment, archived().events) for moment in two]
        then = [relatives_then(relatives, state, pk, moment) for state, moment in zip(states, two, strict=True)]
        own = differences(title, address, *states)
        context |= {
            "archived": archived(), "moments": two, "own": own, "states": states,
            "others": unprinted(relatives_differ(*then)),
        }  # fmt: skip
    elif at:
        state = state_of(recorded, span, label, at, archived().events)
        context |= {
            "state": state,
            "archived": archived(),
            "relatives": unprinted(relatives_then(relatives, state, pk, at)),
        }
        context["never_seen"] = state.presence == NEVER_SEEN
        if state.looked_back_to:
            context["unknown_words"] = "unknown: not in the events that were looked at"
    else:
        found = [] if span.scan else breaks_of_row(labels, pk)
        context |= story(request, recorded, span, newest, relatives, query, found, archived)
        context |= {"broken": unprinted(described(found)), "hot": span.scan}
        if not span.scan and recorded.order_by()[: MOST_OF_A_ROW + 1].count() > MOST_OF_A_ROW:
            context["followed"] = MOST_OF_A_ROW
    return render(
        request, "signal_log/object.html", context | {"cut": relatives.cut, "searched_to": relatives.searched_to}
    )


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
