"""What was understood of a query's text, part by part, for the pills that name it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from signal_log import query_language
from signal_log.query_language.keys import FIELD, TEXT, VALUE
from signal_log.query_language.lifting import conjuncts
from signal_log.query_language.nodes import Node, Not, Term, all_of

NAMES: Final = {
    "sender": "model", "actor_pk": "actor key", "actor_name": "actor name", "field": "changed field",
    "old": "old value", "new": "new value", "value": "old or new value", "q": "text",
}  # fmt: skip


class Part(NamedTuple):
    """A condition that all must match, in words, and the query's text without it."""

    name: str
    value: str
    excluded: bool
    rest: str


def parts(text: str) -> Iterator[Part]:
    """Each condition of a query, its moments last; a query that is not understood is one, as text."""
    parsed = query_language.parse(text)
    nodes = list(conjuncts(parsed.node))
    if parsed.problems or not (nodes or parsed.since or parsed.until):
        yield Part(NAMES["q"], text, False, "")
        return
    for node in nodes:
        rest = query_language.write(all_of([one for one in nodes if one is not node]), parsed.since, parsed.until)
        inner = node.node if isinstance(node, Not) else node
        yield Part(*_said(inner), isinstance(node, Not), rest)
    if parsed.since is not None:
        yield Part("since", parsed.since, False, query_language.write(parsed.node, None, parsed.until))
    if parsed.until is not None:
        yield Part("until", parsed.until, False, query_language.write(parsed.node, parsed.since, None))


def _said(node: Node) -> tuple[str, str]:
    """A condition's name and value: of a field that is named as a key, that it is taken for one."""
    if not isinstance(node, Term):
        return "query", query_language.write(node)
    if node.key == TEXT:
        return NAMES["q"], node.text
    name = NAMES.get(node.key, node.key)
    if node.fields:
        name = f"{NAMES[FIELD]} {', '.join(node.fields)}" + ("" if node.key == VALUE else f", {name}")
    return name, node.text
