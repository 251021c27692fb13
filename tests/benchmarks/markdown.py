"""Writes tables in Markdown, and numbers beside their goals."""

from __future__ import annotations

from collections.abc import Iterable


def head(cells: Iterable[str]) -> list[str]:
    """Return the first two lines of a table."""
    first = line(cells)
    return [first, "|---" * (first.count("|") - 1) + "|"]


def line(cells: Iterable[str]) -> str:
    """Return a row of a table."""
    return "| " + " | ".join(cells) + " |"


def with_goal(number: float, goal: float | None, form: str = ".2f") -> str:
    """Format a value that met its goal as ``1.40 ≤ 1.8``, one that did not as ``**4.40** > 1.8``."""
    text = format(number, form)
    if goal is None:
        return text
    return f"{text} ≤ {goal:,}" if number <= goal else f"**{text}** > {goal:,}"
