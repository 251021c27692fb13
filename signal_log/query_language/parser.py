"""Parses a query. It never fails: what cannot be read is left out, and said with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from signal_log.query_language import messages
from signal_log.query_language.keys import FIELD, KNOWN, MOMENTS, SIDES, SPACE, TEXT, VALUE, key_in
from signal_log.query_language.messages import DEEPEST, LONGEST, MOST_TERMS
from signal_log.query_language.nodes import And, Node, Not, Or, Parsed, Problem, Term, all_of, any_of, none_of
from signal_log.query_language.times import is_later
from signal_log.query_language.values import BadValue, spelled

MOST_PROBLEMS: Final = 10
_SPACES: Final = re.compile(f"[{SPACE}]*")
_WORD: Final = re.compile(f"[^{SPACE}()]*")
_PHRASE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED: Final = re.compile(r'\\(["\\])')
_IMPOSSIBLE: Final = re.compile("[\0\ud800-\udfff]")  # PostgreSQL takes no NUL, and no database a lone surrogate


@lru_cache(1024)
def parse(text: str, *, typing: bool = False) -> Parsed:
    """Parse a query; while somebody is ``typing``, what is unfinished at its very end is no problem."""
    if len(text) > LONGEST:
        return Parsed(problems=(Problem(LONGEST, len(text) - LONGEST, messages.TOO_LONG),))
    if impossible := _IMPOSSIBLE.search(text):
        return Parsed(problems=(Problem(impossible.start(), 1, messages.NO_CHARACTER),))
    return _Parser(text, typing=typing).parsed()


@dataclass(frozen=True, slots=True)
class _Key:
    """What stands before a colon: a key, or the name of a changed field."""

    key: str
    name: str
    typed: str


@dataclass(frozen=True, slots=True)
class _Value:
    """A word or a phrase, and where it stands."""

    text: str
    at: int
    end: int
    quoted: bool
    closed: bool = True


class _Parser:
    def __init__(self, text: str, *, typing: bool) -> None:
        self._text = text
        self._typing = typing
        self._at = 0
        self._problems: list[Problem] = []
        self._terms = 0
        self._is_open = False
        self._moments: dict[str, tuple[str, int, int]] = {}
        self._has_or = False
        self._word_at = -1
        self._word_there = ""

    def parsed(self) -> Parsed:
        """All of the text."""
        nodes: list[Node] = []
        while True:
            node, _ = self._or(None, 0)
            if node is not None:
                nodes.append(node)
            if self._at >= len(self._text):
                break
            self._problem(self._at, 1, messages.LONE_BRACKET)
            self._at += 1
        node = all_of(nodes)
        if self._has_or:
            for _, at, end in self._moments.values():
                self._problem(at, end - at, messages.NOT_OUTSIDE)
            self._moments.clear()
        self._check_order()
        since, until = (self._moments.get(key, (None,))[0] for key in MOMENTS)
        problems = sorted(self._problems, key=lambda problem: problem.at)[:MOST_PROBLEMS]
        return Parsed(_with_fields(node, ()) if node is not None else None, since, until, tuple(problems))

    def _or(self, within: _Key | None, depth: int) -> tuple[Node | None, bool]:
        """The sides of OR, and whether anything stood there, perhaps something that was left out."""
        node, found = self._and(within, depth)
        nodes = [node] if node is not None else []
        while self._word() == "OR":
            at = self._at
            self._at += 2
            self._has_or = self._has_or or depth == 0
            if not found:
                self._problem(at, 2, messages.NOTHING_BEFORE.format(operator="OR"))
            node, some = self._and(within, depth)
            if not some and found:
                self._problem(at, 2, messages.NOTHING_AFTER.format(operator="OR"), unfinished=True)
            if node is not None:
                nodes.append(node)
            found = True
        return any_of(nodes), found

    def _and(self, within: _Key | None, depth: int) -> tuple[Node | None, bool]:
        nodes: list[Node] = []
        found = False
        while not self._is_over():
            word = self._word()
            if word == "OR":
                break
            if word == "AND":
                at = self._at
                self._at += 3
                if not found:
                    self._problem(at, 3, messages.NOTHING_BEFORE.format(operator="AND"))
                elif self._is_over() or self._word() in ("OR", "AND"):
                    self._problem(at, 3, messages.NOTHING_AFTER.format(operator="AND"), unfinished=True)
                found = True
                continue
            found = True
            node = self._unary(within, depth)
            if node is not None:
                nodes.append(node)
        return all_of(nodes), found

    def _unary(self, within: _Key | None, depth: int) -> Node | None:
        negated = once = False
        while True:
            at = self._at
            if self._text[at] in "-!" and not self._ends_at(at + 1):
                self._at += 1
            elif self._word() == "NOT":
                self._at += 3
                if self._is_over() or self._word() in ("OR", "AND"):
                    self._problem(at, 3, messages.NOTHING_AFTER.format(operator="NOT"), unfinished=True)
                    return None
            else:
                break
            negated, once = not negated, True
        node = self._atom(within, depth, negated=once)
        return none_of(node) if negated and node is not None else node

    def _atom(self, within: _Key | None, depth: int, *, negated: bool) -> Node | None:
        at = self._at
        if self._text[at] == "(":
            return self._group(within, depth + 1, negated=negated)
        if self._text[at] == '"':
            return self._term(within, self._value(), at, is_inside=depth > 0 or negated)
        name = key_in(self._word())
        if name is None:
            value = self._value()
            if self._typing and value.text in ("-", "!") and self._nothing_follows(value.end):
                return None  # of what is to be excluded, nothing is typed yet
            return self._term(within, value, at, is_inside=depth > 0 or negated)
        key = _Key(KNOWN.get(name.lower(), ""), name, name)
        if within is not None:
            self._value()
            self._problem(at, len(name) + 1, messages.KEY_INSIDE, unfinished=True)
            return None
        self._at += len(name) + 1
        if self._at < len(self._text) and self._text[self._at] == "(":
            return self._group(key, depth + 1, negated=negated)
        return self._term(key, self._value(), at, is_inside=depth > 0 or negated)

    def _group(self, within: _Key | None, depth: int, *, negated: bool) -> Node | None:
        at = self._at
        self._at += 1
        if depth > DEEPEST:
            self._problem(at, 1, messages.TOO_DEEP)
            self._skip_group()
            return None
        node, found = self._or(within, depth)
        if self._at >= len(self._text):
            if not self._is_open:
                self._problem(at, 1, messages.OPEN_BRACKET, unfinished=True)
            self._is_open = True
            return node
        self._at += 1
        if not found:
            self._problem(at, self._at - at, messages.NOTHING_INSIDE)
        return node

    def _skip_group(self) -> None:
        """Go on behind the bracket that closes what is too deep; brackets in phrases are no brackets."""
        deep = 1
        while deep and not (self._skip_spaces() >= len(self._text)):
            if self._text[self._at] in "()":
                deep += 1 if self._text[self._at] == "(" else -1
                self._at += 1
            else:
                self._value()

    def _term(self, key: _Key | None, value: _Value, at: int, *, is_inside: bool) -> Term | None:
        self._terms += 1
        if self._terms > MOST_TERMS:
            if self._terms == MOST_TERMS + 1:
                self._problem(at, value.end - at, messages.TOO_MANY)
            return None
        if not value.closed:
            self._problem(value.at, value.end - value.at, messages.OPEN_PHRASE, unfinished=True)
        if key is None:
            key = _TEXT
        if not value.text and not self._takes_nothing(key, value):
            if value.closed and not value.quoted:
                self._problem(at, value.end - at, messages.NO_VALUE.format(key=key.typed), unfinished=True)
            elif value.closed:
                self._problem(value.at, value.end - value.at, messages.NO_TEXT, unfinished=True)
            return None
        if not key.key:
            if not value.text and not value.quoted:
                return Term(FIELD, key.name, (), at, value.end - at)
            return Term(VALUE, value.text, (key.name,), at, value.end - at)
        try:
            text = spelled(key.key, value.text)
        except BadValue as problem:
            self._problem(value.at, value.end - value.at, str(problem), unfinished=True)
            return None
        if key.key in MOMENTS:
            self._moment(key.key, text, at, value.end, is_inside=is_inside)
            return None
        return Term(key.key, text, (), at, value.end - at)

    @staticmethod
    def _takes_nothing(key: _Key, value: _Value) -> bool:
        """``email:`` is that it changed; ``email:""`` and ``old:""`` are that the value is empty."""
        if not value.quoted:
            return not key.key
        return value.closed and (not key.key or key.key in SIDES)

    def _moment(self, key: str, text: str, at: int, end: int, *, is_inside: bool) -> None:
        if is_inside:
            self._problem(at, end - at, messages.NOT_OUTSIDE)
        elif key in self._moments:
            self._problem(at, end - at, messages.TWICE.format(key=key))
        else:
            self._moments[key] = (text, at, end)

    def _check_order(self) -> None:
        if len(self._moments) == len(MOMENTS) and is_later(*(self._moments[key][0] for key in MOMENTS)):
            _, (_, at, end) = self._moments.popitem()
            self._problem(at, end - at, messages.BACKWARDS, unfinished=True)

    def _value(self) -> _Value:
        """The word or the phrase here, which may be empty."""
        at = self._at
        if self._text[at : at + 1] != '"':
            self._at = _WORD.match(self._text, at).end()  # type: ignore[union-attr]
            return _Value(self._text[at : self._at], at, self._at, quoted=False)
        phrase = _PHRASE.match(self._text, at)
        self._at = phrase.end() if phrase else len(self._text)
        inner = phrase[1] if phrase else self._text[at + 1 :]
        return _Value(_ESCAPED.sub(r"\1", inner), at, self._at, quoted=True, closed=phrase is not None)

    def _word(self) -> str:
        """The word that comes next, which stays: of the same place it is asked for several times."""
        at = self._skip_spaces()
        if at != self._word_at:
            self._word_at = at
            self._word_there = _WORD.match(self._text, at)[0]  # type: ignore[index]  # perhaps an empty one
        return self._word_there

    def _skip_spaces(self) -> int:
        self._at = _SPACES.match(self._text, self._at).end()  # type: ignore[union-attr]
        return self._at

    def _is_over(self) -> bool:
        return self._skip_spaces() >= len(self._text) or self._text[self._at] == ")"

    def _ends_at(self, at: int) -> bool:
        """Whether a word ends there."""
        return at >= len(self._text) or self._text[at] == ")" or _SPACES.match(self._text, at).end() > at  # type: ignore[union-attr]

    def _nothing_follows(self, at: int) -> bool:
        return _SPACES.match(self._text, at).end() >= len(self._text)  # type: ignore[union-attr]

    def _problem(self, at: int, length: int, message: str, *, unfinished: bool = False) -> None:
        if unfinished and self._typing and (message == messages.OPEN_BRACKET or self._nothing_follows(at + length)):
            return
        self._problems.append(Problem(at, length, message))


_TEXT: Final = _Key(TEXT, TEXT, TEXT)


def _with_fields(node: Node, names: tuple[str, ...]) -> Node:
    """In a group, the names of changed fields are those of its values too, also in groups that name none."""
    if isinstance(node, Term):
        return replace(node, fields=names) if names and node.key in SIDES and not node.fields else node
    if isinstance(node, Not):
        return Not(_with_fields(node.node, names))
    if isinstance(node, And):
        names = tuple(dict.fromkeys(name for inner in node.nodes for name in _named(inner))) or names
        return And(tuple(_with_fields(inner, names) for inner in node.nodes))
    return Or(tuple(_with_fields(inner, names) for inner in node.nodes))


def _named(node: Node) -> list[str]:
    """The fields that a part of a group names: ``email:``, or one of several."""
    some = list(node.nodes) if isinstance(node, Or) else [node]
    names = [one.text for one in some if isinstance(one, Term) and one.key == FIELD]
    return names if len(names) == len(some) else []
