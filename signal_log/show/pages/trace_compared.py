"""``/traces/<uuid>/?with=<uuid>``: what differs between two traces, and which others a trace can be compared with."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import islice
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from signal_log.amounts import counted
from signal_log.event import COMMITTED
from signal_log.models import SignalTrace
from signal_log.show.cascade import compare
from signal_log.show.cascade.comparison import FoundOnOneSide, comparison, found_on_one_side, pair_as_json
from signal_log.show.cascade.findings import Finding, findings
from signal_log.show.cascade.operation import Cascade, cascade_of, runs_of
from signal_log.show.formats import format_of, refused
from signal_log.show.links import url
from signal_log.show.pages.not_found import not_found
from signal_log.show.query.traces import WINDOW, others_of_name
from signal_log.show.sessions.compared import of_traces, rows
from signal_log.show.trace.part import Part, part_of
from signal_log.show.unprinted import unprinted
from signal_log.show.words.kinds import begun_by
from signal_log.show.words.moments import iso, zone
from signal_log.show.words.operations import actor_name
from signal_log.show.words.text import duration, one_line
from signal_log.telemetry.read import state_of, trace_row

MOST_ROWS: Final = 1_000
MOST_OTHERS: Final = 30
_ID: Final = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
UNKNOWN_TIMES: Final = (
    "How long receivers took is not known {of}, nor which ran and caused nothing: they are missing on that side."
)


@dataclass(repr=False)
class Side:
    """One of the two traces."""

    part: Part
    row: SignalTrace | None

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.part.first.trace_id)

    @property
    def url(self) -> str:
        """Its page."""
        return url("trace", self.part.first.trace_id)

    @property
    def name(self) -> str:
        """What began it."""
        first = self.part.first
        return self.row.name if self.row else begun_by(first.method, first.path, first.source)

    @cached_property
    def cascade(self) -> Cascade:
        """Its operations."""
        return cascade_of(self.part.events, runs_of(self.part.events))

    @cached_property
    def took_us(self) -> int:
        """How long it took."""
        if self.row is not None:
            return self.row.duration_us
        operations = self.cascade.operations
        span = max(one.end for one in operations) - min(one.start for one in operations)
        return span // timedelta(microseconds=1)

    @cached_property
    def findings(self) -> list[Finding]:
        """What is worth attention in it."""
        return findings(self.cascade, self.took_us)

    @property
    def began(self) -> str:
        """When, exactly."""
        return iso(self.row.started_at if self.row else self.part.first.occurred_at)

    @property
    def lacks_times(self) -> bool:
        """Whether its receivers' calls are not known."""
        return state_of(self.row, self.part.events) != "complete"

    @cached_property
    def figures(self) -> dict[str, int]:
        """Its numbers, by their names."""
        operations = self.cascade.operations
        runs = [run for operation in operations for run in operation.runs]
        return {
            "operations": len(operations),
            "not committed": sum(operation.last.outcome != COMMITTED for operation in operations),
            "calls of receivers": len(runs),
            "queries of receivers": sum(run.queries for run in runs),
        }

    def as_json(self) -> dict[str, Any]:
        """What a program is told of it."""
        return {
            "id": self.id,
            "name": self.name,
            "source": self.part.first.source,
            "status": self.row.status if self.row else "",
            "actor": actor_name(self.part.first),
            "started": self.began,
            "duration_us": self.took_us,
            "telemetry": state_of(self.row, self.part.events),
            "whole": self.part.is_whole,
            **{name.replace(" ", "_"): number for name, number in self.figures.items()},
        }


def compared_page(request: HttpRequest, part: Part, row: SignalTrace | None, given: str) -> HttpResponse:
    """The comparison with another trace, whose id or address is given; without one, those to choose from."""
    after = Side(part, row)
    if not given.strip():
        return refused(request, ()) if format_of(request) else _choice(request, after)
    found = _ID.search(given)
    if found is None:
        return not_found(
            request, "Not a trace ID",
            f"A trace ID is a UUID, and “{one_line(given, 60)}” is not one. Choose the other trace from a list.",
            to=(f"{after.url}?with=", "Choose another"),
        )  # fmt: skip
    trace_id = uuid.UUID(found[0])
    other = part_of(trace_id)
    if other is None:
        return not_found(
            request, "Nothing to compare with",
            f"The log has no events for the trace {trace_id}. Either it fired no observed signals, or its events were "
            "deleted when their retention period ended.",
            to=(f"{after.url}?with=", "Choose another"),
        )  # fmt: skip
    return _compared(request, Side(other, trace_row(trace_id)), after)


