"""Response headers for developers: which trace a response belongs to, and what fired until it was ready."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpResponseBase

from signal_log import clock
from signal_log.capture.trace.trace import Trace

TRACE: Final = "X-Signal-Trace"
TIMING: Final = "Server-Timing"
_LONGEST_METHOD: Final = 10


def tell(trace: Trace, response: Any) -> None:
    """Add the headers. Browsers show ``Server-Timing`` beside a request, and hand it to scripts of the same site."""
    if not isinstance(response, HttpResponseBase):
        return
    gathered, method = trace.gathered, trace.context.method
    response.headers[TRACE] = trace.trace_id
    taken_us = (clock.perf_counter_ns() - gathered.started_ns) // 1_000
    add_timing(response, timing("signals", method, gathered.operations, taken_us, trace.trace_id))


def timing(name: str, method: str, operations: int, taken_us: int, trace_id: str) -> str:
    """One metric, such as ``signals;dur=84.0;desc="POST 3 operations 0197c2b1-…"``."""
    known = method.isascii() and method.isalpha() and len(method) <= _LONGEST_METHOD
    words = f"{operations} operation{'' if operations == 1 else 's'} {trace_id}"
    return f'{name};dur={taken_us / 1_000:.1f};desc="{f"{method} " if known else ""}{words}"'


def add_timing(response: HttpResponseBase, metric: str) -> None:
    """Add a metric to those that the host sends."""
    others = response.headers.get(TIMING)
    response.headers[TIMING] = f"{others}, {metric}" if others else metric
