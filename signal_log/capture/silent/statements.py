"""Parses which tables an SQL statement writes to, and strips its values; plain Python, safe for hostile input."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from signal_log.capture.silent.sql_words import WORDS

INSERT: Final = "insert"
UPDATE: Final = "update"
DELETE: Final = "delete"
LONGEST_READ: Final = 100_000
LONGEST_CLEANED: Final = 4_000
"""How many characters of a statement are searched for writes, and how many are cleaned for the log."""

_TOKEN: Final = re.compile(
    r"""
    (?P<gap>(?:\s+|--[^\n]*|/\*.*?(?:\*/|\Z))+)
    |(?P<literal>[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)
        |[xXbBnN]?'[^']*(?:''[^']*)*(?:'|\Z)
        |\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)
        |\d[\d_]*\.?[\w]*(?:(?<=[eE])[+-]?\d+)?)
    |(?P<quoted>"[^"]*(?:""[^"]*)*(?:"|\Z)|`[^`]*`|\[[^\W\d]\w*\])
    |(?P<word>[^\W\d][\w$]*)
    |(?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
NOT_SHOWN: Final = "(not shown)"
# Words that may precede UPDATE where it is not a statement: FOR UPDATE, DO UPDATE, ON UPDATE, THEN UPDATE.
_NOT_BEFORE_STATEMENT: Final = frozenset({"FOR", "KEY", "DO", "ON", "THEN", "OF", "BEFORE", "AFTER", "OR"})
_SKIPPED: Final = frozenset({"INTO", "FROM", "TABLE", "ONLY", "LOW_PRIORITY", "IF", "EXISTS"})
_CONFLICT: Final = frozenset({"ABORT", "FAIL", "IGNORE", "REPLACE", "ROLLBACK"})
_VERBS: Final = {
    "INSERT": INSERT, "REPLACE": INSERT, "COPY": INSERT, "UPDATE": UPDATE, "MERGE": UPDATE, "DELETE": DELETE,
    "TRUNCATE": DELETE,
}  # fmt: skip
_WITH_BODY: Final = frozenset({"TRIGGER", "FUNCTION", "PROCEDURE", "RULE"})
_BEFORE_TABLE: Final = frozenset({"INTO", "UPDATE", "JOIN", "TABLE"})
_MUST_FOLLOW: Final = {"INSERT": "INTO", "REPLACE": "INTO", "MERGE": "INTO", "DELETE": "FROM"}


class Write(NamedTuple):
    """One table that a statement writes to; ``counted`` if the cursor's row count is for this table alone."""

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
    """The tables written to, lower-cased and without schema, in textual order."""
    return _cached(sql) if len(sql) <= LONGEST_CLEANED else _writes(sql[:LONGEST_READ])


def table_name(text: str) -> str:
    """A model's table as ``writes_in`` reports it: of ``"schema"."table"``, or ``schema"."table``, the last part."""
    quoted = text if text.startswith('"') else f'"{text}"'
    return _name(list(_tokens(quoted)), 0)[0].lower()


def without_values(sql: str, is_name: Callable[[str], bool], limit: int = 1_000) -> str:
    """The statement on one line, with ``?`` for values and without comments, truncated to ``limit`` characters.

    Only keywords, names and placeholders are left. What is in double quotes may be a value on SQLite, so it stays only
    if ``is_name`` knows it or a dot makes it one, and a word without quotes may be a value that lacks them. Where
    databases disagree on what is text, the rest is not shown.
    """
    pieces: list[str] = []
    found = list(_TOKEN.finditer(sql[:LONGEST_CLEANED]))
    for at, match in enumerate(found):
        kind, text = match.lastgroup, match[0]
        if _is_ambiguous(kind, text):
            pieces += ["" if pieces[-1:] == [" "] else " ", NOT_SHOWN]
            break
        if kind == "gap":
            pieces.append(" ")
        elif kind == "quoted":
            pieces.append(text if _is_dotted(found, at) or is_name(_unquoted(text)) else "?")
        elif kind == "word":
            pieces.append(text if is_name(text) or is_name(text.lower()) or _is_of_sql(found, at) else "?")
        else:
            pieces.append("?" if kind in ("literal", "tag") else text)
    text = "".join(pieces).strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _is_dotted(found: Sequence[re.Match[str]], at: int) -> bool:
    """Whether a dot before or after this token makes it a name."""
    around = (found[at - 1][0] if at else "", found[at + 1][0] if at + 1 < len(found) else "")
    return "." in around


def _is_of_sql(found: Sequence[re.Match[str]], at: int) -> bool:
    """Whether this word is SQL's own, a table that is written to, or a placeholder's."""
    return found[at][0].lower() in WORDS or _is_placeholder(found, at) or _last_word(found, at) in _BEFORE_TABLE


def _last_word(found: Sequence[re.Match[str]], at: int) -> str:
    if at < 2 or found[at - 1].lastgroup != "gap":
        return ""
    return found[at - 2][0].upper()


def _is_placeholder(found: Sequence[re.Match[str]], at: int) -> bool:
    """Whether this word is of ``%s``, ``%(name)s`` or ``:name``."""
    before = "".join(match[0] for match in found[max(0, at - 4) : at])
    after = found[at + 1][0] if at + 1 < len(found) else ""
    if before.endswith("%(") and after == ")":
        return True
    if found[at][0] in ("s", "b", "t"):
        return before.endswith("%") or (before.endswith(")") and "%(" in before)
    return before.endswith((":", "@")) and not before.endswith("::")


def _unquoted(text: str) -> str:
    return text[1:-1].replace('""', '"')


def _is_ambiguous(kind: str | None, text: str) -> bool:
    """Whether databases read this differently: nested comments, a backslash before a quote, control characters."""
    if kind == "gap":
        return "/*" in text and any("/*" in comment[2:] for comment in _COMMENT.findall(text))
    if kind == "literal":
        return text[0] not in "eE$" and "\\'" in text
    return kind == "mark" and not text.isprintable()


def _writes(sql: str) -> tuple[Write, ...]:
    tokens = list(_tokens(sql))
    found: list[tuple[int, str, str]] = []
    start = inside = 0
    for i, token in enumerate(tokens):
        if _has_body(tokens, start):
            inside += (token.word == "BEGIN" or (inside and token.word == "CASE")) - (token.word == "END")
        if token.text == ";" and token.depth == 0 and inside <= 0:
            start, inside = i + 1, 0
        elif token.kind in ("literal", "tag") and tokens[start].word == "DO":
            found += [(token.depth + 1, write.verb, write.table) for write in _writes(_dollar_quoted(token.text))]
        elif _is_run(tokens, start, i):
            found += [(token.depth, _VERBS[token.word], name) for name in _targets(tokens, i)]
    on_top = sum(depth == 0 for depth, _, _ in found)
    return tuple(Write(verb, name.lower(), depth == 0 and on_top == 1) for depth, verb, name in found)


def _is_run(tokens: Sequence[_Token], start: int, at: int) -> bool:
    """Whether the statement from ``start`` on, of which this token is a part, is run, not planned, prepared or kept."""
    first = tokens[start].word
    if first == "EXPLAIN":
        return any(token.word == "ANALYZE" for token in tokens[start:at])
    return first != "PREPARE" and not _has_body(tokens, start)


def _has_body(tokens: Sequence[_Token], start: int) -> bool:
    """Whether the statement from ``start`` on makes a trigger or the like, whose statements run later, if ever."""
    return tokens[start].word == "CREATE" and any(token.word in _WITH_BODY for token in tokens[start + 1 : start + 5])


def _dollar_quoted(text: str) -> str:
    """What is between the dollar signs of PostgreSQL's quotes; other literals have no code in them."""
    parts = text.split("$", 2)
    return parts[2].removesuffix(f"${parts[1]}$") if len(parts) == 3 and not parts[0] else ""


_cached: Final = lru_cache(maxsize=256)(_writes)


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
    """The tables that a write statement starting at this token names; none if no statement starts here."""
    verb = tokens[at].word
    if verb not in _VERBS or (at and tokens[at - 1].word in _NOT_BEFORE_STATEMENT):
        return
    i = at + 1
    if _word(tokens, i) == "OR" and _word(tokens, i + 1) in _CONFLICT:
        i += 2
    if verb in _MUST_FOLLOW and _word(tokens, i) != _MUST_FOLLOW[verb]:
        return
    while _word(tokens, i) in _SKIPPED:
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
    """The last part of the dotted name that starts here, and the index after it."""
    name = ""
    while at < len(tokens) and tokens[at].kind in ("word", "quoted"):
        text = tokens[at].text
        name = _unquoted(text) if tokens[at].kind == "quoted" else text
        at += 1
        if at >= len(tokens) or tokens[at].text != ".":
            break
        at += 1
    return name, at
