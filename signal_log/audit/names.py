"""Finds a person in text, however it is written there, and masks them (pure; no Django).

Case, Unicode forms (composed or not, full width, invisible characters) and escapes (``%C3%A9``, ``\\u00e9``,
``&eacute;`` by its number) do not hide a name. A name is a whole word: ``al`` is not in ``also``, and a short one, or
an address, not in ``al.gore`` or ``al@example.org`` either, which are others' names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any, Final

from signal_log.event import MASK

DISTINCTIVE: Final = 6
"""A word of so many characters is masked in ``lovelace.png`` and ``lovelace@example.org``, too."""
SHORTEST_BEGINNING: Final = 3
"""So much of a name at the place where a text was cut is masked as well."""
SHORTEST_HEX: Final = 4
"""Bytes of a name that are looked for in a binary value, which is logged in hex."""
_TOKEN: Final = re.compile(
    r"(?:%(?:25)*[0-9a-fA-F]{2})+|(?:\\u[0-9a-fA-F]{4})+|(?:\\x[0-9a-fA-F]{2})+"
    r"|&\#(?:x[0-9a-fA-F]{1,6}|[0-9]{1,7});"
    r"|_(?:2[2-6BCEF]|3[ABCDEF]|40|5[BCDF]|0A)(?=[^\W_])"
)
"""In addresses (also encoded twice), in source and JSON, in HTML; and a key in the admin's addresses."""
_BYTE: Final = re.compile(r"%(?:25)*([0-9a-fA-F]{2})|\\x([0-9a-fA-F]{2})")
_INVISIBLE: Final = re.compile("[\u00ad\u0600-\u08e2\u180e\u200b-\u206f\ufeff\ufff9-\ufffb\U00010000-\U0010ffff]")
"""Among these are the characters that nobody sees; a quick look."""
_LETTER: Final = r"[^\W_]"
_IN_WORD: Final = r"[._@+\-]"
_CUT: Final = re.compile(r"…(?: \((?:\d+ (?:characters|bytes)|longer), |\Z)")
_TAIL: Final = re.compile(r"… \([^()]*SHA-256 [0-9a-f]{64}\)\Z")


class Names:
    """The texts that name somebody."""

    def __init__(self, texts: Iterable[str]) -> None:
        given = {text.strip() for text in texts}
        self.texts: Final = tuple(sorted(filter(None, given), key=lambda text: (-len(text), text)))
        self._folded = tuple(filter(None, dict.fromkeys(folded(text) for text in self.texts)))
        self._pattern = re.compile("|".join(map(_whole, self._folded))) if self._folded else None
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
        whole = folded(text)
        return any(name in whole for name in self._folded)

    def is_one(self, text: str) -> bool:
        """Whether a text is one of the names and nothing else."""
        return folded(text) in self._folded

    def masked(self, text: str) -> str:
        """The text with each of the names masked."""
        if not self.may_be_in(text):
            return text
        if self._pattern is not None:
            letters, places = _spread(text)
            found = [(places[one.start()][0], places[one.end() - 1][1]) for one in self._pattern.finditer(letters)]
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
            letters, places = _spread(text[: cut.start()])
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


def folded(text: str) -> str:
    """A text in the form in which names are compared."""
    if ("%" in text or "\\" in text or "&#" in text or "_" in text) and _TOKEN.search(text):
        letters = _spread(text)[0]
    elif text.isascii():
        letters = text.lower()
    else:  # as ``_spread``, many times as fast
        letters = _folded(text)
        if _INVISIBLE.search(letters):
            letters = "".join(one for one in letters if unicodedata.category(one) != "Cf")
    return " ".join(letters.replace("+", " ").replace("_", " ").split())


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _whole(name: str) -> str:
    """The pattern of a name as a whole word, in text that is spread out."""
    pattern = r"(?:\s|[+_])+".join(map(re.escape, name.split(" ")))
    is_distinctive = len(name) >= DISTINCTIVE and "@" not in name
    before = f"(?<!{_LETTER})" if is_distinctive else f"(?<!{_LETTER})(?<!{_LETTER}{_IN_WORD})"
    after = f"(?!{_LETTER})" if is_distinctive else f"(?!{_IN_WORD}?{_LETTER})"
    return (before if name[0].isalnum() else "") + pattern + (after if name[-1].isalnum() else "")


def _continues(letters: str, at: int) -> bool:
    return at > 0 and letters[at - 1].isalnum()


def _spread(text: str) -> tuple[str, list[tuple[int, int]]]:
    """A text's folded letters, and for each from where to where it stands in the text."""
    letters: list[str] = []
    places: list[tuple[int, int]] = []
    for piece, begin, end in _clusters(text):
        kept = "".join(one for one in _folded(piece) if unicodedata.category(one) != "Cf")
        letters.append(kept)
        places += [(begin, end)] * len(kept)
    return "".join(letters), places


def _clusters(text: str) -> list[tuple[str, int, int]]:
    """Characters with the marks that follow them, escapes resolved; each with its place in the text."""
    found: list[tuple[str, int, int]] = []
    at = 0
    for escape in _TOKEN.finditer(text):
        found += [(one, number, number + 1) for number, one in enumerate(text[at : escape.start()], at)]
        found += _resolved(escape)
        at = escape.end()
    found += [(one, number, number + 1) for number, one in enumerate(text[at:], at)]
    joined: list[tuple[str, int, int]] = []
    for one, begin, end in found:
        if joined and (not one or unicodedata.combining(one[0]) or "\u1160" <= one[0] <= "\u11ff"):
            joined[-1] = (joined[-1][0] + one, joined[-1][1], end)
        else:
            joined.append((one, begin, end))
    return joined


def _resolved(escape: re.Match[str]) -> list[tuple[str, int, int]]:
    """What an escape stands for; itself if it stands for nothing."""
    text, begin = escape[0], escape.start()
    if text.startswith("&"):
        number = int(text[3:-1], 16) if text[2] in "xX" else int(text[2:-1])
        return [(chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else text, begin, escape.end())]
    if text.startswith("_"):
        return [(chr(int(text[1:], 16)), begin, escape.end())]
    if text.startswith("\\u"):
        units = [int(unit, 16) for unit in text.split("\\u")[1:]]
        encoded = b"".join(unit.to_bytes(2, "big") for unit in units)
        halves = [(begin + at * 3, begin + at * 3 + 3) for at in range(len(encoded))]
        return _by_bytes(encoded, "utf-16-be", halves)
    found = list(_BYTE.finditer(text))
    values = bytes.fromhex("".join(one[1] or one[2] for one in found))
    places = [(begin + one.start(), begin + one.end()) for one in found]
    if text.startswith("\\") and not _is_utf8(values):  # Python's repr of a character below 256
        return [(chr(value), *place) for value, place in zip(values, places, strict=True)]
    return _by_bytes(values, "utf-8", places)


def _is_utf8(values: bytes) -> bool:
    try:
        values.decode()
    except UnicodeDecodeError:
        return False
    return True


def _by_bytes(encoded: bytes, encoding: str, places: list[tuple[int, int]]) -> list[tuple[str, int, int]]:
    """The characters of encoded bytes, each of which has its place in the text."""
    found, at = [], 0
    for one in encoded.decode(encoding, "replace"):
        end = min(at + len(one.encode(encoding, "replace")), len(encoded))
        found.append((one, places[min(at, len(places) - 1)][0], places[end - 1][1]))
        at = end
    return found
