"""``/events/<id>/``: everything that is known about one event."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Final

import orjson
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.vary import vary_on_headers

from signal_log.audit.breaks import found_breaks
from signal_log.audit.own_events import EXPORTED, tell
from signal_log.audit.shown import shown
from signal_log.errors import ProofError
from signal_log.event import FAILED, MASK
from signal_log.models import SignalEvent
from signal_log.permission import EXPORT, may
from signal_log.rows import labels_of_row
from signal_log.seal.redacted import redaction_of, still_holds
from signal_log.seal.verify.proof_file import proof_file
from signal_log.show.access import for_observers
from signal_log.show.admin_links import admin_url
from signal_log.show.export.answer import refused
from signal_log.show.formats import format_of, formats
from signal_log.show.methods import reads
from signal_log.show.pages.not_found import not_found, not_known
from signal_log.show.query import archived
from signal_log.show.query.archive_reach import reaches_to
from signal_log.show.query.past_writes import found_by
from signal_log.show.trace.receivers import answer, known_for, slowest_first, time_taken
from signal_log.show.trace.row_html import Rows
from signal_log.show.trace.tree import Tree
from signal_log.show.words import kinds
from signal_log.show.words.kinds import signal_kind
from signal_log.show.words.missing import missing
from signal_log.show.words.moments import zone
from signal_log.show.words.notes import of_event
from signal_log.show.words.operations import Line, actor_name
from signal_log.show.words.remarks import failure
from signal_log.show.words.sealing import sealed
from signal_log.show.words.text import duration, visible
from signal_log.store.read import as_mapping, events
from signal_log.store.span import LARGEST_ID
from signal_log.telemetry.read import add_calls, trace_row

MAX_SUBTREE: Final = 200
LONGEST_CHAIN: Final = 50
NOT_TOLD: Final = sys.maxsize
"""How long a trace took of which that is not known: only what is slow in any trace is called slow."""


@reads
@csrf_protect
@vary_on_headers("Accept")
@for_observers
@formats("json", "receivers", "proof")
def event_page(request: HttpRequest, number: str) -> HttpResponse:
    """An event's page; JSON for ``?format=json`` or if the client prefers it; ``?format=receivers``, ``proof``."""
    event, read = _read(number)
    lost = ""
    if event is None:
        why = missing(_number(number), number)
        if why.is_lost:
            read, lost = archived.one(int(number), lost=True), why.reason
            event = next(iter(read.events), None)
    if event is None:
        if why.is_archived and read.problem:
            return not_known(request, why.title, f"{why.reason} It was not read there. {read.problem}")
        return not_found(request, why.title, why.reason)
    chosen = format_of(request)
    if chosen == "receivers":
        return answer(event, _slow_calls(event))
    if chosen == "proof":
        return _proof_of(request, event)
    if chosen == "json" or request.get_preferred_type(
        ["text/html", "application/json"]
    ) == "application/json":  # fmt: skip
        shown(request, [event])
        return JsonResponse(as_mapping(event))
    context = describe(request, event) | {
        "object_admin_url": admin_url(request, event),
        "may_export": may(request.user, EXPORT),
        "archived": read,
        "lost": lost,
    }
    return render(request, "signal_log/event.html", context)


def _proof_of(request: HttpRequest, event: SignalEvent) -> HttpResponse:
    """The event's proof as a file, which is an export like any other; 404 with a sentence while there is none."""
    if not may(request.user, EXPORT):
        return refused()
    try:
        content = proof_file(event)
    except ProofError as problem:
        return HttpResponse(f"{problem}\n", content_type="text/plain; charset=utf-8", status=404)
    if request.method != "HEAD":
        tell(EXPORTED, format="proof", event=event.pk)
    return HttpResponse(
        content,
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="event-{event.pk}.tlog-proof"'},
    )


def find(number: str) -> SignalEvent | None:
    """The event with this id, of the table or the archive; None for anything else."""
    return _read(number)[0]


def may_be_archived(number: str) -> bool:
    """Whether an event that the table has not may be in the archive, which only this page looks into."""
    return 0 < (_number(number) or 0) <= reaches_to()


def _read(number: str) -> tuple[SignalEvent | None, archived.Archived]:
    """The event with this id, and what the archive said if it was asked."""
    asked = _number(number)
    if asked is None:
        return None, archived.NOTHING
    event = events().filter(pk=asked).first()
    read = archived.NOTHING if event else archived.one(asked)
    return event or next(iter(read.events), None), read


def _number(text: str) -> int | None:
    found = int(text) if text.isascii() and text.isdigit() and len(text) <= 19 else LARGEST_ID + 1
    return found if found <= LARGEST_ID else None