def _compared(request: HttpRequest, before: Side, after: Side) -> HttpResponse:
    difference = of_traces(before.cascade, after.cascade)
    in_common = compare.have_anything_in_common(difference)
    found = found_on_one_side(before.findings, after.findings)
    wanted = format_of(request)
    if wanted == "json":
        pair = pair_as_json(after.name, 1, 1, difference, in_common=in_common)
        told = comparison(before.as_json(), after.as_json(), found, [pair])
        return JsonResponse(told, json_dumps_params={"ensure_ascii": False})
    if wanted == "text":
        sides = [(side, request.build_absolute_uri(side.url)) for side in (before, after)]
        text = "\n".join(_text(sides, found, difference, in_common=in_common))
        return HttpResponse(f"{text}\n", content_type="text/plain; charset=utf-8")
    shown = rows(difference)
    context = {
        "title": _title(before, after),
        "before": before,
        "after": after,
        "sides": [_Shown(before, "before"), _Shown(after, "after")],
        "figures": _figures(before, after),
        "found": found,
        "on_both": len(after.findings) - len(found.after),
        "rows": unprinted(islice(shown, MOST_ROWS)),
        "more_rows": sum(1 for _ in shown),
        "differs": difference.differs,
        "in_common": in_common,
        "same_trace": before.id == after.id,
        "notices": list(_notices(before, after)),
        "choose_url": f"{after.url}?with=",
        "swapped_url": f"{before.url}?with={after.id}",
        "here": f"{after.url}?with={before.id}",
        "zone": zone(),
    }
    return render(request, "signal_log/trace_compared.html", context)


class _Shown:
    """A side in the page's head."""

    def __init__(self, side: Side, word: str) -> None:
        first = side.part.first
        self.word = word
        self.url = side.url
        self.id = side.id
        self.name = one_line(side.name, 120)
        self.actor = one_line(actor_name(first), 60)
        self.when = side.row.started_at if side.row else first.occurred_at
        self.iso = side.began


def _title(before: Side, after: Side) -> str:
    names = dict.fromkeys(one_line(side.name, 120) for side in (before, after))
    return " and ".join(names)


def _figures(before: Side, after: Side) -> Iterator[tuple[str, str, str, bool]]:
    """Name, before, after, and whether that is a fact that differs: a time is not, of one run."""
    yield "took", duration(before.took_us), duration(after.took_us), False
    ended = [one_line(side.row.status, 60) if side.row else "" for side in (before, after)]
    yield "ended with", ended[0], ended[1], ended[0] != ended[1]
    for name, number in before.figures.items():
        yield name, f"{number:,}", f"{after.figures[name]:,}", number != after.figures[name]


def _notices(before: Side, after: Side) -> Iterator[str]:
    for side, word in ((before, "before"), (after, "after")):
        if side.lacks_times:
            yield UNKNOWN_TIMES.format(of=word)
        if not side.part.is_whole:
            to, last = side.part.to, side.part.last
            yield f"The trace {word} is long: what began up to position {to:,} of {last:,} is compared."


def _text(
    sides: Sequence[tuple[Side, str]], found: FoundOnOneSide, difference: compare.Difference, *, in_common: bool
) -> Iterator[str]:
    for word, (side, address) in zip(("before", "after "), sides, strict=True):
        told = " · ".join([duration(side.took_us), *(_counted(number, name) for name, number in side.figures.items())])
        yield f"{word}  {one_line(side.name, 120)} · {side.began} · {told}"
        yield f"        {address}"
    yield from _notices(sides[0][0], sides[1][0])
    yield ""
    for sign, only in (("+", found.after), ("-", found.before)):
        for one in only:
            yield f"{sign} {one.text}"
            yield f"    {one.fix}"
    if found.after or found.before:
        yield ""
    if not in_common:
        yield "Nothing in common: no outermost operation of one is one of the other."
    yield from compare.lines(difference)


def _counted(number: int, name: str) -> str:
    noun, _, of = name.partition(" of ")
    singular = {"operations": "operation", "calls": "call", "queries": "query"}.get(noun, noun)
    return f"{counted(number, singular, noun)}{f' of {of}' if of else ''}"


def _choice(request: HttpRequest, after: Side) -> HttpResponse:
    name = after.row.name if after.row else ""
    others, among_all = others_of_name(after.row, MOST_OTHERS) if after.row else ([], True)
    longest = max([after.took_us, *(other.duration_us for other in others)], default=0) or 1
    context = {
        "name": one_line(name or after.name, 120),
        "after": after,
        "began": after.row.started_at if after.row else after.part.first.occurred_at,
        "known": after.row is not None,
        "others": unprinted(
            {
                "row": other,
                "url": f"{after.url}?with={other.trace_id}",
                "iso": iso(other.started_at),
                "took": duration(other.duration_us),
                "width": round(100 * other.duration_us / longest, 1),
                "status": one_line(other.status, 60),
                "actor": one_line(other.actor_repr, 40),
            }
            for other in others
        ),
        "window": None if among_all else WINDOW,
        "zone": zone(),
    }
    return render(request, "signal_log/trace_choice.html", context)
