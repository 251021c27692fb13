"""The forms of a text in which names are compared: without case, escapes, invisible characters and accents (pure)."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

_TOKEN: Final = re.compile(
    r"(?:%(?:25)*[0-9a-fA-F]{2})+|(?:\\+u[0-9a-fA-F]{4})+|(?:\\+x[0-9a-fA-F]{2})+"
    r"|&(?:\#(?:x[0-9a-fA-F]{1,6}|[0-9]{1,7})|[A-Za-z][A-Za-z0-9]{1,30});"
    r"|=[C-F][0-9A-F](?:=[89AB][0-9A-F]){1,3}"
    r"|_(?:2[2-6BCEF]|3[ABCDEF]|40|5[BCDF]|0A)(?=[^\W_])"
)
"""In addresses (also encoded twice), in source, in JSON (also within another), in HTML and in mails; and a key in the
admin's addresses."""
_BYTE: Final = re.compile(r"%(?:25)*([0-9a-fA-F]{2})|\\+x([0-9a-fA-F]{2})|=([0-9A-F]{2})")
_UNIT: Final = re.compile(r"\\+u([0-9a-fA-F]{4})")
_INVISIBLE: Final = re.compile("[\u00ad\u0600-\u08e2\u180e\u200b-\u206f\ufeff\ufff9-\ufffb\U00010000-\U0010ffff]")
"""Among these are the characters that nobody sees; a quick look."""
_ACCENT: Final = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff]")
_WITH_STROKE: Final = str.maketrans(
    {"đ": "d", "ð": "d", "ø": "o", "ł": "l", "ħ": "h", "\u0131": "i", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th"}
)

Places = list[tuple[int, int]]


def folded(text: str) -> str:
    """A text without what may hide a name, as far as that needs no look at each character."""
    if ("%" in text or "\\" in text or "&" in text or "_" in text or "=" in text) and _TOKEN.search(text):
        return spread(text)[0]
    if text.isascii():
        return text.lower()
    letters = _folded(text)  # as ``spread``, many times as fast
    if _INVISIBLE.search(letters):
        letters = "".join(one for one in letters if unicodedata.category(one) != "Cf")
    return letters


def bare(letters: str) -> str:
    """Folded letters without accents and strokes."""
    if letters.isascii():
        return letters
    apart = unicodedata.normalize("NFD", letters)
    return unicodedata.normalize("NFC", _ACCENT.sub("", apart)).translate(_WITH_STROKE)


def spread(text: str, *, accents: bool = True) -> tuple[str, Places]:
    """A text's folded letters, and for each from where to where it stands in the text."""
    letters: list[str] = []
    places: Places = []
    for piece, begin, end in _clusters(text):
        kept = "".join(one for one in _folded(piece) if unicodedata.category(one) != "Cf")
        if not accents:
            kept = bare(kept)
        letters.append(kept)
        places += [(begin, end)] * len(kept)
    return "".join(letters), places


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


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
        return [(html.unescape(text), begin, escape.end())]
    if text.startswith("_"):
        return [(chr(int(text[1:], 16)), begin, escape.end())]
    if text.startswith("\\") and "u" in text:
        units = list(_UNIT.finditer(text))
        encoded = b"".join(int(one[1], 16).to_bytes(2, "big") for one in units)
        return _by_bytes(encoded, "utf-16-be", [place for one in units for place in [_placed(one, begin)] * 2])
    found = list(_BYTE.finditer(text))
    values = bytes.fromhex("".join(one[1] or one[2] or one[3] for one in found))
    places = [_placed(one, begin) for one in found]
    if text.startswith("\\") and not _is_utf8(values):  # Python's repr of a character below 256
        return [(chr(value), *place) for value, place in zip(values, places, strict=True)]
    return _by_bytes(values, "utf-8", places)


def _placed(one: re.Match[str], begin: int) -> tuple[int, int]:
    return begin + one.start(), begin + one.end()


def _is_utf8(values: bytes) -> bool:
    try:
        values.decode()
    except UnicodeDecodeError:
        return False
    return True


def _by_bytes(encoded: bytes, encoding: str, places: Places) -> list[tuple[str, int, int]]:
    """The characters of encoded bytes, each of which has its place in the text."""
    found, at = [], 0
    for one in encoded.decode(encoding, "replace"):
        end = min(at + len(one.encode(encoding, "replace")), len(encoded))
        found.append((one, places[min(at, len(places) - 1)][0], places[end - 1][1]))
        at = end
    return found
