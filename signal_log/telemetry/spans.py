"""Tells OpenTelemetry of a trace that has ended: a span for it, and one for each call of a receiver below that.

Spans are made afterwards, from what the trace has gathered, so that a save pays nothing for them. Where the host does
not trace with OpenTelemetry, or does not sample what is running, nothing is made.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from heapq import nlargest
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from signal_log import clock
from signal_log.capture.model.error_text import error_text
from signal_log.capture.model.snapshot import clean_truncated
from signal_log.capture.trace.gathered import DURATION_US, POSITION, STARTED_US, Call
from signal_log.capture.trace.trace import Trace

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

logger = logging.getLogger("signal_log")

MAX_SPANS: Final = 200
"""The longest calls of a trace get a span; ``signal_log.calls_left_out`` counts the others."""
LOG_INTERVAL: Final = 60.0
ROUNDING_US: Final = 2
"""Start and duration are whole microseconds, each cut off: a call may seem to end so much after one that it is in."""

_telling: ContextVar[bool] = ContextVar("signal_log_telling_spans", default=False)
_next_line: Final = [float("-inf")]


def keep_longest(trace: Trace, calls: list[Call]) -> None:
    """A running trace has handed these calls over: keep those that may get a span at its end."""
    if "opentelemetry.trace" in sys.modules:
        gathered = trace.gathered
        gathered.calls_before += len(calls)
        gathered.longest = _longest([*gathered.longest, *calls])


def tell(trace: Trace) -> None:
    """A trace has ended: make its spans. Never raises."""
    if "opentelemetry.trace" not in sys.modules or _telling.get():
        return  # an exporter that saves a model would make spans of that for ever
    gathered = trace.gathered
    if not (gathered.calls or gathered.longest) and (gathered.lone or gathered.is_told):
        return
    if gathered.lone and gathered.outer_span is None:
        return  # a save in a script belongs to no trace of OpenTelemetry's
    token = _telling.set(True)
    try:
        _tell(trace)
    except Exception as error:  # noqa: BLE001  a host's sampler, processor or exporter may raise anything
        _report(trace, error)
    finally:
        _telling.reset(token)
        gathered.is_told, gathered.longest, gathered.calls_before = True, (), 0


def _tell(trace: Trace) -> None:
    from opentelemetry import trace as api

    gathered, context = trace.gathered, trace.context
    tracer = api.get_tracer("signal_log")
    elapsed_ns = clock.perf_counter_ns() - gathered.started_ns
    began_ns = clock.time_ns() - elapsed_ns
    whole = tracer.start_span("signal_log", _parent(trace), start_time=began_ns)
    if not whole.is_recording():
        return
    number = gathered.calls_before + len(gathered.calls)
    calls = _longest([*gathered.longest, *gathered.calls])
    whole.set_attributes({
        "signal_log.trace_id": trace.trace_id,
        "signal_log.source": clean_truncated(context.source, 100),
        "signal_log.events": gathered.events,
        "signal_log.operations": gathered.operations,
        "signal_log.failed": gathered.failed,
        "signal_log.silent": gathered.silent,
        "signal_log.calls": number,
        "signal_log.calls_left_out": number - len(calls),
    })  # fmt: skip
    spans: dict[int, Span] = {}
    try:
        for at, call, around in _nested(calls):
            spans[at] = _start(tracer, call, began_ns, whole if around is None else spans[around])
    finally:
        # Innermost first, as spans end where they are made at the time.
        for at in reversed(spans):
            spans[at].end(began_ns + (calls[at][STARTED_US] + calls[at][DURATION_US]) * 1000)
        whole.end(began_ns + elapsed_ns)


def _start(tracer: Tracer, call: Call, began_ns: int, parent: Span) -> Span:
    from opentelemetry import trace as api
    from opentelemetry.context import Context

    _, sender, signal, receiver, started_us, _, queries, error = call
    span = tracer.start_span(
        clean_truncated(receiver, 200),
        api.set_span_in_context(parent, Context()),
        attributes={
            "signal_log.receiver": receiver,
            "signal_log.signal": signal,
            "signal_log.model": sender,
            "signal_log.queries": queries,
        },
        start_time=began_ns + started_us * 1000,
    )
    if error:
        span.set_status(api.Status(api.StatusCode.ERROR, error))
    return span


def _parent(trace: Trace) -> Any:
    """The context to make the outermost span in; an empty one, if the trace began in no span."""
    from opentelemetry import trace as api
    from opentelemetry.context import Context

    outer = trace.gathered.outer_span
    if outer is None:
        return Context()
    found = api.SpanContext(outer.trace_id, outer.span_id, outer.is_remote, api.TraceFlags(outer.flags), outer.state)
    return api.set_span_in_context(api.NonRecordingSpan(found), Context())


def _longest(calls: Iterable[Call]) -> list[Call]:
    return nlargest(MAX_SPANS, calls, key=itemgetter(DURATION_US))


def _nested(calls: list[Call]) -> Iterator[tuple[int, Call, int | None]]:
    """The number of each call, the call, and the number of the call that it ran in; outer ones first.

    What a receiver causes has a later position, and runs within its time. Where async receivers ran at once, time does
    not tell which of them caused it: then it goes below what called them all.
    """

    def end(at: int) -> int:
        return calls[at][STARTED_US] + calls[at][DURATION_US]

    running: list[int] = []
    for at in sorted(range(len(calls)), key=lambda at: (calls[at][STARTED_US], calls[at][POSITION], -end(at))):
        position, started = calls[at][POSITION], calls[at][STARTED_US]
        running = [outer for outer in running if end(outer) + ROUNDING_US >= started]
        around: int | None = None
        possible = [o for o in running if calls[o][POSITION] < position and end(o) + ROUNDING_US >= end(at)]
        possible.sort(key=lambda outer: calls[outer][POSITION])
        for number, outer in enumerate(possible):
            following = possible[number + 1] if number + 1 < len(possible) else None
            if following is not None and calls[following][POSITION] == calls[outer][POSITION]:
                break
            around = outer
        yield at, calls[at], around
        running.append(at)


def _report(trace: Trace, error: Exception) -> None:
    """Say so, at most once a minute."""
    now = clock.monotonic()
    if now >= _next_line[0]:
        _next_line[0] = now + LOG_INTERVAL
        text = error_text(error, trace.gathered.secrets)
        logger.warning("OpenTelemetry took no span of a trace, and the host went on: %s", text)
