"""The clocks that the app reads: tools that freeze or replace clocks in a host's tests do not find them.

freezegun replaces ``datetime`` and the functions of ``time`` wherever a module holds them under a name, and can have
each reading move its clock on. A mock hands out the moments that its test has listed. What read them here would be
missing there, so everything in the app reads these instead (ruff refuses the others).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from typing import Final

# Partials cost nothing to call, and are not the objects that freezegun looks for.
now: Final = partial(datetime.now, UTC)
"""The time of day."""
time_ns: Final = partial(time.time_ns)
monotonic: Final = partial(time.monotonic)
perf_counter_ns: Final = partial(time.perf_counter_ns)
