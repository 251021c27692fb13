"""Writes a query as text, in the one form in which links, pills and commands show it; ``parse`` gives it back."""

from __future__ import annotations

import re
from typing import Final

from signal_log.query_language.keys import FIELD, KNOWN, OPERATORS, SPACE, TEXT, VALUE, is_name, key_in
from signal_log.query_language.nodes import And, Node, Not, Or, Term

_NEEDS_QUOTES: Final = re.compile(f'[{SPACE}()"]')
_QUOTED: Final = re.compile(r'["\\]')


def write(node: Node | None, since: str | None = None, until: str | None = None) -> str:
    """The text of a query, with the moments of its time range behind it."""
    moments = [f"{key}:{_value(text)}" for key, text in (("since", since), ("until", until)) if text is not None]
    if node is None:
        return " ".join(moments)
    return " ".join([_inside(node) if moments and isinstance(node, Or) else _written(node), *moments])


def _written(node: Node) -> str:
    if isinstance(node, Term):
        return _term(node)
    if isinstance(node, Not):
        return "-" + _inside(node.node)
    if isinstance(node, And):
        return " ".join(map(_inside, node.nodes))
    if (key := _common_key(node)) is not None:
        return f"{key}:({' OR '.join(word(one.text) for one in node.nodes if isinstance(one, Term))})"
    return " OR ".join(_inside(inner) if isinstance(inner, Or) else _written(inner) for inner in node.nodes)


def _inside(node: Node) -> str:
    """What stands in a group: in brackets if it is itself one."""
    alone = isinstance(node, Term | Not) or (isinstance(node, Or) and _common_key(node) is not None)
    return _written(node) if alone else f"({_written(node)})"


def _common_key(node: Or) -> str | None:
    """The key of all sides, if it need be written only once."""
    keys = {_key(one) if isinstance(one, Term) and one.text else None for one in node.nodes}
    key = keys.pop() if len(keys) == 1 else None
    return None if key in (TEXT, FIELD) else key


def _key(term: Term) -> str:
    """What stands before the colon."""
    if term.key == VALUE and len(term.fields) == 1 and _is_field(term.fields[0]):
        return term.fields[0]
    return term.key


def _term(term: Term) -> str:
    if term.key == TEXT:
        return word(term.text)
    if term.key == FIELD and _is_field(term.text):
        return f"{term.text}:"
    return f"{_key(term)}:{_value(term.text)}"


def _is_field(name: str) -> bool:
    return bool(name) and is_name(name) and name.lower() not in KNOWN


def word(text: str) -> str:
    """A text that stands by itself."""
    stands = text[:1] not in ("", "-", "!") and text not in OPERATORS and key_in(text) is None
    return text if stands and not _NEEDS_QUOTES.search(text) else _phrase(text)


def _value(text: str) -> str:
    """A text behind a colon."""
    return text if text and not text.startswith("//") and not _NEEDS_QUOTES.search(text) else _phrase(text)


def _phrase(text: str) -> str:
    return '"' + _QUOTED.sub(r"\\\g<0>", text) + '"'
