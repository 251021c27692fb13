"""Finds secrets in text by the name in front of them: ``password=…``, ``'token': b'…'``, ``<pin>…</pin>``.

A name is looked for first, and what stands behind a secret one is masked as far as it goes; so a value that is none
hides no name inside it. Every pattern takes time in proportion to the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from itertools import pairwise
from typing import Final
from urllib.parse import unquote

from signal_log.event import MASK

Found = Callable[[str], object]
Span = tuple[int, int, str]
"""From where to where a text is to be replaced, and by what."""

_QUOTED: Final = r""""(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?"""
_INSIDE: Final = rf"""(?:[^()\[\]{{}}"']|{_QUOTED})*"""
_VALUE: Final = re.compile(
    rf"""[bBrRuUfF]{{0,2}}(?:{_QUOTED})"""
    rf"""|(?P<open>(?:[A-Za-z_][\w.]{{0,60}})?\({_INSIDE}|\[{_INSIDE}|\{{{_INSIDE})(?P<close>[)\]}}]?)""",
    re.DOTALL,
)
"""A value in quotes, or as Python or JSON shows several of them."""
_ASSIGNED: Final = re.compile(r"(?<![\w.\[\]%])([^\W\d][\w.\[\]%-]{1,80})\s{0,3}[=\uff1d]\s{0,3}")
_ASSIGNED_VALUE: Final = re.compile(r"""[^\s&;,"'<>)\]}]+""")
_KEYED: Final = re.compile(r"""((\\{0,15})["'])([\w .\[\]-]{2,80})\1\s{0,9}(?::|=>)\s{0,9}""")
_KEYED_VALUE: Final = re.compile(r"""[^\s,"'\[\]{}]+""")
_LABELLED: Final = re.compile(r"(?<![\w-])([^\W\d][\w-]{1,80})\s{0,3}[:\uff1a]\s{0,3}")
_LABELLED_VALUE: Final = re.compile(r"""[^\s\"'<>,;)\]}]{6,}""")
_ONE_QUOTED: Final = re.compile(r"""[bru]?(?:"[^"\s]+"|'[^'\s]+')""")
_OPTION: Final = re.compile(r"""(?<![\w-])--([A-Za-z][\w-]{1,80})["']?,?\s{1,3}["']?(?=[^\s"'-])""")
_OPTION_VALUE: Final = re.compile(r"""[^\s"',;)\]}]{4,}""")
_ENCODED: Final = re.compile(
    r"(?:(?<![\w.%-])|%(?:25){0,3}[0-9A-Fa-f]{2})([A-Za-z_][\w.-]{1,80})%(?:25){0,3}(?:5[Dd]%(?:25){0,3})?3[Dd]"
)
_ENCODED_VALUE: Final = re.compile(r"""(?:[^\s&;,"'<>)\]}%]|%(?!(?:25){0,3}(?:26|3[Bb])))+""")
_ELEMENT: Final = re.compile(r"<([A-Za-z_][\w.:-]{1,80})(?:\s[^<>]{0,200})?>(?=\s{0,20}[^\s<])")
_ELEMENT_VALUE: Final = re.compile(r"(?:<!\[CDATA\[)?[^<]+")
_INPUT: Final = re.compile(r"<[a-z]{1,20}\s[^<>]{1,2000}>", re.IGNORECASE)
_INPUT_NAME: Final = re.compile(r"""\b(?:name|id|key|type)\s{0,3}=\s{0,3}["']?([\w.\[\]-]{2,80})""", re.IGNORECASE)
_INPUT_VALUE: Final = re.compile(rf"""\b(?:value|content)\s{{0,3}}=\s{{0,3}}({_QUOTED}|[^\s"'<>]+)""", re.IGNORECASE)
_VALUED: Final = ("value", "VALUE", "content=", "Value")
_PART: Final = re.compile(
    r"""\bname="?([\w.\[\]-]{2,80})"?[^\r\n]{0,200}(?:\r?\n[\w-]{1,40}:[^\r\n]{0,200}){0,4}\r?\n\r?\n"""
)
_PART_VALUE: Final = re.compile(r".+?(?=\r?\n--|\Z)", re.DOTALL)
_IN_ADDRESSES: Final = frozenset({"sig"})
"""Parameters of addresses that sign them."""


def looks_made_up(value: str) -> bool:
    """Whether a word is none of a language: it has digits or signs among its letters, or is very long."""
    letters = sum(map(str.isalpha, value))
    return (letters < len(value.rstrip(".!?:")) and any(map(str.isalnum, value))) or len(value) > 30


