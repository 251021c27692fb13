"""``/events/?format=marks``: what the log itself tells of deployments and upkeep, as marks in the live page's chart.

A process of a server that begins to write, a migration that wrote, and the log's own events. Like the counts, they are
looked for in the newest ids of the span only; a process counts as new if its first event there has others before it.
"""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Min, Q
from django.http import JsonResponse, QueryDict

from signal_log import clock
from signal_log.seal.canonical import timestamp
from signal_log.show.query import counts
from signal_log.show.query.query import parse
from signal_log.show.words.kinds import spoken
from signal_log.show.words.text import one_line
from signal_log.store.read import events
from signal_log.store.span import span_of

NAME: Final = "marks"
MOST: Final = 60
BORDER: Final = 1_000
"""Events from the beginning of what is looked at in which a process is not called new: it may have written before."""
SERVES: Final = Q(source__in=("http", "websocket", "task"))
MIGRATES: Final = Q(source__in=("migration", "command:migrate"))
UPKEEP: Final = Q(signal__startswith="signal_log.") & ~Q(signal="signal_log.exported")


def answer(sent: QueryDict, own: tuple[str, ...]) -> JsonResponse:
    """The marks of a span of time, the newest first, each with its time and its words."""
    query = parse(sent, own=own)
    for key in sorted({*query.given} - {"since", "until"}):
        query.problems[key] = f"'{key}' is not accepted here: marks are of a span of time, whatever the filters."
    if query.problems:
        return JsonResponse(query.refusal, status=400)
    top = counts.head() + 1
    if query.until is not None and query.until < clock.now():
        top = min(top, span_of(query.since, query.until, scan=True).high + 1)
    lowest = max(1, top - counts.MAX_IDS)
    looked_at = events().filter(pk__gte=lowest, pk__lt=top).order_by()
    found = counts.within(looked_at, query.since, query.until)
    marks = [*_processes(looked_at, found, lowest), *_upkeep(found)]
    marks.sort(key=lambda mark: mark[0], reverse=True)
    return JsonResponse({"marks": marks[:MOST]})


def _processes(looked_at: counts.Events, found: counts.Events, lowest: int) -> list[list[Any]]:
    first = looked_at.filter(SERVES).values("process").annotate(first=Min("pk")).order_by("-first")
    border = lowest + BORDER if lowest > 1 else 0
    ids = [row["first"] for row in first[:MOST] if row["first"] >= border]
    began = found.filter(pk__in=ids).values_list("occurred_at", "process")
    return [[timestamp(at), f"process {one_line(process, 80)} began to write"] for at, process in began]


def _upkeep(found: counts.Events) -> list[list[Any]]:
    """One for each trace, so that a migration of a thousand rows is one mark."""
    newest = found.filter(MIGRATES | UPKEEP).order_by("-pk").values_list("occurred_at", "trace_id", "signal")
    marks: dict[tuple[Any, str], list[Any]] = {}
    for at, trace, signal in newest[: counts.WINDOW]:
        words = f"log: {one_line(spoken(signal), 60)}" if signal.startswith("signal_log.") else "migrate"
        marks[trace, words] = [timestamp(at), words]
    return list(marks.values())
