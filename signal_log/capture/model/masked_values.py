"""Remembers the values that were masked, and finds copies of them in other texts of the same trace."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final
from urllib.parse import quote, quote_plus

import orjson

from signal_log.capture.model.named_values import looks_made_up
from signal_log.capture.model.snapshot import text_of
from signal_log.event import MASK

MOST: Final = 1_000
"""Of more masked values than this the latest are remembered, and no error of the trace is quoted any more."""
MAX_DEPTH: Final = 8
SHORTEST: Final = 6
"""Copies of shorter values are not looked for: they would be found everywhere."""
SHORTEST_WORD: Final = 8
"""The same for values that consist of letters only: such a word may be anybody's."""
EVERYDAY: Final = frozenset({
    "anonymous", "disabled", "inactive", "internal", "localhost", "password", "settings", "testserver", "unlimited",
    "username",
})  # fmt: skip
"""Words that are not looked for although they are long enough."""
SHORTEST_IN_ERRORS: Final = 4
"""In an error, values from this length on are found; shorter ones only where they are quoted."""
SHORTEST_CUT: Final = 12
"""Of a shorter value no beginning is looked for."""
_ALIKE: Final = re.compile(rf"[\w.-]{{{SHORTEST}}}", re.ASCII)
_MANY: Final = 50
_CUT: Final = "…"


class MaskedValues:
    """The masked values of one trace, as text. Iterates over all that an error must not quote, the short ones too."""

    def __init__(self) -> None:
        self.overflowed = False
        self._texts: dict[str, None] = {}
        self._hidden: dict[str, None] = {}
        self._needles: dict[str, tuple[str, ...] | None] = {}
        """Those that copies are looked for of, with the ways in which they may be written once that is asked for."""
        self._starts: frozenset[bytes] = frozenset()
        """What each spelling begins with, in JSON."""

    def __iter__(self) -> Iterator[str]:
        return chain(self._texts, self._hidden)

    def note(self, values: Iterable[Any]) -> None:
        """Remember these, and what is in them if they are lists or mappings."""
        known = self._texts
        for value in values:
            if type(value) is str and (not value or value in known):
                continue
            for text in _texts_in(value, MAX_DEPTH):
                if text and text not in known:
                    known[text] = None
                    if is_distinctive(text):
                        self._needles[text] = None
                        self._starts = frozenset()
        while len(known) > MOST:
            self.overflowed = True
            oldest = next(iter(known))
            del known[oldest]
            self._needles.pop(oldest, None)
            self._starts = frozenset()

    def note_hidden(self, values: Iterable[Any]) -> None:
        """Remember these for errors alone, of more than ``MOST`` the latest."""
        for value in values:
            for text in _texts_in(value, MAX_DEPTH):
                if text:
                    self._hidden[text] = None
        while len(self._hidden) > MOST:
            del self._hidden[next(iter(self._hidden))]

    def may_be_in(self, encoded: bytes) -> bool:
        """Whether one of them may be in this JSON: a quick answer, that is mostly no."""
        if not self._needles:
            return False
        if not self._starts:
            self._starts = frozenset(start for text in self._needles for start in self._starts_of(text))
        if len(self._starts) > _MANY:
            encoded = encoded.lower()
            return not self._starts.isdisjoint(encoded[at : at + SHORTEST] for at in range(len(encoded)))
        encoded = encoded.lower()
        return any(start in encoded for start in self._starts)

    def is_in(self, text: str) -> bool:
        """Whether a text shows one of them, in capitals or not, or the beginning of one where the text was cut."""
        if len(text) < SHORTEST:
            return False
        text = text.lower()
        for needle in self._needles:
            for each in self._spelled(needle):
                if each in text and (not needle.isalpha() or _is_word_in(each, text)):
                    return True
        kept = text.rpartition(_CUT)[0] if _CUT in text else text  # we cut, and so do hosts
        return any(_ends_within(kept, each) for needle in self._needles for each in self._spelled(needle))

    def _spelled(self, needle: str) -> tuple[str, ...]:
        found = self._needles[needle]
        if found is None:
            found = self._needles[needle] = _spellings(needle)
        return found

    def _starts_of(self, needle: str) -> Iterator[bytes]:
        if _ALIKE.match(needle):  # however it is written
            yield needle[:SHORTEST].encode().lower()
            yield needle[:SHORTEST].encode().hex()[:SHORTEST].encode()
        else:
            yield from (orjson.dumps(each)[1:-1][:SHORTEST].lower() for each in self._spelled(needle))

    def without(self, value: Any) -> Any:
        """JSON with every text, key and number masked that shows one of them."""
        if isinstance(value, str):
            return MASK if self.is_in(value) else value
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int):
            return MASK if str(value) in self._needles else value
        if isinstance(value, list):
            return [self.without(inner) for inner in value]
        if isinstance(value, Mapping):
            return {self.without(name): self.without(inner) for name, inner in value.items()}
        return value


