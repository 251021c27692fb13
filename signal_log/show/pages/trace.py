"""``/traces/<uuid>/``: what one request, command or task caused: the conclusion, the findings, and the tree."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from signal_log.amounts import counted
from signal_log.audit.shown import shown
from signal_log.event import FAILED, ROLLED_BACK
from signal_log.models import SignalEvent, SignalTrace
from signal_log.show.access import for_observers
from signal_log.show.cascade.document import document
from signal_log.show.cascade.findings import conclusion, findings
from signal_log.show.cascade.operation import Operation
from signal_log.show.cascade.ranking import Ranked, ranked
from signal_log.show.cascade.report import report
from signal_log.show.formats import FORMAT, format_of, formats
from signal_log.show.links import url
from signal_log.show.methods import reads
from signal_log.show.pages.not_found import not_found
from signal_log.show.pages.trace_compared import compared_page
from signal_log.show.trace.as_test import as_pytest
from signal_log.show.trace.part import Part, part_of
from signal_log.show.trace.receivers import known_for
from signal_log.show.trace.row_html import Rows, to_row
from signal_log.show.trace.tree import Tree
from signal_log.show.unprinted import unprinted
from signal_log.show.words.ended import ended_badly
from signal_log.show.words.kinds import short_name
from signal_log.show.words.moments import iso, zone
from signal_log.show.words.notes import said_among
from signal_log.show.words.operations import actor_name
from signal_log.show.words.text import duration, one_line, plain, visible
from signal_log.telemetry.read import state_of, trace_row

MOST_FINDINGS: Final = 30
MOST_LINKS: Final = 5
MOST_RANKED: Final = 50
MOST_MODELS: Final = 30
MOST_LABELS: Final = 20

TELEMETRY: Final = {
    "pending": "How long receivers took is written when the trace is over. Reload the page for times.",
    "dropped": "How long receivers took is not known: it was lost, or is not kept. The events are complete.",
    "expired": "How long receivers took is no longer known: times are kept for TRACE_DAYS. The events are complete.",
}


@dataclass(frozen=True, slots=True)
class Links:
    """Links to the rows of positions, and how many more there are."""

    shown: Sequence[tuple[int, str]]
    more: int


@reads
@for_observers
@formats("json", "text", "pytest", **{"with": ("json", "text")})
def trace_page(request: HttpRequest, trace: str) -> HttpResponse:
    """A trace's page, for programs ``?format=json`` and for issue reports ``text``; ``?with=`` compares it."""
    try:
        trace_id = uuid.UUID(trace)
    except ValueError:
        return not_found(
            request,
            "Not a trace ID",
            f"A trace ID is a UUID, and “{one_line(trace, 60)}” is not one. Check that the address is complete.",
        )
    after = _whole(request.GET.get("after", ""))
    grouped = request.GET.get("all") != "1" or bool({FORMAT, "with"} & request.GET.keys())
    part = part_of(trace_id, after, grouped=grouped)
    if part is None:
        return not_found(
            request,
            "Trace not found",
            f"The log has no events for the trace {trace_id}{f' after position {after:,}' if after else ''}. Either it "
            "fired no observed signals, or its events were deleted when their retention period ended.",
        )
    row = trace_row(trace_id)
    if "with" in request.GET:
        return compared_page(request, part, row, request.GET["with"])
    shown(request, part.events)
    wanted = format_of(request)
    if wanted == "json":
        return JsonResponse(as_document(part, row, after), json_dumps_params={"ensure_ascii": False})
    if wanted == "text":
        address = request.build_absolute_uri(url("trace", trace_id))
        return HttpResponse(as_report(part, row, address), content_type="text/plain; charset=utf-8")
    if wanted == "pytest":
        return HttpResponse(as_pytest(part.events, row), content_type="text/x-python; charset=utf-8")
    context = describe(part, row, grouped=grouped)
    del part
    page = render_to_string("signal_log/trace.html", context, request)
    return HttpResponse(context["rows"].into(page))


def as_document(part: Part, row: SignalTrace | None, after: int = 0) -> dict[str, Any]:
    """The trace, or a part of it, as a JSON document."""
    tree = Tree(part.events)
    first = part.first
    head = {
        "id": str(first.trace_id),
        "name": row.name if row else beginning(first),
        "source": first.source,
        "status": row.status if row else "",
        "actor": actor_name(first),
        "started": iso(row.started_at if row else first.occurred_at),
        "duration_us": row.duration_us if row else tree.total_us,
    }
    total = None if part.is_whole or row is None else row.operations
    state = state_of(row, part.events)
    return document(head, tree.cascade, telemetry=state, after=after, total=total, beyond=part.next)


def as_report(part: Part, row: SignalTrace | None, address: str) -> str:
    """The trace as plain text."""
    tree = Tree(part.events)
    total_us = row.duration_us if row else tree.total_us
    ended = [f"ended with {one_line(row.status)}"] if row and row.status else []
    first = part.first
    head = [
        " · ".join([beginning(first), *ended, duration(total_us), counted(len(tree.operations), "operation")]),
        f"{iso(first.occurred_at)} · {one_line(actor_name(first))} · {one_line(first.source)}",
        address,
    ]
    if not part.is_whole:
        head.append(f"A part of it: positions {part.after + 1:,} to {part.to:,} of {part.last:,}.")
    return report(head, findings(tree.cascade, total_us), tree.cascade)


