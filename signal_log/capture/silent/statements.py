"""Which tables an SQL statement writes to, and its text without values; plain Python, made for hostile text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

INSERT: Final = "insert"
UPDATE: Final = "update"
DELETE: Final = "delete"
LONGEST_READ: Final = 100_000
LONGEST_KEPT: Final = 4_000
"""So much of a statement is looked at for writes, and so much is cleaned for the record."""

_TOKEN: Final = re.compile(
    r"""
    (?P<gap>(?:\s+|--[^\n]*|/\*.*?(?:\*/|\Z))+)
    |(?P<literal>[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)
        |[xXbBnN]?'[^']*(?:''[^']*)*(?:'|\Z)
        |\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)
        |\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<quoted>"[^"]*(?:""[^"]*)*(?:"|\Z)|`[^`]*`|\[[^\W\d]\w*\])
    |(?P<word>[^\W\d][\w$]*)
    |(?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL,
)
# What may stand before the word UPDATE where it is no statement: FOR UPDATE, DO UPDATE, ON UPDATE, THEN UPDATE.
_NO_STATEMENT: Final = frozenset({"FOR", "KEY", "DO", "ON", "THEN", "OF", "BEFORE", "AFTER", "OR"})
_PASSED_OVER: Final = frozenset({"INTO", "FROM", "TABLE", "ONLY", "LOW_PRIORITY", "IF", "EXISTS"})
_CONFLICT: Final = frozenset({"ABORT", "FAIL", "IGNORE", "REPLACE", "ROLLBACK"})
_VERBS: Final = {
    "INSERT": INSERT, "REPLACE": INSERT, "COPY": INSERT, "UPDATE": UPDATE, "MERGE": UPDATE, "DELETE": DELETE,
    "TRUNCATE": DELETE,
}  # fmt: skip
_MUST_FOLLOW: Final = {"INSERT": "INTO", "REPLACE": "INTO", "MERGE": "INTO", "DELETE": "FROM"}


class Write(NamedTuple):
    """One table that a statement writes to; ``counted`` where the cursor's row count speaks of it alone."""

    verb: str
    table: str
    counted: bool


class _Token(NamedTuple):
    kind: str
    text: str
    depth: int

    @property
    def word(self) -> str:
        return self.text.upper() if self.kind == "word" else ""


def writes_in(sql: str) -> tuple[Write, ...]:
    """The tables written to, in lower case and without their schema, in the order of the text."""
    return _remembered(sql) if len(sql) <= LONGEST_KEPT else _writes(sql[:LONGEST_READ])


def table_name(text: str) -> str:
    """A table's name as ``writes_in`` gives it: of ``"schema"."table"`` the last part."""
    return (_name(list(_tokens(text)), 0)[0] if text.startswith('"') else text).lower()


def without_values(sql: str, most: int = 1_000) -> str:
    """The statement in one line with its literals as ``?``, without comments, cut to ``most`` characters."""
    pieces = (_shown(match) for match in _TOKEN.finditer(sql[:LONGEST_KEPT]))
    text = "".join(pieces).strip()
    return text if len(text) <= most else text[: most - 1] + "…"


def _shown(match: re.Match[str]) -> str:
    kind = match.lastgroup
    return " " if kind == "gap" else "?" if kind in ("literal", "tag") else match[0]


def _writes(sql: str) -> tuple[Write, ...]:
    tokens = list(_tokens(sql))
    found = [(token.depth, _VERBS[token.word], name) for i, token in enumerate(tokens) for name in _targets(tokens, i)]
    on_top = sum(depth == 0 for depth, _, _ in found)
    return tuple(Write(verb, name.lower(), depth == 0 and on_top == 1) for depth, verb, name in found)


_remembered: Final = lru_cache(maxsize=256)(_writes)


def _tokens(sql: str) -> Iterator[_Token]:
    depth = 0
    for match in _TOKEN.finditer(sql):
        kind, text = match.lastgroup or "", match[0]
        if kind == "gap":
            continue
        depth -= text == ")"
        yield _Token(kind, text, depth)
        depth += text == "("


def _targets(tokens: Sequence[_Token], at: int) -> Iterator[str]:
    """The tables that a writing statement beginning at this token names; none where it begins nothing."""
    verb = tokens[at].word
    if verb not in _VERBS or (at and tokens[at - 1].word in _NO_STATEMENT):
        return
    i = at + 1
    if _word(tokens, i) == "OR" and _word(tokens, i + 1) in _CONFLICT:
        i += 2
    if verb in _MUST_FOLLOW and _word(tokens, i) != _MUST_FOLLOW[verb]:
        return
    while _word(tokens, i) in _PASSED_OVER:
        i += 1
    name, i = _name(tokens, i)
    if verb == "COPY" and "FROM" not in [token.word for token in tokens[i:] if token.depth == tokens[at].depth]:
        return
    if name:
        yield name
    while verb == "TRUNCATE" and i < len(tokens) and tokens[i].text == ",":
        name, i = _name(tokens, i + 1)
        yield name


def _word(tokens: Sequence[_Token], at: int) -> str:
    return tokens[at].word if at < len(tokens) else ""


def _name(tokens: Sequence[_Token], at: int) -> tuple[str, int]:
    """The last part of the dotted name that begins here, and where it ends."""
    name = ""
    while at < len(tokens) and tokens[at].kind in ("word", "quoted"):
        text = tokens[at].text
        name = text[1:-1].replace('""', '"') if tokens[at].kind == "quoted" else text
        at += 1
        if at >= len(tokens) or tokens[at].text != ".":
            break
        at += 1
    return name, at
