"""The debug toolbar panel: the signals fired by this request, in order, each nested under its cause."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Final, cast

from asgiref.sync import iscoroutinefunction
from debug_toolbar.panels import Panel
from debug_toolbar.utils import is_processable_html_response
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path

from signal_log import clock
from signal_log.amounts import counted
from signal_log.capture.trace.headers import TIMING, add_timing, timing
from signal_log.capture.transaction.collecting import Collected, collecting
from signal_log.show.cascade.operation import Cascade, cascade_of, runs_of_calls
from signal_log.show.toolbar import session
from signal_log.show.toolbar.before import Step, hand_on
from signal_log.show.toolbar.rows import stats_of
from signal_log.show.toolbar.strip import deed, insert, step_as_json

READING: Final = ("GET", "HEAD", "OPTIONS", "TRACE")


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
        count, silent = stats.get("count", 0), stats.get("silent", 0)
        signals = f"{counted(count, 'signal')} in {stats.get('milliseconds', 0):.1f} ms" if count or not silent else ""
        told = " · ".join(filter(None, (signals, counted(silent, "silent write") if silent else "")))
        return f"{told} · recorded" if stats.get("recorded") else told

    @classmethod
    def get_urls(cls) -> list[URLPattern]:
        """The form that starts or stops a session, next to the toolbar's own views."""
        return [path("signal_log/session/", session.session_form, name=session.NAME)]

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
        self.record_stats({
            **stats_of(cascade, taken_us),
            "before": [step_as_json(step) for step in before],
            "recorded": session.is_recorded(request),
            "session_url": session.address(),
        })  # fmt: skip
        if is_processable_html_response(response):
            insert(response, before, getattr(self.toolbar, "csp_nonce", None), is_ours=_is_ours(request))
        for step in before:  # if a script has asked, its page reads them there
            if not step.trace:
                continue  # nothing fired
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
    """What the next page may tell of this request: of one that only reads, or of our pages, only what fired."""
    is_ours = _is_ours(request)
    if is_ours and all(operation.last.signal.startswith("signal_log.") for operation in cascade.operations):
        return None  # a pin, a note, an export
    if not cascade.operations:
        return None if request.method in READING else Step(request.method or "", "", 0, taken_us, "")
    trace = cascade.operations[0].trace_id
    return Step(request.method or "", trace, len(cascade.operations), taken_us, deed(cascade))


def _is_ours(request: HttpRequest) -> bool:
    """Whether a page of the log answers."""
    return "signal_log" in getattr(request.resolver_match, "app_names", ())
