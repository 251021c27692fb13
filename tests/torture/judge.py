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


class Told(NamedTuple):
    """One event of an item."""

    signal: str
    pk: str
    outcome: str
    stock: list[Any] | None
    operation: tuple[str, int]


def told(query: Query) -> list[Told]:
    """The items' events, in order."""
    return [
        Told(signal, pk, outcome, _object(changes).get("stock"), (str(trace), operation))
        for signal, pk, outcome, changes, trace, operation in query(EVENTS)
    ]


def rows(query: Query) -> dict[str, int]:
    """What the rows hold, by key."""
    return {str(pk): stock for pk, stock in query(ROWS)}


def lies(events: Sequence[Told], stocks: dict[str, int]) -> list[str]:
    """Everything in which the log and the rows differ; empty when the log tells the whole truth."""
    histories: dict[str, list[Told]] = defaultdict(list)
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


def _end_of(history: Sequence[Told]) -> int | None:
    return history[-1].stock[1] if history and history[-1].stock else None


def _holes(pk: str, history: Sequence[Told]) -> list[str]:
    """Each committed change begins with the value at which the one before ended; the first begins with nothing."""
    value: int | None = None
    found = []
    for event in history:
        if event.stock is None or event.stock[0] != value:
            found.append(f"row {pk} held {value}, and then came {event}")
        value = event.stock[1] if event.stock else None
    return found


def _wrong_outcomes(events: Sequence[Told]) -> list[str]:
    """Values below 0 were only ever written by work that was undone, others only by work that was not."""
    return [
        f"told with the wrong outcome: {event}"
        for event in events
        if event.signal == "post_save"
        and event.stock is not None
        and (event.stock[1] < 0) != (event.outcome == "rolled_back")
    ]


def _unpaired(events: Sequence[Told]) -> list[str]:
    """Every operation has one pre and one post event, both with one outcome."""
    parts = Counter((event.operation, event.outcome, event.signal[:3]) for event in events)
    operations = {(operation, outcome) for operation, outcome, _ in parts}
    return [
        f"operation {operation} is not whole, {outcome}"
        for operation, outcome in sorted(operations)
        if parts[operation, outcome, "pre"] != 1 or parts[operation, outcome, "pos"] != 1
    ]


def _object(changes: Any) -> dict[str, Any]:
    return json.loads(changes) if isinstance(changes, str) else changes
