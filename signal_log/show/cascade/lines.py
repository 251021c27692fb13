"""A cascade told line by line with keys, values and places in code: the tail's, the export's and the panel's text.

::

    ~  updated users.Profile 17 ada   name "Ada" → "Ada L."   users/forms.py:83 in save
    ~  └ sync_user → updated auth.User 17 ada   first_name "Ada" → "Ada L."
    !  failed shop.Order 9   IntegrityError: UNIQUE constraint failed: shop_order.number
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

from signal_log.event import COMMITTED, FAILED, MASK, ROLLED_BACK
from signal_log.show.cascade import phrase
from signal_log.show.cascade.nested import Nested, flat
from signal_log.show.cascade.operation import Cascade, Operation, number_shapes
from signal_log.show.words.diff import pairs
from signal_log.show.words.kinds import account, is_refusal, model_name, short_name, spoken
from signal_log.show.words.remarks import failure
from signal_log.show.words.short import is_unknown, short, short_pair
from signal_log.show.words.text import one_line

SIGNS: Final = {
    "created": "+", "updated": "~", "deleted": "-", "m2m": "&", "silent": "?", "signal": "*", FAILED: "!",
    ROLLED_BACK: "x",
}  # fmt: skip
"""What stands in front of a line, so that nothing is told by colour alone."""
FOLD_ABOVE: Final = 3
"""Up to this many equal neighbours are told one by one."""
MOST_FIELDS: Final = 3
LONGEST_DETAIL: Final = 200
DEEPEST_INDENT: Final = 16
"""What is deeper is not indented further, but tells its level: lines of a long chain would be mostly blanks."""
NO_LEVELS: Final[Mapping[int, int]] = {}
TRIED: Final = {"created": "create", "updated": "save", "deleted": "delete"}


class Line(NamedTuple):
    """One operation, or ``times`` equal ones; ``kind`` is a key of ``SIGNS``; ``level`` counts from 0."""

    kind: str
    level: int
    receiver: str
    words: str
    object: str
    detail: str
    brief: str
    call_site: str
    times: int
    position: int


def told(cascade: Cascade, *, fold: bool = True, levels: Mapping[int, int] = NO_LEVELS) -> list[Line]:
    """All lines, causes before effects; with ``fold``, equal neighbours are one.

    ``levels`` has those of operations that were told before, by the positions of their events.
    """
    return list(telling(cascade, fold=fold, levels=levels))


def telling(cascade: Cascade, *, fold: bool = True, levels: Mapping[int, int] = NO_LEVELS) -> Iterator[Line]:
    """The lines one by one, for who may not want all."""
    number_shapes(cascade, phrase.line)
    yield from flat(_siblings(cascade.roots, 0, fold=fold))
    for position, operations in cascade.orphans.items():
        yield from flat(_siblings(operations, levels.get(position, -1) + 1, fold=fold))


def line_of(operation: Operation, level: int, times: int = 1) -> Line:
    """The line of one operation, for a reader that gets them one at a time."""
    event = operation.last
    kind = kind_of(operation)
    alone = times == 1
    return Line(
        kind, level, one_line(short_name(operation.receiver), 100), words_of(operation),
        _object(operation) if alone else "", one_line(_detail(operation, alone=alone), LONGEST_DETAIL),
        one_line(_detail(operation, alone=alone, brief=True), LONGEST_DETAIL),
        one_line(event.call_site, 120) if alone else "", times, operation.position,
    )  # fmt: skip


def as_text(line: Line, *, narrow: bool = False) -> str:
    """The line as text; ``narrow`` leaves out apps, keys, old values, places in code, and what the sign says."""
    deep = f"{line.level} " if line.level > DEEPEST_INDENT else ""
    indent = f"{'  ' * (min(line.level, DEEPEST_INDENT) - 1)}└ {deep}" if line.level else ""
    cause = f"{line.receiver} → " if line.receiver else ""
    words = _narrowed(line) if narrow else line.words
    times = f" × {line.times:,}" if line.times > 1 else ""
    name = line.object.partition(" ")[2] if narrow else line.object
    head = " ".join(filter(None, (f"{indent}{cause}{words}{times}", name)))
    if narrow:
        return "  ".join(filter(None, (head, line.brief)))
    return "   ".join(filter(None, (head, line.detail, line.call_site)))


def _siblings(operations: Sequence[Operation], level: int, *, fold: bool) -> Nested[Line]:
    for _, equal in groupby(operations, key=lambda operation: operation.shape):
        alike = list(equal)
        if fold and len(alike) > FOLD_ABOVE:
            yield line_of(alike[0], level, len(alike))
            yield _below(alike[0], level, fold=fold)
        else:
            for operation in alike:
                yield line_of(operation, level)
                yield _below(operation, level, fold=fold)


def _below(operation: Operation, level: int, *, fold: bool) -> Nested[Line]:
    for cause in operation.causes():
        yield _siblings(cause.operations, level + 1, fold=fold)


def kind_of(operation: Operation) -> str:
    """A key of ``SIGNS``: its verb, or what became of it."""
    outcome = operation.last.outcome
    if outcome in (FAILED, ROLLED_BACK):
        return outcome
    return FAILED if is_refusal(operation.last) else operation.verb


def words_of(operation: Operation) -> str:
    """``created shop.Order``, or ``failed to create shop.Order``."""
    kind, model = kind_of(operation), one_line(operation.last.sender, 200)
    if kind == FAILED and operation.verb in TRIED:
        return f"failed to {TRIED[operation.verb]} {model}"
    words = spoken(operation.last.signal) if account(operation.last) else phrase.phrase(operation)
    return f"rolled back: {words}" if kind == ROLLED_BACK else words


def _object(operation: Operation) -> str:
    event = operation.last
    name = event.object_repr if event.object_repr != event.object_pk else ""
    return " ".join(filter(None, (one_line(event.object_pk, 60), one_line(name, 60))))


def _detail(operation: Operation, *, alone: bool, brief: bool = False) -> str:
    event = operation.last
    error = failure(event) or failure(operation.first)
    if event.outcome != COMMITTED and error:
        return error
    fields = list(pairs(event.changes))
    if alone and not event.object_repr and (who := account(event)):
        return f"as {one_line(who, LONGEST_DETAIL)}"
    if operation.verb in ("created", "deleted", "signal"):
        return ""
    if not alone:
        return ", ".join(name for name, _, _ in fields)
    both = operation.verb != "silent" and not brief
    shown = ", ".join(_change(*field, both=both) for field in fields[:MOST_FIELDS])
    return f"{shown}, +{len(fields) - MOST_FIELDS}" if len(fields) > MOST_FIELDS else shown


def _change(name: str, old: Any, new: Any, *, both: bool) -> str:
    if old == new == MASK:
        return f"{name} changed"
    if both and old is not None:
        before, after = short_pair(old, new)
        return f"{name} {_quoted(old, before)} → {_quoted(new, after)}"
    return f"{name} → {_quoted(new, short(new))}"


def _quoted(value: Any, text: str) -> str:
    if value is None:
        return "null"
    if value == "":
        return '""'
    return f'"{text}"' if isinstance(value, str) and value != MASK and not is_unknown(value) else text


def _narrowed(line: Line) -> str:
    verb, _, label = line.words.rpartition(" ")
    if "." not in label:
        return line.words
    return model_name(label) if line.kind in ("created", "updated", "deleted") else f"{verb} {model_name(label)}"
