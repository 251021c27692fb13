"""Finds the first difference between the rows of two recorders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]


def first_difference(ours: Sequence[Row], lean: Sequence[Row]) -> str:
    """Return the first difference in words, empty if there is none."""
    if len(ours) != len(lean) or not ours:
        return f"The lean recorder wrote {len(lean)} rows, ours {len(ours)}."
    for number, (our, their) in enumerate(zip(ours, lean, strict=True)):
        for name in our:
            if our[name] != their[name]:
                return f"Row {number}, {name}: the lean recorder wrote {their[name]!r}, ours {our[name]!r}."
    return ""