def describe(part: Part, row: SignalTrace | None, *, grouped: bool = True) -> dict[str, Any]:
    """The context of the page; ``grouped`` are adjacent equal operations. It keeps no events: they take space."""
    shown, first = part.events, part.first
    known = known_for(shown)
    whole_us = row.duration_us if row else None
    tree = Tree(shown, known, fold=grouped, whole_us=whole_us, is_earlier=part.is_earlier)
    total_us = tree.total_us if whole_us is None else whole_us
    rows = Rows(tree.rows(), timed=True, grouped=grouped)
    found = findings(tree.cascade, total_us)
    by_time = ranked(tree.cascade)
    linked = _Linked(rows, tree.operations)
    outcomes = Counter(op.last.outcome for op in tree.operations)
    models = Counter(op.last.sender for op in tree.operations)
    state = state_of(row, shown)
    return {
        "trace_id": first.trace_id,
        "first": first,
        "zone": zone(),
        "title": beginning(first),
        "task": first.path if first.source == "task" else "",
        "actor": visible(actor_name(first)),
        "labels": _labels(shown),
        "status": _status(row),
        "trace": row,
        "trace_time": duration(row.duration_us) if row else "",
        "conclusion": conclusion(found),
        "findings": [(one, linked.to(one.positions)) for one in found[:MOST_FINDINGS]],
        "more_findings": max(0, len(found) - MOST_FINDINGS),
        "ranked": _ranked(by_time, linked, total_us),
        "more_ranked": max(0, len(by_time) - MOST_RANKED),
        "telemetry": TELEMETRY.get(state, ""),
        "remarked": unprinted(said_among(shown)),
        "rows": rows,
        "total_time": duration(tree.total_us),
        "total_us": tree.total_us,
        "signals": len(shown),
        "operations": len(tree.operations),
        "depth": tree.depth,
        "models": models.most_common(MOST_MODELS),
        "more_models": max(0, len(models) - MOST_MODELS),
        "number_of_models": len(models),
        "failed": outcomes[FAILED],
        "rolled_back": outcomes[ROLLED_BACK],
        "receiver_errors": sum(bool(call.error) for event in shown for call in event.calls),
        "slow": sum(one.kind == "slow" for one in found),
        "folded": rows.folded,
        "unfolded": not grouped,
        "missing_parents": tree.missing_parents,
        "lacks_calls": part.lacks_calls,
        **_of_part(part, row, len(tree.operations)),
    }


def beginning(event: SignalEvent) -> str:
    """What started the trace: the request line, or the source."""
    if event.method or event.path:
        return one_line(f"{event.method} {event.path}".strip(), 120)
    kind, _, name = event.source.partition(":")
    return one_line(f"{kind} {name}".strip() or "unknown source", 120)


class _Linked:
    """Makes links to rows, also to those that are only there if equal ones are not grouped."""

    def __init__(self, rows: Rows, operations: Iterable[Operation]) -> None:
        self._here = rows.positions
        self._begun = {event.position: op.position for op in operations for event in op.events}

    def to(self, positions: Iterable[int]) -> Links:
        """Links to the first of them."""
        at = list(positions)
        links = [(one, f"#p{one}" if one in self._here else self._elsewhere(one)) for one in at[:MOST_LINKS]]
        return Links(links, len(at) - len(links))

    def _elsewhere(self, position: int) -> str:
        """A row that is grouped away is in the part in which its operation began."""
        page, _, _ = to_row(self._begun.get(position, position), grouped=False).partition("#")
        return f"{page}#p{position}"


def _ranked(found: Sequence[Ranked], linked: _Linked, total_us: int) -> list[dict[str, Any]]:
    return [
        {
            "package": one_line(one.receiver, 200).removesuffix(short_name(one_line(one.receiver, 200))),
            "name": short_name(one_line(one.receiver, 200)),
            "calls": one.calls,
            "total": duration(one.total_us),
            "own": duration(one.self_us),
            "share": (share := min(100, round(one.self_us * 100 / total_us)) if total_us else 0),
            "rest": 100 - share,
            "queries": one.queries,
            "errors": one.errors,
            "href": linked.to(one.positions[:1]).shown[0][1],
        }
        for one in found[:MOST_RANKED]
    ]


def _labels(shown: Iterable[SignalEvent]) -> list[tuple[str, str]]:
    """All labels of the events, each pair once."""
    pairs: dict[tuple[str, str], None] = {}
    for event in shown:
        if isinstance(event.labels, dict):
            pairs |= {(one_line(name, 60), one_line(plain(value), 120)): None for name, value in event.labels.items()}
    return list(pairs)[:MOST_LABELS]


def _status(row: SignalTrace | None) -> tuple[str, str]:
    """How the trace ended and the style of that."""
    if row is None:
        return "", ""
    return row.status, "failed" if ended_badly(row.source, row.status) else ""


def _of_part(part: Part, row: SignalTrace | None, operations: int) -> dict[str, Any]:
    """What is said of a trace that is too large for one page."""
    if part.is_whole:
        return {"part": None}
    left = row.operations - operations if row and not part.after else 0
    return {
        "part": {
            "from": part.after + 1,
            "to": part.to,
            "last": part.last,
            "after": part.after,
            "next": part.next,
            "left": left if left > 0 else None,
            "size": part.size,
        }
    }


def _whole(text: str) -> int:
    """A whole number; 0 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(2**31)) else 0
