"""Rows for a template that tools for templates do not print: such a tool would write out a long page several times."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


class Unprinted(list[T]):
    """A list that shows only its length of itself."""

    def __repr__(self) -> str:
        return f"<{len(self)} rows>"


def unprinted(rows: Iterable[T]) -> Unprinted[T]:
    """The rows, for a template's context."""
    return Unprinted(rows)
