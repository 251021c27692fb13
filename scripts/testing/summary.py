"""The last lines of `make test`: each part's time, the slowest tests, what was unsteady, and what failed and why."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from scripts.testing.running import Result

SLOWEST = 10


def summary(results: dict[str, Result], took: float) -> Iterator[str]:
    """Line by line, what matters most at the end of a run that took so many seconds."""
    yield f"\n{'part':12}result    seconds"
    for name, result in results.items():
        yield f"{name:12}{word(result):9}{result.took:8.1f}"
    yield f"{'all':21}{took:8.1f}"
    yield from slowest(results)
    unsteady = [(name, test) for name, result in results.items() for test in result.unsteady]
    if unsteady:
        yield "\nUnsteady: failed, and passed when run again by itself. Each is a fault to find:"
        yield from (f"  {name:12}{test}" for name, test in unsteady)
    failed = [(name, line) for name, result in results.items() for line in (*result.failed, *result.faults)]
    if failed:
        yield "\nFailed:"
        yield from (f"  {name:12}{line}" for name, line in failed)


def word(result: Result) -> str:
    """How a part went, in a word."""
    if not result.passed:
        return "FAILED"
    return "unsteady" if result.unsteady else "passed"


def slowest(results: dict[str, Result]) -> Iterator[str]:
    """The tests of pytest that took longest, with setup and teardown, over all parts."""
    timed = [(seconds, name, test) for name, result in results.items() for test, seconds in result.seconds.items()]
    if timed:
        yield "\nThe slowest tests, setup and teardown included:"
        yield from (f"{seconds:8.1f}  {name:12}{test}" for seconds, name, test in heapq.nlargest(SLOWEST, timed))
