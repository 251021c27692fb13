"""Names a receiver by its dotted path, as a developer would search for it: ``app.signals.create_profile``."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any, Final

from signal_log.interruption import let_interruption_pass

LONGEST: Final = 300
DEEPEST: Final = 20
"""How many wrappers around a receiver are looked through; an object that has every attribute would never end."""


def innermost(receiver: Any) -> Any:
    """What other people's wrappers (decorators, partials, sentry-sdk's spans) call in the end."""
    for _ in range(DEEPEST):
        below = _below(receiver)
        if below is None:
            break
        receiver = below
    return receiver


def receiver_name(receiver: Any) -> str:
    """The dotted path of a function, method, partial or callable object, with a line number for lambdas and locals.

    A receiver that somebody has wrapped goes by its own name. Nothing here raises, whatever the host connected.
    """
    try:
        return _name(receiver)
    except BaseException as error:  # noqa: BLE001  a host's attributes may raise anything
        let_interruption_pass(error)
        return f"{type(receiver).__module__}.{type(receiver).__qualname__}"[:LONGEST]


def _below(receiver: Any) -> Any:
    """What a wrapper wraps, one layer down."""
    try:
        return receiver.func if isinstance(receiver, functools.partial) else getattr(receiver, "__wrapped__", None)
    except BaseException as error:  # noqa: BLE001  a host's attributes may raise anything
        let_interruption_pass(error)
        return None


def _name(receiver: Any) -> str:
    bound_to = None
    for _ in range(DEEPEST):
        bound_to = getattr(receiver, "__self__", bound_to)
        below = _below(receiver)
        if below is None:
            break
        receiver = below
    function = getattr(receiver, "__func__", receiver)
    name = getattr(function, "__qualname__", None)
    if name is None:  # an object with __call__
        function = type(receiver)
        name = function.__qualname__
    if bound_to is not None and not isinstance(bound_to, (type, ModuleType)) and "." not in name:
        name = f"{type(bound_to).__qualname__}.{name}"
    if "<" in name and hasattr(function, "__code__"):
        name = f"{name}:{function.__code__.co_firstlineno}"
    return f"{getattr(function, '__module__', None) or '?'}.{name}"[:LONGEST]
