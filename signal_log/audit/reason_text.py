"""What somebody has written to say why: something that a person can read, without what is invisible around it."""

from __future__ import annotations

import unicodedata
from typing import Final

FILLERS: Final = "\u115f\u1160\u3164\uffa0"
"""Letters of Hangul, says Unicode, that are blank."""


def said(text: str, *, pictures: bool = False) -> str:
    """The text without blanks and invisible characters around it; empty if it has no letter and no digit.

    Those within it stay: some scripts join letters by them. With ``pictures`` an emoji is as good as a letter.
    """
    if not any(_says_something(one, pictures=pictures) for one in text):
        return ""
    first = next(at for at, one in enumerate(text) if not _is_blank(one))
    end = next(at for at in range(len(text), 0, -1) if not _is_blank(text[at - 1]))
    return text[first:end]


def _says_something(one: str, *, pictures: bool) -> bool:
    category = unicodedata.category(one)
    return (category[0] in "LN" or (pictures and category == "So")) and not _is_blank(one)


def _is_blank(one: str) -> bool:
    """Whether nothing of it can be seen: separators, controls, format characters, and what looks like a blank."""
    return unicodedata.category(one)[0] in "ZC" or one in FILLERS or one == "\u2800"
