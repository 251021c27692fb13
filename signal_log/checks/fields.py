"""The system check of fields that may encrypt what they store: they are masked, or known to hide nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.core import checks

from signal_log.capture.model.registry import converted_fields
from signal_log.conf import problems

NAMED: Final = 5
"""How many fields a message names."""


def check_converted_fields(**_: Any) -> list[checks.CheckMessage]:
    """Fields whose class converts what it stores, in code that may encrypt, are masked or known to hide nothing."""
    if problems():
        return []
    found: dict[type, list[tuple[str, str]]] = {}
    for model, field in converted_fields():
        found.setdefault(type(field), []).append((model._meta.label, field.name))
    return [_converted(kind, fields) for kind, fields in found.items()]


def _converted(kind: type, fields: Sequence[tuple[str, str]]) -> checks.CheckMessage:
    names = [f"{label}.{name}" for label, name in fields[:NAMED]]
    if len(fields) > NAMED:
        names.append(f"{len(fields) - NAMED} more")
    label, name = fields[0]
    return checks.Info(
        f"The class {kind.__module__}.{kind.__qualname__} converts what it stores ({', '.join(names)}). If it "
        "encrypts, the log shows what the column hides.",
        hint=f'If it does: SIGNAL_LOG["MASK_FIELDS"] = {{"{label}": ["{name}"]}}. If it does not, state that: '
        f'SIGNAL_LOG["UNMASK_FIELDS"] = {{"{label}": ["{name}"]}}.',
        id="signal_log.I001",
    )
