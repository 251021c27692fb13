"""The panel's rows: a request's operations, their receivers, and what those caused, as a tree with a waterfall."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any, Final

from signal_log.event import COMMITTED
from signal_log.show.cascade import phrase
from signal_log.show.cascade.findings import Finding, conclusion, findings
from signal_log.show.cascade.lines import FOLD_ABOVE, as_text, telling, words_of
from signal_log.show.cascade.nested import Nested, flat
from signal_log.show.cascade.operation import Cascade, Operation, Run, number_shapes
from signal_log.show.toolbar.strip import address_of
from signal_log.show.words import kinds
from signal_log.show.words.diff import Side, field_diffs
from signal_log.show.words.remarks import failure, remarks
from signal_log.show.words.summary import change
from signal_log.show.words.text import duration, one_line

LONGEST_VALUE: Final = 200
DEEPEST: Final = 8
MOST_ROWS: Final = 300
"""More are on the trace's page: the toolbar keeps all that a panel shows, as JSON."""
MOST_CHARACTERS: Final = 8_000
WIDTH: Final = 1_000
_PLACE: Final = re.compile(r"(.+):(\d+) in ")
_ONE: Final = timedelta(microseconds=1)
Make = Callable[[], dict[str, Any]]


def stats_of(cascade: Cascade, taken_us: int) -> dict[str, Any]:
    """The data for the panel's template, as JSON values; ``taken_us`` is how long the request took."""
    number_shapes(cascade, phrase.line)
    operations = cascade.operations
    silent = sum(operation.verb == "silent" for operation in operations)
    rows = list(_Waterfall(cascade).rows())
    found = findings(cascade, taken_us)
    traces = dict.fromkeys(operation.trace_id for operation in operations)
    return {
        "count": sum(len(operation.events) for operation in operations) - silent,
        "silent": silent,
        "operations": len(operations),
        "milliseconds": sum(operation.took_us for operation in cascade.roots) / 1_000,
        "not_committed": sum(operation.last.outcome != COMMITTED for operation in operations),
        "trace_urls": [address for address in map(address_of, traces) if address],
        "conclusion": conclusion(found),
        "findings": [{"kind": one.kind.replace("_", " "), "text": one.text, "fix": one.fix} for one in found],
        "rows": [make() for make in rows[:MOST_ROWS]],
        "more": max(0, len(rows) - MOST_ROWS),
        "text": _as_text(cascade, found),
    }


def _as_text(cascade: Cascade, found: Sequence[Finding]) -> str:
    text = "\n".join(one.text for one in found)
    for line in telling(cascade):
        if len(text) >= MOST_CHARACTERS:
            break
        text = f"{text}\n{as_text(line)}"
    return text[:MOST_CHARACTERS].strip("\n")


class _Waterfall:
    """Walks the tree; a bar's left edge and width are in thousandths of the time from the first start to the last end.

    A receiver's call is placed by its event: only the difference between two calls' starts is known exactly.
    """

    def __init__(self, cascade: Cascade) -> None:
        self.cascade = cascade
        starts = [operation.start for operation in cascade.operations]
        self.start = min(starts) if starts else None
        ends = [operation.end for operation in cascade.operations]
        self.whole_us = max(1, (max(ends) - self.start) // _ONE) if self.start is not None else 1

    def rows(self) -> Iterator[Make]:
        """What makes each row, for of many not all are shown; causes before effects; equal neighbours are one."""
        yield from flat(self._siblings(self.cascade.roots, 0))
        for orphans in self.cascade.orphans.values():
            yield from flat(self._siblings(orphans, 0))

    def _siblings(self, operations: Sequence[Operation], level: int) -> Nested[Make]:
        for _, equal in groupby(operations, key=lambda operation: operation.shape):
            alike = list(equal)
            folded = len(alike) > FOLD_ABOVE
            for operation in alike[:1] if folded else alike:
                yield partial(self._operation, operation, level, len(alike) if folded else 1)
                yield self._receivers(operation, level + 1)

    def _receivers(self, operation: Operation, level: int) -> Nested[Make]:
        times = Counter((run.position, run.receiver) for run in operation.runs)
        for cause in operation.causes():
            run = cause.run
            twice = run is not None and times[run.position, run.receiver] > 1
            yield partial(self._receiver, operation, cause.receiver, run, level, twice=twice)
            yield self._siblings(cause.operations, level + 1)

    def _operation(self, operation: Operation, level: int, times: int) -> dict[str, Any]:
        event = operation.last
        return {
            "is": "operation",
            "position": operation.position,
            "indent": min(level, DEEPEST),
            "style": kinds.kind(event).style,
            "words": words_of(operation),
            "times": times,
            "object": one_line(event.object_repr or event.object_pk, 100) if times == 1 else "",
            "changes": [
                {"name": field.name, "old": _text(field.old), "new": _text(field.new)}
                for field in field_diffs(event.changes, kinds.effect(event))
            ],
            "summary": [part._asdict() for part in change(event)],  # the toolbar's store is JSON
            "remarks": [one_line(remark, 300) for remark in remarks(event)],
            "time": duration(operation.took_us) if operation.runs and not operation.is_endless else "",
            "outcome": event.outcome.replace("_", " "),
            "error": one_line(failure(event) or failure(operation.first), 300),
            "call_site": one_line(event.call_site, 300),
            **_place(event.call_site),
            "queries": 0,
            **self._bar(operation.start, operation.took_us),
        }

    def _receiver(self, operation: Operation, name: str, run: Run | None, level: int, *, twice: bool) -> dict[str, Any]:
        row: dict[str, Any] = {"is": "receiver", "indent": min(level, DEEPEST), "name": one_line(name, 300)}
        if run is None:
            return {**row, "time": "", "queries": 0, "error": "", "twice": False, "left": 0, "width": 0}
        of_event = [one for one in operation.runs if one.position == run.position]
        fired = next(event.occurred_at for event in operation.events if event.position == run.position)
        after = run.started_us - min(one.started_us for one in of_event)
        return {
            **row,
            "signal": one_line(kinds.short_name(run.signal), 100),
            "time": duration(run.total_us),
            "queries": run.queries,
            "error": one_line(run.error, 2_000),
            "twice": twice,
            **self._bar(fired + timedelta(microseconds=after), run.total_us),
        }

    def _bar(self, start: datetime, taken_us: int) -> dict[str, int]:
        left = (start - (self.start or start)) // _ONE * WIDTH // self.whole_us
        left = min(max(0, left), WIDTH - 4)
        return {"left": left, "width": max(4, min(taken_us * WIDTH // self.whole_us, WIDTH - left))}


def _place(call_site: str) -> dict[str, str]:
    """Where an editor finds the line; the log has paths below the working directory without it."""
    found = _PLACE.match(call_site)
    return {"file": one_line(os.path.abspath(found[1]), 1_000), "line": found[2]} if found else {}


def _text(side: Side | None) -> str | None:
    if side is None:
        return None
    return '""' if side.style == "empty" else one_line(side.text, LONGEST_VALUE)
