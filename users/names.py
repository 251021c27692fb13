"""Which user names a stranger may take: none that reads as somebody else's, in the log or anywhere else."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from django.core.exceptions import ValidationError

ACTORS: Final = frozenset(
    ("anonymous", "anonymoususer", "unknown", "nobody", "none", "null", "shell", "task", "migration", "migrate")
)
"""What the log shows as the actor where it is no account, and words for nobody."""

RESERVED: Final = "This name is reserved. Choose another."
NO_LETTER: Final = "A username needs at least one letter."
UNSEEN: Final = "This name has an invisible character (U+%04X). Type it again without."
MIXED: Final = "This name mixes letters of several alphabets (%s), some of which look alike. Use one alphabet."

# Letters of these alphabets are written together; the rule is "highly restrictive" of Unicode's report 39, section 5.2.
_TOGETHER: Final = (
    {"LATIN", "CJK", "HIRAGANA", "KATAKANA"},
    {"LATIN", "CJK", "BOPOMOFO"},
    {"LATIN", "CJK", "HANGUL"},
)
_BLANK: Final = re.compile("[\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800]")
"""Letters, by their category, that nothing is drawn for."""
_SEPARATORS: Final = re.compile(r"[\W_]+")


def check_name(name: str) -> None:
    """Raise ``ValidationError`` for a name that could be taken for another's."""
    for character in name:
        if unicodedata.category(character)[0] == "C" or _BLANK.match(character):
            raise ValidationError(UNSEEN % ord(character), code="invisible")
    alphabets = {alphabet(character) for character in name if character.isalpha()}
    if not alphabets:
        raise ValidationError(NO_LETTER, code="no_letter")
    if len(alphabets) > 1 and not any(alphabets <= together for together in _TOGETHER):
        raise ValidationError(MIXED % ", ".join(sorted(one.capitalize() for one in alphabets)), code="mixed")
    if re.match(r"os\W", name, re.IGNORECASE) or _SEPARATORS.sub("", name).casefold() in ACTORS:
        raise ValidationError(RESERVED, code="reserved")


def in_order(*validators: Callable[[str], None]) -> Callable[[str], None]:
    """One validator that says what the first of these to refuse says; a field's own would all speak at once."""

    def validate(name: str) -> None:
        for validator in validators:
            validator(name)

    return validate


def alphabet(letter: str) -> str:
    """The alphabet of a letter, which is how Unicode's name for it begins."""
    return unicodedata.name(letter, "unnamed").partition(" ")[0].partition("-")[0]
