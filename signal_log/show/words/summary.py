"""The change of an event on one line, in the words of the live page (``kinds.js``): the telling field comes first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from signal_log.event import MASK, Event
from signal_log.models import SignalEvent
from signal_log.show.words.diff import pairs
from signal_log.show.words.text import one_line, plain

NAMING: Final = ("username", "name", "title", "label", "slug", "email", "subject", "code")
STAMP: Final = re.compile(r"(updated|modified|changed|last)(_at|_on|_time)?|.*_(updated|modified)(_at|_on)?")
MOST_OF_A_STATEMENT: Final = 3
LONGEST_NAME, LONGEST_VALUE, LONGEST_STATEMENT = 40, 48, 80

_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(Z|\+00:00)?")


class Part(NamedTuple):
    """A piece of the line; ``role`` is ``dim``, ``old``, ``arrow`` or ``new``."""

    role: str
    text: str


class Changed(NamedTuple):
    """One field and what it held and holds."""

    name: str
    old: Any
    new: Any


def summary(event: Event | SignalEvent, verb: str) -> list[Part]:
    """The line of an event with this verb (``kinds.verb``)."""
    fields = sorted((Changed(*found) for found in pairs(event.changes)), key=_rank)
    if not fields:
        return [Part("dim", text)] if (text := _nothing(event, verb)) else []
    if verb == "silent" and not event.object_pk:  # a statement knows what it wrote, never over what
        return [part for name, _, new in fields[:MOST_OF_A_STATEMENT] for part in (_name(name), _new(new))]
    gone = verb == "deleted" or event.signal == "silent_delete"
    if gone or verb == "created" or event.signal == "silent_insert":
        return list(_whole_row(fields, event, gone=gone))
    return list(_one_field(fields, verb))


def _whole_row(fields: list[Changed], event: Event | SignalEvent, *, gone: bool) -> Iterator[Part]:
    """How many fields came or went, and the one that names the object."""
    yield Part("dim", f"{len(fields)} field{'' if len(fields) == 1 else 's'}")
    sides = [(field.name, field.old if gone else field.new) for field in fields]
    texts = [(name, value) for name, value in sides if isinstance(value, str) and value not in ("", MASK)]
    named = [(name, value) for name, value in texts if value == event.object_repr]
    for name, value in (named or texts)[:1]:
        yield _name(name)
        yield Part("old", _short(value)) if gone else _new(value)


def _one_field(fields: list[Changed], verb: str) -> Iterator[Part]:
    name, old, new = next((field for field in fields if field.new != MASK), fields[0])
    yield _name(name)
    if old == new == MASK:
        yield Part("dim", "changed")
    elif verb in ("m2m", "signal"):  # of what was added, removed or given along there is one side only
        yield from (Part(role, _short(value)) for role, value in (("old", old), ("new", new)) if value is not None)
    else:
        before, after = _short_pair(old, new)
        if old not in (None, ""):
            yield Part("old", before)
        yield Part("arrow", "→")
        yield Part("dim" if new in (None, "") else "new", after)
    if len(fields) > 1:
        yield Part("dim", f"+{len(fields) - 1}")


def _nothing(event: Event | SignalEvent, verb: str) -> str:
    """What is said of an event without a change."""
    statement = event.origin.get("statement") if isinstance(event.origin, dict) else None
    if verb == "silent" and not event.object_pk:
        return one_line(str(statement or ""), LONGEST_STATEMENT)
    if event.raw:
        return "loaded from a fixture"
    if verb == "deleted":
        return "the row"
    if verb in ("m2m", "signal"):
        return ""
    saved = ", ".join(map(str, event.update_fields)) if isinstance(event.update_fields, list) else ""
    return f"saved {one_line(saved, 60)}, nothing changed" if saved else "nothing changed"


def _rank(field: Changed) -> int:
    """What names a thing first, when it was touched last."""
    if STAMP.fullmatch(field.name):
        return 2
    return 0 if field.name in NAMING else 1


def _name(name: str) -> Part:
    return Part("dim", one_line(name, LONGEST_NAME))


def _new(value: Any) -> Part:
    return Part("new", _short(value))


def _short(value: Any) -> str:
    if value == "":
        return "empty"
    text = plain(value)
    moment = _MOMENT.fullmatch(text)
    return one_line(f"{moment[1]} {moment[2]}" if moment else text, LONGEST_VALUE)


def _short_pair(old: Any, new: Any) -> tuple[str, str]:
    """Both sides; two times of one day need no date."""
    a, b = (_MOMENT.fullmatch(value) if isinstance(value, str) else None for value in (old, new))
    if a is None or b is None or a[1] != b[1]:
        return _short(old), _short(new)
    if a[2] != b[2]:
        return a[2], b[2]
    return a[2] + (a[3] or "")[:4], b[2] + (b[3] or "")[:4]
