"""What a log of killed writers must say about the rows they left: read with plain SQL, judged in plain Python."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

EVENTS = """SELECT signal, object_pk, outcome, changes, trace_id, operation FROM signal_log_signalevent
            WHERE sender = 'shop.Item' ORDER BY id"""
ROWS = "SELECT id, stock FROM shop_item"

Query = Callable[[str], Iterable[Sequence[Any]]]


class LoggedEvent(NamedTuple):
    """One event of an item."""

    signal: str
    pk: str
    outcome: str
    stock: list[Any] | None
    operation: tuple[str, int]


def logged_events(query: Query) -> list[LoggedEvent]:
    """Return the items' events, in order."""
    return [
        LoggedEvent(signal, pk, outcome, _object(changes).get("stock"), (str(trace), operation))
        for signal, pk, outcome, changes, trace, operation in query(EVENTS)
    ]


def rows(query: Query) -> dict[str, int]:
    """Return the value of each row by key."""
    return {str(pk): stock for pk, stock in query(ROWS)}


def contradictions(events: Sequence[LoggedEvent], stocks: dict[str, int]) -> list[str]:
    """Return everything in which the log and the rows differ; nothing if the log tells the whole truth."""
    histories: dict[str, list[LoggedEvent]] = defaultdict(list)
    for event in events:
        if event.outcome == "committed" and event.signal.startswith("post_"):
            histories[event.pk].append(event)
    found = [
        f"row {pk} holds {stocks.get(pk)}, its history ends with {end}"
        for pk in sorted(histories.keys() | stocks.keys())
        if (end := _end_of(histories[pk])) != stocks.get(pk)
    ]
    for pk, history in histories.items():
        found += _holes(pk, history)
    return found + _wrong_outcomes(events) + _unpaired(events)


def _end_of(history: Sequence[LoggedEvent]) -> int | None:
    return history[-1].stock[1] if history and history[-1].stock else None


def _holes(pk: str, history: Sequence[LoggedEvent]) -> list[str]:
    """Each committed change must start from the value at which the previous one ended, the first from none."""
    value: int | None = None
    found = []
    for event in history:
        if event.stock is None or event.stock[0] != value:
            found.append(f"row {pk} held {value}, and then came {event}")
        value = event.stock[1] if event.stock else None
    return found


def _wrong_outcomes(events: Sequence[LoggedEvent]) -> list[str]:
    """Values below 0 must come only from work that was undone, others only from work that was not."""
    return [
        f"recorded with the wrong outcome: {event}"
        for event in events
        if event.signal == "post_save"
        and event.stock is not None
        and (event.stock[1] < 0) != (event.outcome == "rolled_back")
    ]


def _unpaired(events: Sequence[LoggedEvent]) -> list[str]:
    """Every operation must have one pre and one post event, both with the same outcome."""
    parts = Counter((event.operation, event.outcome, event.signal[:3]) for event in events)
    operations = {(operation, outcome) for operation, outcome, _ in parts}
    return [
        f"operation {operation} is not whole, {outcome}"
        for operation, outcome in sorted(operations)
        if parts[operation, outcome, "pre"] != 1 or parts[operation, outcome, "pos"] != 1
    ]


def _object(changes: Any) -> dict[str, Any]:
    return json.loads(changes) if isinstance(changes, str) else changes
