"""Finds the line of project code that caused a signal."""

from __future__ import annotations

import os
import sys
from types import FrameType
from typing import Final

import asgiref
import django

_OURS: Final = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
_FOREIGN: Final = tuple(
    folder + os.sep for folder in (os.path.dirname(django.__file__), os.path.dirname(asgiref.__file__), _OURS)
)
_LIBRARIES: Final = (f"{os.sep}site-packages{os.sep}", f"{os.sep}lib{os.sep}python", "<frozen ")
MAX_DEPTH: Final = 80


def call_site() -> str:
    """``file:line in function`` of the innermost frame in project code, else ``""``."""
    frame: FrameType | None = sys._getframe(1)
    for _ in range(MAX_DEPTH):
        if frame is None:
            break
        name = frame.f_code.co_filename
        if is_own(name):
            return f"{shortened(name)}:{frame.f_lineno} in {frame.f_code.co_name}"[:300]
        frame = frame.f_back
    return ""


def is_own(name: str) -> bool:
    """Whether a file is the project's own: neither Django's nor ours nor a library's."""
    return not name.startswith(_FOREIGN) and not any(part in name for part in _LIBRARIES)


def shortened(name: str) -> str:
    """The path, relative to the working directory if it is inside it, and if there is one."""
    try:
        return name.removeprefix(os.getcwd() + os.sep)
    except OSError:  # it was removed; the host's save is none the worse for it
        return name
