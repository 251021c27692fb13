"""Tells what interrupts the program from what a host's own methods raise when we call them.

A host's ``__str__``, ``__eq__`` or ``__deepcopy__`` may raise anything: ``SystemExit``, a test's ``fail()``, a
cancellation. Where Django would not have called it, the host must not see that. What a signal brings is meant for
whatever runs at that moment, and passes.
"""

from __future__ import annotations

import signal
from types import CodeType
from typing import Any


def let_interruption_pass(error: BaseException) -> None:
    """Raise the error again if it interrupts the program, rather than come from what we have called.

    ``KeyboardInterrupt`` does, because Python's own handler of Ctrl-C leaves no frame; and what any other handler of a
    signal has raised: a task's time limit, a test's timeout, ``SystemExit`` at SIGTERM. These are told by the handler's
    frame in the traceback, whatever their class.
    """
    if isinstance(error, KeyboardInterrupt) or _is_from_a_handler(error):
        raise error


def _is_from_a_handler(error: BaseException) -> bool:
    codes = {_code(signal.getsignal(number)) for number in signal.valid_signals()} - {None}
    raised = error.__traceback__
    while raised is not None:
        if raised.tb_frame.f_code in codes:
            return True
        raised = raised.tb_next
    return False


def _code(handler: Any) -> CodeType | None:
    """The code of a handler: a function, a method, a partial or a callable object; None for Python's own."""
    handler = getattr(handler, "func", handler)
    function = getattr(handler, "__func__", handler)
    if not hasattr(function, "__code__"):
        function = getattr(type(function), "__call__", None)  # noqa: B004
    code = getattr(function, "__code__", None)
    return code if isinstance(code, CodeType) else None
