"""``/traces/<uuid>/``: everything caused by one request, command or task, as a tree on a time axis."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from signal_log.event import FAILED, ROLLED_BACK
from signal_log.models import SignalEvent
from signal_log.show.access import for_observers
from signal_log.show.pages.not_found import not_found
from signal_log.show.trace.as_test import as_pytest
from signal_log.show.trace.receivers import known_for
from signal_log.show.trace.tree import Tree
from signal_log.show.words.moments import zone
from signal_log.show.words.operations import actor_name
from signal_log.show.words.text import duration, one_line, visible
from signal_log.store.read import events
from signal_log.telemetry.read import add_calls, trace_row

MAX_EVENTS: Final = 5_000
CHUNK: Final = 50
"""Rows per block that the browser can skip when off-screen (``content-visibility``); trace.css uses the number too."""


@require_safe
@for_observers
def trace_page(request: HttpRequest, trace: str) -> HttpResponse:
    """A trace's page."""
    try:
        trace_id = uuid.UUID(trace)
    except ValueError:
        return not_found(
            request,
            "Not a trace ID",
            f"A trace ID is a UUID, and “{one_line(trace, 60)}” is not one. Check that the address is complete.",
        )
    found = list(events().filter(trace_id=trace_id).order_by("position")[: MAX_EVENTS + 1])
    if not found:
        return not_found(
            request,
            "Trace not found",
            f"The log has no events for the trace {trace_id}. Either it fired no observed signals, "
            "or its events were deleted when their retention period ended.",
        )
    if request.GET.get("format") == "pytest":
        text = as_pytest(found[:MAX_EVENTS], trace_row(trace_id))
        return HttpResponse(text, content_type="text/x-python; charset=utf-8")
    context = describe(found, fold=request.GET.get("all") != "1")
    row = trace_row(trace_id)
    whole = {"trace": row, "trace_time": duration(row.duration_us) if row else ""}
    return render(request, "signal_log/trace.html", context | whole | {"trace_id": trace_id})


def describe(found: list[SignalEvent], *, fold: bool = True) -> dict[str, Any]:
    """The context of a trace's page; ``fold`` groups adjacent equal operations."""
    shown = found[:MAX_EVENTS]
    add_calls(shown)
    tree = Tree(shown, known_for(shown), fold=fold)
    first = shown[0]
    rows = list(tree.rows())
    models = Counter(op.last.sender for op in tree.operations)
    return {
        "first": first,
        "zone": zone(),
        "title": beginning(first),
        "actor": visible(actor_name(first)),
        "rows": rows,
        "chunks": [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)],
        "total_time": duration(tree.total_us),
        "total_us": tree.total_us,
        "signals": len(shown),
        "operations": len(tree.operations),
        "depth": tree.depth,
        "models": models.most_common(),
        "failed": sum(op.last.outcome == FAILED for op in tree.operations),
        "rolled_back": sum(op.last.outcome == ROLLED_BACK for op in tree.operations),
        "receiver_errors": sum(bool(call.error) for event in shown for call in event.calls),
        "slow": sum(bool(row.standing and row.standing.slow) for row in rows),
        "folded": any(row.what == "many" for row in rows),
        "unfolded": not fold,
        "missing_parents": len(tree.orphans),
        "cut_short": len(found) > MAX_EVENTS,
        "most": MAX_EVENTS,
    }


def beginning(event: SignalEvent) -> str:
    """What started the trace: the request line, or the source."""
    if event.method or event.path:
        return one_line(f"{event.method} {event.path}".strip(), 120)
    kind, _, name = event.source.partition(":")
    return one_line(f"{kind} {name}".strip() or "unknown source", 120)
