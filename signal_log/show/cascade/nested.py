"""Walks a nesting of any depth, for which Python's own stack is too short."""

from __future__ import annotations

from collections.abc import Iterator
from types import GeneratorType
from typing import TypeVar, Union

T = TypeVar("T")
Nested = Iterator[Union[T, "Nested[T]"]]
"""A generator that yields its own items, and generators that stand for what is in their place."""


def flat(outermost: Nested[T]) -> Iterator[T]:
    """All items in order: ``yield inner()`` does what ``yield from inner()`` would, however deep it is."""
    stack = [outermost]
    while stack:
        for one in stack[-1]:
            if isinstance(one, GeneratorType):
                stack.append(one)
                break
            yield one  # type: ignore[misc]  # an item is no generator
        else:
            stack.pop()
