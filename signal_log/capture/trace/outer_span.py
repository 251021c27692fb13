"""The OpenTelemetry span that a trace began in: its events keep the id, and spans of ours go below it.

Nothing is imported on our account: a process without ``opentelemetry`` has no span, and one that traces has loaded it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from signal_log.interruption import let_interruption_pass

LABEL: Final = "otel_trace_id"
"""The label of an event that tells it."""
_API: Final = "opentelemetry.trace"
_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
_loaded: Final[dict[str, Any]] = sys.modules


class OuterSpan(NamedTuple):
    """A span context in plain numbers; ``state`` is what OpenTelemetry carries along with it."""

    trace_id: int
    span_id: int
    flags: int
    is_remote: bool = True
    state: Any = None

    @property
    def hex(self) -> str:
        """The id of the OpenTelemetry trace, as every tool shows it."""
        return f"{self.trace_id:032x}"


def current_span() -> OuterSpan | None:
    """The span that is current here."""
    api = _loaded.get(_API)
    if api is None:
        return None
    try:
        found = api.get_current_span().get_span_context()
        if found.is_valid is not True:
            return None
        return OuterSpan(
            int(found.trace_id), int(found.span_id), int(found.trace_flags), bool(found.is_remote), found.trace_state
        )
    except Exception as error:  # noqa: BLE001  somebody else's span, or a module that is still being imported
        let_interruption_pass(error)
        return None


def named_by_header(meta: Mapping[str, Any]) -> OuterSpan | None:
    """The span that a request's ``traceparent`` names, as W3C Trace Context writes it."""
    given = _TRACEPARENT.fullmatch(str(meta.get("HTTP_TRACEPARENT", "")))
    return OuterSpan(int(given[1], 16), int(given[2], 16), int(given[3], 16) & 1) if given else None
