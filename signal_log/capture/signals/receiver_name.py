"""Names a receiver by its dotted path, as a developer would search for it: ``app.signals.create_profile``."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

LONGEST = 300


def receiver_name(receiver: Any) -> str:
    """The dotted path of a function, method, partial or callable object, with a line number for lambdas and locals."""
    while isinstance(receiver, functools.partial):
        receiver = receiver.func
    function = getattr(receiver, "__func__", receiver)
    name = getattr(function, "__qualname__", None)
    if name is None:  # an object with __call__
        function = type(receiver)
        name = function.__qualname__
    bound_to = getattr(receiver, "__self__", None)
    if bound_to is not None and not isinstance(bound_to, (type, ModuleType)) and "." not in name:
        name = f"{type(bound_to).__qualname__}.{name}"
    if "<" in name and hasattr(function, "__code__"):
        name = f"{name}:{function.__code__.co_firstlineno}"
    return f"{getattr(function, '__module__', None) or '?'}.{name}"[:LONGEST]
