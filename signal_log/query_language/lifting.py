"""Finds the conditions of a query that say the same as a filter of one key, which indexes answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from signal_log.query_language.keys import FIELD, SIDES, TEXT
from signal_log.query_language.nodes import And, Node, Not, Or, Term

Texts = dict[str, tuple[str, ...]]


class _Condition(NamedTuple):
    """One of these values of one key, or none of them."""

    key: str
    texts: tuple[str, ...]
    fields: tuple[str, ...]
    excludes: bool
    node: Node


def lift(nodes: Iterable[Node], wanted: Texts, excluded: Texts) -> list[Node]:
    """Add to the filters what they can say, and return the rest; all of both must match.

    A filter's values are alternatives, so a second condition on a key is none. Values of changes are looked for in the
    fields of the filter ``field``, so those of other fields are none.
    """
    rest: list[Node] = []
    found: list[_Condition] = []
    for node in (one for whole in nodes for one in conjuncts(whole)):
        condition = _of_one_key(node)
        if condition is None or condition.key == TEXT:
            rest.append(node)
        else:
            found.append(condition)
    return rest + [one.node for one in sorted(found, key=_rank) if not _added(one, wanted, excluded)]


def conjuncts(node: Node | None) -> Iterator[Node]:
    """What all must match of a query."""
    if isinstance(node, And):
        for inner in node.nodes:
            yield from conjuncts(inner)
    elif node is not None:
        yield node


def _rank(one: _Condition) -> int:
    """The fields first, on which the values depend."""
    return (one.key == FIELD) + 2 * (one.key in SIDES)


def _of_one_key(node: Node) -> _Condition | None:
    inner = node.node if isinstance(node, Not) else node
    some = inner.nodes if isinstance(inner, Or) else (inner,)
    terms = [one for one in some if isinstance(one, Term)]
    if len(terms) != len(some) or len({(one.key, one.fields) for one in terms}) != 1:
        return None
    texts = tuple(dict.fromkeys(one.text for one in terms))
    return _Condition(terms[0].key, texts, terms[0].fields, isinstance(node, Not), node)


def _added(one: _Condition, wanted: Texts, excluded: Texts) -> bool:
    has_values = any(side in texts for texts in (wanted, excluded) for side in SIDES)
    if one.key in SIDES:
        if one.fields and not one.excludes and FIELD not in wanted and not has_values:
            wanted[FIELD] = one.fields  # a value of a field says that it changed
        if {*one.fields} != {*wanted.get(FIELD, ())}:
            return False
    elif one.key == FIELD and not one.excludes and has_values:
        return False
    if one.excludes:
        excluded[one.key] = tuple(dict.fromkeys((*excluded.get(one.key, ()), *one.texts)))
        return True
    if one.key in wanted:
        return False
    wanted[one.key] = one.texts
    return True
