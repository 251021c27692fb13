"""``/receivers/``: who listens to what, in the order of calls, what was seen of it, and who causes whom."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from signal_log.conf import conf
from signal_log.show.access import for_observers
from signal_log.show.formats import format_of, formats
from signal_log.show.links import url
from signal_log.show.methods import reads
from signal_log.show.receivers.graph import Graph, graph
from signal_log.show.receivers.mermaid import mermaid
from signal_log.show.receivers.recent import Recent, recent_findings
from signal_log.show.receivers.wiring import Wired, as_json, effect, wiring
from signal_log.show.unprinted import unprinted
from signal_log.show.words.kinds import short_name
from signal_log.show.words.text import duration, one_line
from signal_log.telemetry.read import LIMIT


@dataclass(frozen=True, slots=True)
class Row:
    """A receiver, for the template."""

    wired: Wired

    @property
    def package(self) -> str:
        """The part of its path that can be omitted if space is short."""
        return one_line(self.wired.receiver, 300).removesuffix(self.name)

    @property
    def name(self) -> str:
        """The last part of its path."""
        return one_line(short_name(self.wired.receiver), 100)

    @property
    def place(self) -> str:
        """``file:line``."""
        at = self.wired.at
        return one_line(f"{at.file}:{at.line}", 200) if at and at.line else ""

    @property
    def kinds(self) -> list[str]:
        """What is unusual about its connection."""
        at = self.wired.at
        if at is None:
            return ["not connected any more"]
        said = (("async", at.is_async), ("strong", not at.is_weak), ("every sender", at.for_every_sender))
        uid = [f"uid {one_line(at.dispatch_uid, 40)}"] if at.dispatch_uid else []
        copies = [f"connected {self.wired.copies} times"] if self.wired.copies > 1 else []
        return [*(word for word, holds in said if holds), *uid, *copies]

    @property
    def calls(self) -> str:
        """How often it was seen, up to a limit."""
        number = self.wired.seen.calls
        return f"{number}+" if number >= LIMIT else str(number or "")

    @property
    def p50(self) -> str:
        """The median time."""
        return duration(self.wired.seen.p50_us) if self.wired.seen.calls else ""

    @property
    def p95(self) -> str:
        """What 95 % of its calls did not exceed."""
        return duration(self.wired.seen.p95_us) if self.wired.seen.calls else ""

    @property
    def caused(self) -> str:
        """What it did."""
        return one_line(effect(self.wired), 200) or ("no writes" if self.wired.seen.calls else "")


@reads
@for_observers
@formats("json", "mermaid")
def receivers_page(request: HttpRequest) -> HttpResponse:
    """The map as a page, or as JSON or Mermaid."""
    found = wiring()
    chosen = format_of(request)
    if chosen == "json":
        return JsonResponse(as_json(found, recent_findings()))
    if chosen == "mermaid":
        return HttpResponse(mermaid(found), content_type="text/plain; charset=utf-8")
    return render(request, "signal_log/receivers.html", _context(found))


def _context(found: list[Wired]) -> dict[str, Any]:
    groups = [
        {
            "model": one_line(model, 200) or "any sender",
            "gone": is_gone,
            "signals": [
                (one_line(signal, 200), [Row(one) for one in of_signal])
                for signal, of_signal in groupby(of_model, key=lambda one: one.signal)
            ],
        }
        for (is_gone, model), of_model in groupby(found, key=lambda one: (one.at is None, one.model))
    ]
    drawn: Graph | None = graph(found)
    return {
        "groups": unprinted(groups),
        "number": sum(one.at is not None for one in found),
        "graph": drawn,
        "mermaid": mermaid(found),
        "findings": unprinted(_finding(one) for one in recent_findings()),
        "observed": ", ".join(conf.MODELS) or "none",
        "json_url": url("receivers", format="json"),
        "mermaid_url": url("receivers", format="mermaid"),
        "recording": conf.RECEIVERS,
    }


def _finding(one: Recent) -> dict[str, str]:
    return {
        "kind": one.finding.kind,
        "text": one.finding.text,
        "fix": one.finding.fix,
        "traces": one.times,
        "url": url("traces", receiver=one.finding.receiver) if one.traces > 1 else url("trace", one.newest),
    }
