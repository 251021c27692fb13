"""What a query is once it is parsed: a tree of terms, and what was wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. Where it stood in the text, in code points, is no part of what it says."""

    key: str
    text: str
    fields: tuple[str, ...] = ()
    """Of ``old``, ``new`` and ``value``: the changed fields that are looked at; all if there are none."""
    at: int = field(default=0, compare=False)
    length: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """All of these; two at least."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of these; two at least."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Anything else; never another ``Not``."""

    node: Node


Node = And | Or | Not | Term


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where: from the code point ``at`` on, for ``length``."""

    at: int
    length: int
    message: str

    def as_json(self) -> dict[str, Any]:
        """As answers and the websocket have it."""
        return {"at": self.at, "length": self.length, "message": self.message}


@dataclass(frozen=True, slots=True)
class Parsed:
    """A query: what was understood of it (None: anything matches), its moments as they were typed, and its problems."""

    node: Node | None = None
    since: str | None = None
    until: str | None = None
    problems: tuple[Problem, ...] = ()


def terms(node: Node | None) -> Iterator[Term]:
    """Every term of a query, in the order of the text."""
    if isinstance(node, Term):
        yield node
    elif isinstance(node, Not):
        yield from terms(node.node)
    elif node is not None:
        for inner in node.nodes:
            yield from terms(inner)


def as_json(node: Node | None) -> Any:
    """A node as the plain objects that JavaScript has."""
    if node is None:
        return None
    if isinstance(node, Term):
        return {"key": node.key, "text": node.text, "fields": list(node.fields), "at": node.at, "length": node.length}
    if isinstance(node, Not):
        return {"not": as_json(node.node)}
    return {"and" if isinstance(node, And) else "or": [as_json(inner) for inner in node.nodes]}


def all_of(nodes: list[Node]) -> Node | None:
    """All of these, however few."""
    return And(tuple(nodes)) if len(nodes) > 1 else nodes[0] if nodes else None


def any_of(nodes: list[Node]) -> Node | None:
    """Any of these, however few."""
    return Or(tuple(nodes)) if len(nodes) > 1 else nodes[0] if nodes else None


def none_of(node: Node) -> Node:
    """Anything else."""
    return node.node if isinstance(node, Not) else Not(node)
