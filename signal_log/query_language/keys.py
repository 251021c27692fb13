"""The keys of the language, which texts are keys, and which characters part words."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MODEL: Final = "model"
TEXT: Final = "text"
FIELD: Final = "field"
VALUE: Final = "value"
TOOK: Final = "took"
OVERWROTE: Final = "overwrote"
PINNED: Final = "pinned"
ANY: Final = "yes"
"""As the value of ``overwrote``: any field; of ``pinned``: whoever pinned it."""
SIDES: Final = ("old", "new", VALUE)
MOMENTS: Final = ("since", "until")
KEYS: Final = (
    MODEL, "signal", "actor", "actor_pk", "actor_name", "object", "outcome", "source", "trace",
    FIELD, *SIDES, OVERWROTE, TOOK, PINNED, TEXT,
)  # fmt: skip
"""The keys of terms; any other name is that of a changed field."""
KNOWN: Final = {key: key for key in (*KEYS, *MOMENTS)} | {"sender": MODEL}

OPERATORS: Final = ("OR", "AND", "NOT")
SPACE: Final = "\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""The white space of a regular expression's class, spelled out: Python and JavaScript do not mean the same by it."""

_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def is_name(text: str) -> bool:
    """Whether this before a colon is a key: a letter or ``_``, then letters, digits, marks, ``_``, ``.`` and ``-``."""
    if text.isascii():
        return _PLAIN_NAME.fullmatch(text) is not None
    return (text[0].isalpha() or text[0] == "_") and all(map(_goes_on, text))


def _goes_on(character: str) -> bool:
    return character in "_.-" or unicodedata.category(character)[0] in "LNM"


def key_in(word: str) -> str | None:
    """The name before a word's first colon, if that is what it is: ``10:42`` and ``https://x`` have none."""
    name, colon, rest = word.partition(":")
    return name if colon and name and not rest.startswith("//") and is_name(name) else None
