"""The clocks that the app reads: tools that freeze or replace clocks in a host's tests do not find them.

freezegun replaces ``datetime`` and the functions of ``time`` wherever a module holds them under a name, and can have
each reading move its clock on. A mock hands out the moments that its test has listed. time-machine replaces the
functions themselves, below Python, and its clock starts to move with the first reading. What read them here would be
missing there, so everything in the app reads these instead (ruff refuses the others).
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

# Partials cost nothing to call, and are not the objects that freezegun looks for.
_now: Final = partial(datetime.now, UTC)
_time: Final = partial(time.time)
_time_ns: Final = partial(time.time_ns)
_loaded: Final[dict[str, Any]] = sys.modules
monotonic: Final = partial(time.monotonic)
perf_counter_ns: Final = partial(time.perf_counter_ns)


def is_replaced() -> bool:
    """Whether such a tool has its clock in place of the real one, so that other people's code would read it."""
    traveller = _loaded.get("time_machine")
    if traveller is not None and traveller.escape_hatch.is_travelling():
        return True
    return time.monotonic is not monotonic.func or time.time is not _time.func


def now() -> datetime:
    """The time of day."""
    traveller = _loaded.get("time_machine")
    if traveller is not None and traveller.escape_hatch.is_travelling():
        with suppress(ValueError):  # nobody travels any more
            real: datetime = traveller.escape_hatch.datetime.datetime.now(UTC)
            return real
    return _now()


def time_ns() -> int:
    """The same, in nanoseconds since 1970."""
    traveller = _loaded.get("time_machine")
    if traveller is not None and traveller.escape_hatch.is_travelling():
        with suppress(ValueError):
            real: int = traveller.escape_hatch.time.time_ns()
            return real
    return _time_ns()
