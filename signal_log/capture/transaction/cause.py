"""Finds the exception because of which work is rolled back, among those that somebody is handling at the time.

Around a rollback there may be an ``except`` block of the host's that has nothing to do with it, also in another thread:
asgiref carries what is handled along. So it must travel through the block of ``atomic``, or be caught by the very code
that rolls back.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Final

from django.db.transaction import Atomic

_EXIT: Final = Atomic.__exit__.__code__
_EXITS: Final = ("__exit__", "__aexit__")
_PASSED: Final = ("django.", "signal_log.")
"""The modules through which a rollback passes from whoever asked for it."""


def cause() -> BaseException | None:
    """What the rollback that is under way answers, if anything."""
    raised = sys.exc_info()[1]
    if raised is None:
        return None
    caught = raised.__traceback__.tb_frame if raised.__traceback__ is not None else None
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code is _EXIT and (through := frame.f_locals.get("exc_value")) is not None:
            return through if isinstance(through, BaseException) else raised
        if frame is caught:  # here, or in what was called from here: the COMMIT that the database refused, say
            return raised
        if frame.f_code is _EXIT:
            return None
        if not frame.f_globals.get("__name__", "").startswith(_PASSED):
            return raised if frame.f_code.co_name in _EXITS and frame.f_back is caught else None
        frame = frame.f_back
    return None
