"""What an event changed, field by field: old and new, with the words that differ marked in long texts.

The live page's panel says the same (``lib/diff.js``).
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from difflib import SequenceMatcher
from itertools import islice
from typing import Any, Final

from signal_log.event import MASK
from signal_log.show.words.short import is_unknown
from signal_log.show.words.text import plain, visible
from signal_log.show.words.ways import spelled

_TOKEN: Final = re.compile(r"\w+|\s+|[^\w\s]")
_STAMP: Final = re.compile(
    r"(updated|modified|changed|last)(_at|_on|_time)?|.*_(updated|modified)(_at|_on)?", re.DOTALL
)
_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d(?:\.\d+)?)(?:Z|\+00:00)", re.ASCII)
SHORTEST_WORD_DIFF: Final = 16
MOST_TOKENS: Final = 1_500  # SequenceMatcher is quadratic; 1,500 words take some 20 ms
LEAST_LIKENESS: Final = 0.35
NO_OLD: Final = ("created", "silent", "m2m", "signal")  # a silent update's old values are unknown
NO_NEW: Final = ("deleted", "m2m")  # a relation shows only what was added or removed


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a value; ``marked`` where the other side differs."""

    text: str
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a change; ``style`` is ``null``, ``empty``, ``unknown``, ``masked`` or nothing."""

    pieces: tuple[Piece, ...]
    style: str = ""
    asked: str | None = dataclass_field(default=None, compare=False)
    """How a query spells the value, if it can."""

    @property
    def text(self) -> str:
        """The whole value, without marks."""
        return "".join(piece.text for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """One field; a side without information (such as the old one of a creation) is None.

    ``unseen`` where the writer had not seen the old value; ``redacted`` where a redaction may have masked a value, as
    else only what was never logged is.
    """

    name: str
    old: Side | None
    new: Side | None
    unseen: bool = False
    redacted: bool = False
    field: str = dataclass_field(default="", compare=False)
    """The name as the log has it."""

    @property
    def masked(self) -> bool:
        """Whether the value is a secret, which the log never contained."""
        return any(side is not None and side.style == "masked" for side in (self.old, self.new))


def field_diffs(changes: Any, effect: str, unseen: Container[str] = ()) -> list[FieldDiff]:
    """The changes of an event with this effect (``kinds.effect``), which overwrote these fields unseen."""
    return [_field_diff(name, old, new, effect, name in unseen) for name, old, new in pairs(changes)]


def pairs(changes: Any) -> Iterator[tuple[str, Any, Any]]:
    """``(field, old, new)`` for each change; a row not written by the recorder may contain anything."""
    if not isinstance(changes, Mapping):
        return
    for name, change in changes.items():
        if isinstance(change, list) and len(change) == 2:
            yield str(name), change[0], change[1]
        else:
            yield str(name), None, change


def is_stamp(name: str) -> bool:
    """Whether a field of this name only tells when the row was written last."""
    return _STAMP.fullmatch(name) is not None


def side(value: Any) -> Side:
    """One side for a single value."""
    if value is None:
        return Side((Piece("null"),), "null")
    if value == "":
        return Side((Piece("empty"),), "empty")
    if value == MASK:
        return Side((Piece(MASK),), "masked")
    if is_unknown(value):
        return Side((Piece("unknown"),), "unknown")
    return Side((Piece(visible(_readable(plain(value, pretty=True)))),))


def _readable(text: str) -> str:
    """A UTC time in readable form; any other text unchanged."""
    moment = _MOMENT.fullmatch(text)
    return f"{moment[1]} {moment[2]} UTC" if moment else text


def _field_diff(name: str, old: Any, new: Any, effect: str, unseen: bool) -> FieldDiff:
    before = None if effect in NO_OLD and old is None else side(old)
    after = None if effect in NO_NEW and new is None else side(new)
    if before and after and not before.style and not after.style:
        before, after = _marked(before.text, after.text)
    before, after = (
        replace(shown, asked=spelled(value)) if shown else None for shown, value in ((before, old), (after, new))
    )
    return FieldDiff(visible(name), before, after, unseen, field=name)


def _tokens(text: str) -> list[str]:
    """The words of a text, up to the limit."""
    return [found[0] for found in islice(_TOKEN.finditer(text), MOST_TOKENS + 1)]


def _marked(old: str, new: str) -> tuple[Side, Side]:
    """Both texts with differing words marked, unless they are short or have little in common."""
    whole = Side((Piece(old),)), Side((Piece(new),))
    if min(len(old), len(new)) < SHORTEST_WORD_DIFF:
        return whole
    ours, theirs = _tokens(old), _tokens(new)
    if max(len(ours), len(theirs)) > MOST_TOKENS:
        return whole
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    steps = matcher.get_opcodes()
    kept = sum(len("".join(ours[a:b])) for tag, a, b, _, _ in steps if tag == "equal")
    if kept < LEAST_LIKENESS * max(len(old), len(new)):
        return whole
    return (
        Side(tuple(Piece("".join(ours[a:b]), tag != "equal") for tag, a, b, _, _ in steps if a < b)),
        Side(tuple(Piece("".join(theirs[c:d]), tag != "equal") for tag, _, _, c, d in steps if c < d)),
    )
