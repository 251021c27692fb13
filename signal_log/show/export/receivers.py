"""``/events/?format=receivers``: the receivers that the events of the history called, each call with its event."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse

from signal_log.models import ReceiverCall, SignalEvent
from signal_log.show.export.json import SIZE, size_of
from signal_log.show.formats import FORMAT
from signal_log.show.query.paging import matching, read_page
from signal_log.show.query.query import parse
from signal_log.telemetry.read import add_calls

NAME: Final = "receivers"


def answer(request: HttpRequest) -> HttpResponse:
    """The calls of one page of signals, newest signal first, in the order of the calls; pages as ``format=json`` does.

    ``complete`` is false where a trace has more calls than are read.
    """
    query = parse(request.GET, own=(FORMAT, SIZE))
    size = size_of(query, request.GET)
    if query.problems:
        return JsonResponse(query.refusal, status=400)
    page = read_page(*matching(query), size=size, before=query.before, after=query.after)
    cut = add_calls(page.events)
    return JsonResponse(
        {
            "receivers": [_told(event, call) for event in page.events for call in event.calls],
            "complete": not cut,
            "older": page.older,
            "newer": page.newer,
            "searched_to": page.searched_to,
        }
    )


def _told(event: SignalEvent, call: ReceiverCall) -> dict[str, Any]:
    return {
        "event": event.pk,
        "trace_id": str(event.trace_id),
        "sender": event.sender,
        "signal": event.signal,
        "receiver": call.receiver,
        "started_us": call.started_us,
        "duration_us": call.duration_us,
        "queries": call.queries,
        "error": call.error,
    }