def is_distinctive(text: str) -> bool:
    """Whether a value is rare enough that its copies can be told from ordinary text."""
    if len(text) < SHORTEST or text == MASK:
        return False
    return not text.isalpha() or (len(text) >= SHORTEST_WORD and text.lower() not in EVERYDAY)


def mask_secrets(text: str, secrets: Iterable[Any]) -> str:
    """The text, masked whole if it contains one of the secret values."""
    return MASK if shows_one_of(text, secrets) else text


def shows_one_of(text: str, secrets: Iterable[Any]) -> bool:
    """Whether a text contains one of these values: of four characters or more, in capitals or not, or quoted."""
    if isinstance(secrets, MaskedValues) and secrets.overflowed:
        return True
    small = text.lower()
    for secret in secrets:
        shown = text_of(secret) if secret is not None else ""
        if len(shown) >= SHORTEST_IN_ERRORS:
            if shown.lower() in small or repr(shown)[1:-1].lower() in small or _shows_beginning(small, shown.lower()):
                return True
        elif shown and (f"'{shown}'" in text or f'"{shown}"' in text):
            return True
    return False


def _shows_beginning(text: str, secret: str) -> bool:
    """Whether a text shows how a token begins, as in ``hunter2a…``, if no word begins like that."""
    beginning = secret[:SHORTEST_WORD]
    return len(secret) >= SHORTEST_CUT and beginning in text and looks_made_up(beginning.strip())


def _texts_in(value: Any, depth: int) -> Iterator[str]:
    if value is None or isinstance(value, bool):
        return
    if hasattr(value, "resolve_expression"):
        value = getattr(value, "value", None)
        if value is None or hasattr(value, "resolve_expression"):
            return
    if isinstance(value, (bytes, bytearray, memoryview)):
        held = bytes(value)
        yield held.hex()
        yield held.decode("utf-8", "replace")
    elif depth and isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts_in(inner, depth - 1)
    elif depth and isinstance(value, Collection) and not isinstance(value, str):
        for inner in value:
            yield from _texts_in(inner, depth - 1)
    else:
        yield text_of(value)


def _spellings(text: str) -> tuple[str, ...]:
    """How a value may be written inside other texts: by Python, in JSON, in an address, in HTML, as bytes; in small."""
    as_bytes = text.encode("utf-8", "replace").hex()
    if text.isalnum() and text.isascii():
        return (text.lower(), as_bytes)
    ways = (text, repr(text)[1:-1], json.dumps(text)[1:-1], quote(text, safe=""), quote_plus(text), html.escape(text))
    return tuple(dict.fromkeys([*(way.lower() for way in ways), as_bytes]))


def _is_word_in(word: str, text: str) -> bool:
    at = text.find(word)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(word) : at + len(word) + 1]
        if not before.isalpha() and not after.isalpha():
            return True
        at = text.find(word, at + 1)
    return False


def _ends_within(text: str, needle: str) -> bool:
    """Whether a text ends with the beginning of a value, at least with half of it or eight characters."""
    least = max(SHORTEST, min(len(needle) // 2, 8))
    return needle[:least] in text[-len(needle) :] and any(
        text.endswith(needle[:length]) for length in range(len(needle) - 1, least - 1, -1)
    )
