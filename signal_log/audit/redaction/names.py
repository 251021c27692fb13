"""Finds a person in text, however it is written there, and masks them (pure; no Django).

Case, Unicode forms (composed or not, full width, invisible characters) and escapes (``%C3%A9``, ``\\u00e9``,
``&eacute;``, ``=C3=A9``) do not hide a name, nor do missing accents, but for a short name's: ``thé`` is not in
``the``. What stands between its words may be blanks, line breaks, dots, hyphens or underscores, and the last word may
come first, before a comma. An address may have a tag (``ada+news@example.org``). A name is a whole word: ``al`` is not
in ``also``, and a short one, or an address, not in ``al.gore`` or ``al@example.org`` either, which are others' names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any, Final

from signal_log.audit.redaction.name_forms import bare, folded, spread
from signal_log.event import MASK

DISTINCTIVE: Final = 6
"""A word of so many characters is masked in ``lovelace.png`` and ``lovelace@example.org``, too."""
SHORTEST_BARE: Final = 4
"""A name of so many characters is found without its accents, too."""
SHORTEST_BEGINNING: Final = 3
"""So much of a name at the place where a text was cut is masked as well."""
SHORTEST_HEX: Final = 4
"""Bytes of a name that are looked for in a binary value, which is logged in hex."""
_LETTER: Final = r"[^\W_]"
_IN_WORD: Final = r"[._@+\-]"
_LINE_BREAK: Final = r"\\+[nrt]"
"""Of JSON within a text."""
_BETWEEN: Final = rf"(?:(?:{_LINE_BREAK}|[\s_+\-\u2010-\u2015])+|[._+\-\u2010-\u2015]+)"
_COMMA: Final = rf"\s*,(?:{_LINE_BREAK}|[\s_+])*"
_WORD: Final = re.compile(r"[^\W_]+")
_CUT: Final = re.compile(r"…(?: \((?:\d+ (?:characters|bytes)|longer), |\Z)")
_TAIL: Final = re.compile(r"… \([^()]*SHA-256 [0-9a-f]{64}\)\Z")


class Names:
    """The texts that name somebody."""

    def __init__(self, texts: Iterable[str]) -> None:
        given = {text.strip() for text in texts}
        self.texts: Final = tuple(sorted(filter(None, given), key=lambda text: (-len(text), text)))
        self._folded = tuple(filter(None, dict.fromkeys(map(_one, self.texts))))
        without = dict.fromkeys(bare(name) for name in self._folded if len(name) >= SHORTEST_BARE)
        self._patterns = tuple(
            (accents, re.compile("|".join(form for name in found for form in _forms(name))))
            for accents, found in ((True, self._folded), (False, without))
            if found
        )
        self._words = tuple(tuple(_words(bare(name))) for name in self._folded)
        self._hex = tuple(
            encoded.hex()
            for text in self.texts
            for encoded in (text.encode(), unicodedata.normalize("NFD", text).encode())
            if len(encoded) >= SHORTEST_HEX
        )

    def __bool__(self) -> bool:
        return bool(self._folded)

    def may_be_in(self, text: str) -> bool:
        """A quick look: False only where ``masked`` would find nothing."""
        if not self._folded:
            return False
        if "0x" in text or "…" in text:
            return True
        letters = folded(text)
        whole = bare(letters)
        return any(all(word in whole for word in words) for words in self._words)

    def is_one(self, text: str) -> bool:
        """Whether a text is one of the names and nothing else."""
        return _one(text) in self._folded

    def masked(self, text: str) -> str:
        """The text with each of the names masked."""
        if not self.may_be_in(text):
            return text
        for accents, pattern in self._patterns:
            letters, places = spread(text, accents=accents)
            found = [(places[one.start()][0], places[one.end() - 1][1]) for one in pattern.finditer(letters)]
            for begin, end in reversed(found):
                text = f"{text[:begin]}{MASK}{text[end:]}"
        shown = self._without_beginning(self._without_hex(text))
        # The hash of the whole would let anybody try out what was masked in what is left of it.
        return _TAIL.sub("… (longer)", shown) if MASK in shown else shown

    def masked_value(self, value: Any) -> Any:
        """The same anywhere in a JSON value, in names of its keys too."""
        if isinstance(value, str):
            return self.masked(value)
        if isinstance(value, list):
            return [self.masked_value(one) for one in value]
        if isinstance(value, dict):
            shown: dict[str, Any] = {}
            for key, one in value.items():
                name = self.masked(key)
                while name in shown:
                    name += "'"
                shown[name] = self.masked_value(one)
            return shown
        return value

    def _without_hex(self, text: str) -> str:
        if "0x" not in text:
            return text

        def shown(found: re.Match[str]) -> str:
            return MASK if any(name in found[0].lower() for name in self._hex) else found[0]

        return re.sub(r"0x[0-9a-fA-F]{8,}", shown, text)

    def _without_beginning(self, text: str) -> str:
        """Mask what the place where a text was cut has left of a name."""
        for cut in reversed(list(_CUT.finditer(text))):
            letters, places = spread(text[: cut.start()])
            most = max(
                (
                    size
                    for name in self._folded
                    for size in range(SHORTEST_BEGINNING, len(name))
                    if letters.endswith(name[:size]) and not _continues(letters, len(letters) - size)
                ),
                default=0,
            )
            if most:
                text = f"{text[: places[len(letters) - most][0]]}{MASK}{text[cut.start() :]}"
        return text


def _one(text: str) -> str:
    """A text that is one name, in the form in which names are compared."""
    return " ".join(folded(text).replace("+", " ").replace("_", " ").split())


def _words(name: str) -> list[str]:
    """What a text must hold in which a name may be, the longest first."""
    return sorted(_WORD.findall(name) or name.split(), key=len, reverse=True)


def _forms(name: str) -> Iterator[str]:
    """The patterns of a name as a whole word, in text that is spread out."""
    words = name.split(" ")
    yield _whole(name, _BETWEEN.join(map(re.escape, words)))
    if len(words) > 1:
        last_first = [words[-1], " ".join(words[:-1])]
        yield _whole(
            " ".join(last_first), _COMMA.join(_BETWEEN.join(map(re.escape, one.split())) for one in last_first)
        )
    local, at, domain = name.rpartition("@")
    if local and domain and len(words) == 1:
        yield _whole(name, rf"{re.escape(local)}\+[^\s@]*{at}{re.escape(domain)}")


def _whole(name: str, pattern: str) -> str:
    is_distinctive = len(name) >= DISTINCTIVE and "@" not in name
    before = rf"(?:(?<!{_LETTER})|(?<=\\[nrt]))" + ("" if is_distinctive else rf"(?<!{_LETTER}{_IN_WORD})")
    after = f"(?!{_LETTER})" if is_distinctive else f"(?!{_IN_WORD}?{_LETTER})"
    return (before if name[0].isalnum() else "") + pattern + (after if name[-1].isalnum() else "")


def _continues(letters: str, at: int) -> bool:
    return at > 0 and letters[at - 1].isalnum()
