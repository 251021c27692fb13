"""Keeps, for a recorded session, the class of the exception that Django answered with status 500, and its place.

Not its message: that may quote what the host has read from anywhere, such as a body or a row that it never saved.
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Final

from django.core.signals import got_request_exception

from signal_log.capture.trace.call_site import is_own, shortened
from signal_log.capture.trace.gathered import in_use
from signal_log.capture.trace.trace import current_trace

_UID: Final = "signal_log.raised"


def connect() -> None:
    """Begin to listen."""
    got_request_exception.connect(_note, weak=False, dispatch_uid=_UID)


def disconnect() -> None:
    """Undo ``connect``."""
    got_request_exception.disconnect(dispatch_uid=_UID)


def _note(**_: Any) -> None:
    """Django sends the signal while it handles the exception."""
    if not in_use[0]:
        return
    try:
        trace, error = current_trace.get(), sys.exc_info()[1]
        if trace is not None and error is not None and trace.gathered.deeper is not None:
            trace.gathered.deeper.raised = type(error).__qualname__, _place(error.__traceback__)
    except Exception:  # noqa: BLE001  never the host's problem
        return


def _place(at: TracebackType | None) -> str:
    """``file:line in function`` of the innermost frame in project code; empty without any."""
    place = ""
    while at is not None:
        code = at.tb_frame.f_code
        if is_own(code.co_filename):
            place = f"{shortened(code.co_filename)}:{at.tb_lineno} in {code.co_name}"[:300]
        at = at.tb_next
    return place
