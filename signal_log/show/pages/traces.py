"""``/traces/``: what is slow, and what failed: requests, commands and tasks with their times, and receivers beside."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render

from signal_log.conf import conf
from signal_log.filters import QUERY
from signal_log.models import SignalTrace
from signal_log.show.access import for_observers
from signal_log.show.formats import FORMAT, format_of, formats
from signal_log.show.links import url
from signal_log.show.methods import reads
from signal_log.show.query.traces import (
    DURATION,
    FAILED,
    FIELDS,
    SORTS,
    TIME,
    TracesPage,
    TracesQuery,
    parse,
    read,
    rows_of_ids,
)  # fmt: skip
from signal_log.show.query.unmatched import unmatched
from signal_log.show.receivers.slowest import Slowest, slowest_lately
from signal_log.show.unprinted import unprinted
from signal_log.show.words.ended import ended_badly
from signal_log.show.words.kinds import actor_name, short_name
from signal_log.show.words.moments import iso, zone
from signal_log.show.words.text import duration, one_line, visible

COMPARE: Final = "compare"
JSON_FORMAT: Final = "signal_log.traces/1"
HINTS: Final = {
    QUERY: "Words in its events, model:User, email:",
    "took": ">100ms", "status": "500", "source": "http", "name": "/accounts/", "receiver": "shop.signals.sync_stock",
    "since": "2026-11-22 09:42", "until": "2026-11-22 10:00",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A trace, or ``times`` equal lone operations one after the other; ``width`` is its bar, of 100."""

    trace: SignalTrace
    times: int
    duration_us: int
    width: float

    @property
    def name(self) -> str:
        """The request line, or the command's or task's name."""
        return one_line(self.trace.name, 200) or "unnamed"

    @property
    def id(self) -> str:
        """What it is chosen by."""
        return str(self.trace.trace_id)

    @property
    def url(self) -> str:
        """Its page."""
        return url("trace", self.trace.trace_id)

    @property
    def status(self) -> str:
        """How it ended."""
        return one_line(self.trace.status, 60)

    @property
    def is_bad(self) -> bool:
        """Whether it failed."""
        return ended_badly(self.trace.source, self.trace.status)

    @property
    def actor(self) -> str:
        """Who set it off."""
        return one_line(actor_name(self.trace.actor_repr, self.trace.actor_pk, self.trace.source), 40)

    @property
    def took(self) -> str:
        """How long it took; several equal ones together."""
        return duration(self.duration_us)

    @property
    def iso(self) -> str:
        """When it began, exactly."""
        return iso(self.trace.started_at)

    @property
    def slowest(self) -> str:
        """The short name of its slowest receiver."""
        return one_line(short_name(self.trace.slowest_receiver), 60)

    @property
    def slowest_took(self) -> str:
        """How long that took."""
        return duration(self.trace.slowest_us)


@reads
@for_observers
@formats("json")
def traces_page(request: HttpRequest) -> HttpResponse:
    """The list as a page, or as JSON; what is not valid is said, and then nothing is listed.

    Two chosen rows are compared.
    """
    query = parse(request.GET, own=(FORMAT, COMPARE))
    invalid = bool(query.problems)
    chosen = request.GET.getlist(COMPARE)
    if chosen:
        pair, problem = rows_of_ids(chosen)
        if not problem:
            before, after = pair
            return HttpResponseRedirect(url("trace", after.trace_id, **{"with": str(before.trace_id)}))
        query.problems[COMPARE] = problem
    page = TracesPage([], None) if invalid else read(query)
    slowest = slowest_lately()
    if format_of(request) == "json":
        return JsonResponse(_as_json(query, page, slowest), status=400 if query.problems else 200)
    context = {
        "query": query,
        "invalid": invalid,
        "rows": unprinted(rows_of(page.traces)),
        "chosen": set(chosen),
        "place": list(query.given.items()),
        "window": page.window,
        "searched_to": page.searched_to,
        "unmatched": [] if page.traces or query.q is None else [*map(visible, unmatched(query.q, options=False))],
        "fields": [
            {"name": name, "hint": hint, "value": query.given.get(name, ""), "problem": query.problems.get(name, "")}
            for name, hint in HINTS.items()
        ],
        "other_problems": [text for key, text in query.problems.items() if key not in FIELDS],
        "sorts": [(query.link(request.path, sort=name), query.sort == name, words) for name, words in SORTS.items()],
        "pills": [
            (name, query.given[name], query.link(request.path, **{name: None}))
            for name in FIELDS
            if name in query.given
        ],
        "clear_url": request.path,
        "next_url": query.link(request.path, after=page.after) if page.after else "",
        "first_url": query.link(request.path) if query.after else "",
        "json_url": query.link(request.path, format="json"),
        "is_sample": slowest.is_sample,
        "receivers": unprinted(
            (one, duration(one.p50_us), duration(one.p95_us), query.link(request.path, receiver=one.receiver))
            for one in slowest.receivers
        ),
        "zone": zone(),
        "measured": conf.TRACES,
        "by_time": query.sort == TIME,
        "by_duration": query.sort == DURATION,
        "by_failed": query.sort == FAILED,
        "days": conf.TRACE_DAYS,
    }
    return render(request, "signal_log/traces.html", context, status=400 if invalid else 200)


def _without(query: TracesQuery, path: str, name: str) -> str:
    return query.link(path, **{name: None})


def rows_of(traces: list[SignalTrace]) -> list[Row]:
    """The traces as rows; equal lone operations of a program, one after the other, are one row."""
    longest = max((trace.duration_us for trace in traces), default=0) or 1
    rows = []
    for _, group in groupby(traces, key=_fold_key):
        alike = list(group)
        total = sum(trace.duration_us for trace in alike)
        rows.append(Row(alike[0], len(alike), total, round(100 * min(total, longest) / longest, 1)))
    return rows


def _fold_key(trace: SignalTrace) -> Any:
    if trace.operations != 1 or trace.source in ("http", "websocket", "task"):
        return trace.pk
    return trace.source, trace.name, trace.status, trace.actor_pk, trace.actor_repr, trace.slowest_receiver


def _as_json(query: TracesQuery, page: TracesPage, slowest: Slowest) -> dict[str, Any]:
    return {
        FORMAT: JSON_FORMAT,
        "problems": query.problems,
        "traces": [
            {
                "id": str(trace.trace_id),
                "name": trace.name,
                "source": trace.source,
                "status": trace.status,
                "actor": {"pk": trace.actor_pk, "name": trace.actor_repr},
                "started": iso(trace.started_at),
                "duration_us": trace.duration_us,
                "events": trace.events,
                "operations": trace.operations,
                "failed": trace.failed,
                "silent": trace.silent,
                "slowest_receiver": trace.slowest_receiver,
                "slowest_us": trace.slowest_us,
            }
            for trace in page.traces
        ],
        "searched": page.window,
        "searched_to": page.searched_to,
        "next": page.after,
        "receivers": [
            {
                "receiver": one.receiver,
                "calls": one.calls,
                "errors": one.errors,
                "p50_us": one.p50_us,
                "p95_us": one.p95_us,
            }
            for one in slowest.receivers
        ],
    }
