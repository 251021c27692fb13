"""Builds the events of one trace, and its receivers' calls, for tests of cascades."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from signal_log.event import Event
from signal_log.show.cascade.operation import Run, cascade_of
from tests.factories import event_value

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Story:
    """Builds the events of one trace: ``save`` returns the position of the post event."""

    def __init__(self, trace: str = "0197c2b1-0000-7000-8000-000000000001") -> None:
        self.trace = trace
        self.events: list[Event] = []
        self.runs: dict[tuple[str, int], list[Run]] = {}
        self._position = count(1)

    def save(self, sender="shop.Item", *, by=None, receiver="", took_us=0, **fields) -> int:
        first = next(self._position)
        given = {"sender": sender, "trace_id": self.trace, "parent_position": by, "caused_by": receiver, **fields}
        for position, signal in ((first, "pre_save"), (next(self._position), "post_save")):
            when = START + timedelta(microseconds=took_us if signal == "post_save" else 0)
            one = {"signal": signal, "position": position, "operation": first, "occurred_at": when, **given}
            self.events.append(event_value(**one))
        return position

    def run(self, position: int, receiver: str, total_us: int, started_us: int = 0, **fields) -> Run:
        run = Run(position, "post_save", receiver, started_us, total_us, **fields)
        self.runs.setdefault((self.trace, position), []).append(run)
        return run

    def cascade(self):
        return cascade_of(reversed(self.events), self.runs)
