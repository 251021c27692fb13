"""The marker ``signal_log_budget``: how many operations and queries a test may take, and how long it should."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from signal_log import clock

if TYPE_CHECKING:
    from signal_log.testing.seen import Seen

KEYS: Final = ("operations", "queries", "milliseconds")
_ONE: Final = {"operations": "operation", "queries": "query"}
MOST_REPEATED: Final = 3
LONGEST_SQL: Final = 150
_OF_TRANSACTIONS: Final = ("BEGIN", "SAVEPOINT ", "RELEASE ", "ROLLBACK ")

_counters: ContextVar[tuple[Counter[str], ...]] = ContextVar("signal_log_query_counters", default=())


@dataclass(slots=True)
class Spent:
    """What a test has taken, once its block has ended."""

    seen: Seen
    queries: Counter[str] = field(default_factory=Counter)
    """How often each statement ran, by its text, which has no values in it."""
    milliseconds: float = 0


def wrong_arguments(given: tuple[Any, ...], budget: Mapping[str, Any]) -> str:
    """What is wrong with the marker's arguments; empty if nothing is."""
    takes = "signal_log_budget() takes operations=, queries= and milliseconds=, each a number from 0"
    if given or not budget:
        return f"{takes}."
    for name, value in budget.items():
        if name not in KEYS:
            return f"{takes}; not {name}=."
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            return f"{takes}; not {name}={value!r}."
    return ""


def watch_queries() -> None:
    """Count queries on every connection from now on, whichever thread opens it, where a budget is running."""
    from django.db import connections
    from django.db.backends.signals import connection_created

    connection_created.connect(_install, dispatch_uid="signal_log.budget")
    for connection in connections.all(initialized_only=True):
        _install(connection)


@contextmanager
def spending(capture: Callable[[], Any]) -> Iterator[Spent]:
    """Measure the block. The host's queries count, on every connection; those of signal_log and BEGIN do not."""
    watch_queries()
    with capture() as seen:
        spent = Spent(seen)
        token = _counters.set((*_counters.get(), spent.queries))
        started = clock.perf_counter_ns()
        try:
            yield spent
        finally:
            spent.milliseconds = (clock.perf_counter_ns() - started) / 1_000_000
            _counters.reset(token)


def over_budget(spent: Spent, budget: Mapping[str, float]) -> str:
    """The message for more operations or queries than allowed; empty if there are not."""
    taken = {"operations": len(spent.seen.operations), "queries": spent.queries.total()}
    over = [
        f"{number} {_ONE[name] if number == 1 else name}, {budget[name]:g} allowed"
        for name, number in taken.items()
        if name in budget and number > budget[name]
    ]
    if not over:
        return ""
    tree = spent.seen.tree().splitlines()
    fired = ["What fired:", "", *(f"    {line}" for line in tree)] if tree else ["No signal fired."]
    return "\n".join([f"Over budget: {'; '.join(over)}.", "", *fired, *_repeated(spent, budget)])


def slower(spent: Spent, budget: Mapping[str, float]) -> str:
    """The warning for a test that took longer than it should; empty if it did not."""
    allowed = budget.get("milliseconds")
    if allowed is None or spent.milliseconds <= allowed:
        return ""
    runs = [run for operation in spent.seen.operations for run in operation.runs]
    slowest = max(runs, key=lambda run: run.self_us, default=None)
    most = f"; the slowest receiver was {slowest.receiver} with {slowest.self_us / 1_000:.1f} ms" if slowest else ""
    return f"took {spent.milliseconds:.0f} ms, {allowed:g} expected{most}"


def _repeated(spent: Spent, budget: Mapping[str, float]) -> Iterator[str]:
    """The statements that ran most often, if there are too many queries."""
    if spent.queries.total() <= budget.get("queries", float("inf")):
        return
    yield from ("", "Queries that ran most often:", "")
    for sql, times in spent.queries.most_common(MOST_REPEATED):
        text = " ".join(sql.split())
        yield f"    × {times:<4} {text if len(text) <= LONGEST_SQL else f'{text[:LONGEST_SQL]}…'}"


def _install(connection: Any, **_: Any) -> None:
    if _count not in connection.execute_wrappers:
        # At the front, because Django's execute_wrapper() pops its own from the end.
        connection.execute_wrappers.insert(0, _count)


def _count(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    if counters := _counters.get():
        text = str(sql)
        if not text.startswith(_OF_TRANSACTIONS):
            for counter in counters:
                counter[text] += 1
    return execute(sql, params, many, context)
