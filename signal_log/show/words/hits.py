"""The places in a text that a query asked for, marked as on the live page (``js/query/hits.js``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final

from signal_log.query_language import Node, Not, Term, parse

PARTS: Final = ("text", "object", "actor", "actor_name")
WHOLE: Final = ("field", "old", "new", "value")
MOST: Final = 50

Hits = re.Pattern[str]


def hits_of(given: Mapping[str, Sequence[str]]) -> Hits | None:
    """What to mark; never what a query excludes, and none of what every row then says, as the model or the signal."""
    found = {pattern for term in _wanted(given) for pattern in _patterns(term)}
    longest_first = sorted(found, key=lambda pattern: (-len(pattern), pattern))[:MOST]
    return re.compile("|".join(longest_first), re.IGNORECASE) if found else None


def marked(text: str, hits: Hits | None) -> str:
    """The text as HTML, with what was asked for in ``mark`` elements."""
    if hits is None:
        return escape(text)
    written, end = [], 0
    for match in hits.finditer(text):
        written += [escape(text[end : match.start()]), f'<mark class="hit">{escape(match[0])}</mark>']
        end = match.end()
    return "".join([*written, escape(text[end:])])


def _wanted(given: Mapping[str, Sequence[str]]) -> Iterator[Term]:
    for key in (*PARTS, *WHOLE):
        yield from (Term(key, text) for text in given.get(key, ()) if text and not text.startswith("!"))
    for text in given.get("q", ()):
        if not text.startswith("!"):
            yield from _wanted_in(parse(text).node)


def _wanted_in(node: Node | None) -> Iterator[Term]:
    if isinstance(node, Term):
        yield node
    elif node is not None and not isinstance(node, Not):
        for inner in node.nodes:
            yield from _wanted_in(inner)


def _patterns(term: Term) -> Iterator[str]:
    if term.key in PARTS and term.text:
        yield re.escape(term.text)
    elif term.key in WHOLE:
        yield from (rf"(?<!\w){re.escape(text)}(?!\w)" for text in (term.text, *term.fields) if text)
