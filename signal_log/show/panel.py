"""The debug toolbar panel: the signals fired by this request, in order, each nested under its cause."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Sequence
from typing import Any, cast

from asgiref.sync import iscoroutinefunction
from debug_toolbar.panels import Panel
from debug_toolbar.utils import is_processable_html_response
from django.http import HttpRequest, HttpResponseBase
from django.urls import NoReverseMatch

from signal_log import clock
from signal_log.capture.trace.gathered import DURATION_US, POSITION, STARTED_US, Call
from signal_log.capture.trace.headers import TIMING, add_timing, timing
from signal_log.capture.transaction.collecting import Collected, collecting
from signal_log.event import COMMITTED, Event
from signal_log.show.cascade.operation import Cascade, cascade_of, runs_of_calls
from signal_log.show.links import url
from signal_log.show.toolbar.before import Step, hand_on
from signal_log.show.toolbar.strip import deed, insert
from signal_log.show.words import kinds
from signal_log.show.words.diff import Side, field_diffs
from signal_log.show.words.remarks import failure, remarks
from signal_log.show.words.summary import change
from signal_log.show.words.text import duration, one_line

LONGEST_VALUE = 200


class SignalLogPanel(Panel):
    """Collects events in a context variable, which keeps concurrent requests apart."""

    is_async = True
    template = "signal_log/panel.html"
    nav_title = "Signal log"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.events = Collected()
        self.started_ns = clock.perf_counter_ns()
        self.timing = ""

    @property
    def title(self) -> str:
        """The panel's title, with count and time."""
        return f"Signal log: {self.nav_subtitle}"

    @property
    def nav_subtitle(self) -> str:
        """The signal count and total time."""
        stats = self.get_stats()
        count = stats.get("count", 0)
        return f"{count} signal{'' if count == 1 else 's'} in {stats.get('milliseconds', 0):.1f} ms"

    def process_request(self, request: HttpRequest) -> Any:
        """Collect events while the request is processed; returns an awaitable if the toolbar runs async."""
        if self._is_async():
            return self.aprocess_request(request)
        with collecting() as self.events:
            return self.get_response(request)

    async def aprocess_request(self, request: HttpRequest) -> HttpResponseBase:
        """The async variant of ``process_request``."""
        with collecting() as self.events:
            response = cast("Awaitable[HttpResponseBase]", self.get_response(request))
            return await response

    def generate_stats(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """Record plain values: the toolbar stores them as JSON and renders them in a later request."""
        taken_us = (clock.perf_counter_ns() - self.started_ns) // 1_000
        cascade = cascade_of(self.events.fired(), runs_of_calls(self.events.calls))
        before = hand_on(request, response, own_step(request, cascade, taken_us))
        self.record_stats(stats_of(self.events))
        if is_processable_html_response(response):
            insert(response, before, getattr(self.toolbar, "csp_nonce", None))
        for step in before:  # if a script has asked, its page reads them there
            add_timing(response, timing("signals-before", step.method, step.operations, step.taken_us, step.trace))
        self.timing = response.headers.get(TIMING, "")

    def get_headers(self, request: HttpRequest) -> dict[str, str]:
        """The toolbar would replace the ``Server-Timing`` of the response with its own: keep both."""
        found = super().get_headers(request)
        ours = ", ".join(filter(None, (self.timing, found.get(TIMING))))
        return {**found, TIMING: ours} if ours else found

    def _is_async(self) -> bool:
        # The next panel may be a plain function that returns an awaitable, so check the request too.
        return iscoroutinefunction(self.get_response) or hasattr(self.toolbar.request, "scope")


def own_step(request: HttpRequest, cascade: Cascade, taken_us: int) -> Step | None:
    """What the next page may tell of this request; None if nothing fired."""
    if not cascade.operations:
        return None
    trace = cascade.operations[0].trace_id
    return Step(request.method or "", trace, len(cascade.operations), taken_us, deed(cascade))


def stats_of(events: Collected) -> dict[str, Any]:
    """The data for the panel's template, as JSON values."""
    ordered = sorted(events, key=lambda event: (event.trace_id, event.position))
    depths = _depths(ordered)
    called: dict[tuple[Any, int], list[Call]] = defaultdict(list)
    for trace, call in sorted(events.calls, key=lambda one: one[1][STARTED_US]):
        called[trace.trace_id, call[POSITION]].append(call)
    calls = [called[event.trace_id, event.position] for event in ordered]
    outermost = (_taken(one) for event, one in zip(ordered, calls, strict=True) if event.parent_position is None)
    return {
        "count": len(ordered),
        "milliseconds": sum(outermost) / 1_000,
        "not_committed": sum(event.outcome != COMMITTED for event in ordered),
        "trace_urls": _trace_urls(ordered),
        "rows": [_row(*one) for one in zip(ordered, depths, calls, strict=True)],
    }


def _depths(ordered: Sequence[Event]) -> list[int]:
    known: dict[tuple[Any, int | None], int] = {}
    depths = []
    for event in ordered:
        depth = known.get((event.trace_id, event.parent_position), -1) + 1
        known[event.trace_id, event.position] = depth
        depths.append(depth)
    return depths


def _taken(calls: Sequence[Call]) -> int:
    """Microseconds from the first call's start to the last one's end."""
    ends = [call[STARTED_US] + call[DURATION_US] for call in calls]
    return max(ends) - calls[0][STARTED_US] if calls else 0


def _receiver(call: Call) -> dict[str, Any]:
    _, _, _, receiver, _, duration_us, queries, error = call
    return {
        "name": one_line(receiver, 300),
        "time": duration(duration_us),
        "queries": queries,
        "error": one_line(error, 2_000),
    }


def _row(event: Event, depth: int, calls: Sequence[Call]) -> dict[str, Any]:
    kind = kinds.signal_kind(event)
    return {
        "position": event.position,
        "indent": min(depth, 8),
        "style": kind.style,
        "signal": kind.word,
        "model": one_line(event.sender, 200),
        "object": one_line(event.object_repr or event.object_pk, 100),
        "cause": one_line(event.caused_by, 300),
        "changes": [
            {"name": field.name, "old": _text(field.old), "new": _text(field.new)}
            for field in field_diffs(event.changes, kinds.effect(event))
        ],
        "summary": change(event),
        "remarks": [one_line(remark, 300) for remark in remarks(event)],
        "receivers": [_receiver(call) for call in calls],
        "time": duration(_taken(calls)) if calls else "",
        "outcome": event.outcome.replace("_", " "),
        "error": one_line(failure(event), 300),
        "call_site": one_line(event.call_site, 300),
    }


def _text(side: Side | None) -> str | None:
    return None if side is None else one_line(side.text, LONGEST_VALUE)


def _trace_urls(events: Sequence[Event]) -> list[str]:
    try:
        return [url("trace", trace) for trace in dict.fromkeys(event.trace_id for event in events)]
    except NoReverseMatch:  # the host has not mounted the pages
        return []