def without_named(text: str, names: Container[str], found: Found) -> str:
    """The text without the values that stand behind secret names; each of them is told to ``found``."""
    if "<" in text:
        text = _replaced(text, _elements(text, names), found)
    if "\n" in text and "name=" in text:
        text = _replaced(text, _parts(text, names), found)
    if "%" in text and ("3D" in text or "3d" in text):
        text = _replaced(text, _encoded(text, names), found)
    if "=" in text or "\uff1d" in text:
        text = _replaced(text, _assigned(text, names), found)
    if '"' in text or "'" in text:
        text = _replaced(text, _keyed(text, names), found)
    if ":" in text or "\uff1a" in text:
        text = _replaced(text, _labelled(text, names), found)
    if "--" in text:
        text = _replaced(text, _options(text, names), found)
    return text


def _replaced(text: str, spans: Iterator[Span], found: Found) -> str:
    parts, at = [], 0
    for start, end, instead in spans:
        if start < at or start == end:
            continue
        found(text[start:end])
        parts += [text[at:start], instead]
        at = end
    return "".join([*parts, text[at:]]) if parts else text


def _end_of_value(text: str, start: int, word: re.Pattern[str]) -> int | None:
    value = _VALUE.match(text, start) or word.match(text, start)
    if value is None:
        return None
    if value.re is _VALUE and value["open"] and not value["close"]:
        return len(text)  # lists in lists: where it ends cannot be told
    return value.end()


def _assigned(text: str, names: Container[str]) -> Iterator[Span]:
    end: int | None = 0
    for match in _ASSIGNED.finditer(text):
        if match.start() < (end or 0):
            continue  # inside a value: a text of nothing but names must not be read again for each
        name, before = match[1], text[match.start() - 1 : match.start()]
        if "%" in name:
            name = unquote(name)
        is_secret = name in names or (before == "-" and name[1:] in names)
        if is_secret or (before in ("?", "&") and name in _IN_ADDRESSES):
            end = _end_of_value(text, match.end(), _ASSIGNED_VALUE)
            if end is not None:
                yield match.end(), end, MASK


def _keyed(text: str, names: Container[str]) -> Iterator[Span]:
    end = 0
    for match in _KEYED.finditer(text):
        quote, start = match[1], match.end()
        if match[3] not in names or start < end:
            continue
        if match[2] and text.startswith(quote, start):  # JSON inside a text of JSON
            end = text.find(quote, start + len(quote))
            end = len(text) if end < 0 else end + len(quote)
        else:
            end = _end_of_value(text, start, _KEYED_VALUE) or start
        yield start, end, f"{quote}{MASK}{quote}"


def _labelled(text: str, names: Container[str]) -> Iterator[Span]:
    end = 0
    for match in _LABELLED.finditer(text):
        if match.start() < end or match[1] not in names:
            continue
        value = _ONE_QUOTED.match(text, match.end())
        if value is None:
            value = _LABELLED_VALUE.match(text, match.end())
            if value is None or not looks_made_up(value[0]):
                continue
        end = value.end()
        if MASK not in value[0]:
            yield *value.span(), MASK


def _options(text: str, names: Container[str]) -> Iterator[Span]:
    end = 0
    for match in _OPTION.finditer(text):
        if match.start() < end or match[1] not in names:
            continue
        value = _OPTION_VALUE.match(text, match.end())
        if value is not None and looks_made_up(value[0]):
            end = value.end()
            yield *value.span(), MASK


def _encoded(text: str, names: Container[str]) -> Iterator[Span]:
    end = 0
    for match in _ENCODED.finditer(text):
        if match.start() >= end and match[1] in names and (value := _ENCODED_VALUE.match(text, match.end())):
            end = value.end()
            yield *value.span(), MASK


def _elements(text: str, names: Container[str]) -> Iterator[Span]:
    spans: list[Span] = []
    for match in _ELEMENT.finditer(text):
        value = _ELEMENT_VALUE.match(text, match.end())
        if match[1] in names and value is not None and (match[1].lower() != "key" or looks_made_up(value[0].strip())):
            spans.append((*value.span(), MASK))
    tags = _INPUT.finditer(text) if any(sign in text for sign in _VALUED) else ()
    for tag in tags:
        if any(name[1] in names for name in _INPUT_NAME.finditer(tag[0])):
            spans += [
                (tag.start() + value.start(1), tag.start() + value.end(1), f'"{MASK}"')
                for value in _INPUT_VALUE.finditer(tag[0])
            ]
    yield from sorted(spans)


def _parts(text: str, names: Container[str]) -> Iterator[Span]:
    end = 0
    for match in _PART.finditer(text):
        if match.start() >= end and match[1] in names and (value := _PART_VALUE.match(text, match.end())):
            end = value.end()
            yield *value.span(), MASK


def changes_case(value: str) -> bool:
    """Whether capitals stand in the middle of a word, more than once, as in Base64."""
    return sum(a.islower() and b.isupper() for a, b in pairwise(value)) >= 2