def describe(request: HttpRequest, event: SignalEvent) -> dict[str, Any]:
    """The context of an event's page, here and in the admin; it is recorded whose values it shows."""
    line = Line(event)
    found_breaks.mark([event])
    inside, partner, cut_short = _operation(event)
    add_calls([*inside, event])
    known = known_for([event, *inside])
    newer, older = _neighbours(event)
    tree = Tree(inside, known, whole_us=_whole_us(event) if known else NOT_TOLD)
    receivers = slowest_first(event, known, tree.slow_calls)
    chain = causes(event)
    shown(request, [event, *inside, *(line.event for line in chain)])
    return {
        "event": event,
        "line": line,
        "broken": [each for found in found_by([event.pk] if event.past else ()) for each in found.broken],
        "signal_kind": signal_kind(event),
        "actor": visible(actor_name(event)),
        "error": visible(failure(event)),
        "request_line": visible(f"{event.method} {event.path}".strip()),
        "receivers": receivers,
        "time_taken": _time_taken(event),
        "stands": any(receiver.stands for receiver in receivers),
        "update_fields": ", ".join(map(visible, map(str, event.update_fields or []))),
        "chain": chain,
        "partner": partner,
        "set_off": Rows(tree.rows_of(event.operation), timed=False),
        "cut_short": cut_short,
        "newer": newer,
        "older": older,
        "proof": proof(event),
        "redaction": redaction_of(event),
        "mask": MASK,
        "sealed": sealed(event),
        "said": of_event(event.pk),
        "zone": zone(),
        "raw": visible(orjson.dumps(as_mapping(event), option=orjson.OPT_INDENT_2).decode()),
    }


def _time_taken(event: SignalEvent) -> str:
    """How long its receivers took; of a save that failed only those before it are known, which says nothing of it."""
    taken = None if event.outcome == FAILED and event.signal in kinds.PRE else time_taken(event)
    return "" if taken is None else duration(taken)


@dataclass(frozen=True, slots=True)
class Proof:
    """The stored digest, and whether the row still gives it: a redacted one by the hashes of what is gone."""

    digest: str
    holds: bool


def proof(event: SignalEvent) -> Proof:
    """Recompute the row's digest, and the hash of what a redaction left."""
    return Proof(bytes(event.digest).hex(), still_holds(event))


def causes(event: SignalEvent) -> list[Line]:
    """The chain of events that caused this one, outermost first, in one query."""
    if event.parent_position is None:
        return []
    table = SignalEvent._meta.db_table
    query = f"""
        WITH RECURSIVE chain(id, trace_id, position, parent_position, depth) AS (
            SELECT id, trace_id, position, parent_position, 0 FROM {table} WHERE id = %s
            UNION ALL
            SELECT above.id, above.trace_id, above.position, above.parent_position, chain.depth + 1
            FROM chain JOIN {table} above
            ON above.trace_id = chain.trace_id AND above.position = chain.parent_position
            AND above.position < chain.position
            WHERE chain.depth < %s
        )
        SELECT {table}.* FROM chain JOIN {table} ON {table}.id = chain.id
        WHERE chain.depth > 0 ORDER BY chain.depth DESC
    """  # noqa: S608  the table's name is ours
    found = SignalEvent.objects.using(events().db).raw(query, [event.pk, LONGEST_CHAIN])
    return [Line(above, every=True) for above in found]


def _slow_calls(event: SignalEvent) -> frozenset[int]:
    """Those of the event's calls that the trace's page calls slow; their own time is without what they caused."""
    if not event.calls:
        return frozenset()
    inside, _, _ = _operation(event)
    add_calls(inside)
    return Tree(inside, whole_us=_whole_us(event)).slow_calls


def _whole_us(event: SignalEvent) -> int:
    row = trace_row(event.trace_id)
    return row.duration_us if row else NOT_TOLD


def _operation(event: SignalEvent) -> tuple[list[SignalEvent], SignalEvent | None, bool]:
    """The event's operation with its subtree (whose positions are consecutive), and the operation's other event."""
    following = events().filter(trace_id=event.trace_id, position__gte=event.operation)
    found = list(following.order_by("position")[: MAX_SUBTREE + 1])
    cut_short = len(found) > MAX_SUBTREE
    inside = _inside(found[:MAX_SUBTREE], event.operation)
    partner = next((e for e in inside if e.operation == event.operation and e.pk != event.pk), None)
    return inside, partner, cut_short


def _inside(found: list[SignalEvent], operation: int) -> list[SignalEvent]:
    positions = {operation}
    inside = []
    for event in found:
        if event.operation == operation or event.parent_position in positions:
            positions |= {event.position, event.operation}
            inside.append(event)
        elif event.operation in positions:
            positions.add(event.position)
            inside.append(event)
    return inside


def _neighbours(event: SignalEvent) -> tuple[SignalEvent | None, SignalEvent | None]:
    """The next newer and next older event of the same row."""
    if not event.object_pk:
        return None, None
    same: QuerySet[SignalEvent] = events().filter(sender__in=labels_of_row(event.sender), object_pk=event.object_pk)
    newer = same.filter(pk__gt=event.pk).order_by("pk").first()
    older = same.filter(pk__lt=event.pk).order_by("-pk").first()
    return newer, older
